"""Whether the packages that Haru needs are installed; imports nothing but the standard library."""

import sys
from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("asyncpg", "dotenv", "httpx", "pydantic", "rich", "temporalio")


def require_packages(program: str) -> None:
    """Exit with 1 and the remedy if this Python lacks a package."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        sys.exit(
            f"{program}: {sys.executable} has no {missing[0]}. Run `make install` once, then "
            f"`.venv/bin/python {program}` (or activate it: `. .venv/bin/activate`)"
        )
