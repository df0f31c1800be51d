"""A small program that hosts embedded parts and that the tests kill: `python -m tests.runtime.embedded.host`."""

import asyncio
import sys

from runtime.embedded.errors import EmbeddedError
from runtime.embedded.parts import EmbeddedParts
from runtime.settings import load_settings


async def main() -> None:
    """Start the parts, report it, and wait for the end."""
    async with EmbeddedParts(load_settings()) as parts:
        sys.stdout.write(f"up {parts.endpoints}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except EmbeddedError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
