"""PostgreSQL's client programs, run on any database."""

import asyncio
import os
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from database.copies import client_environment
from runtime.embedded.binaries import postgres_binaries
from runtime.embedded.errors import PartFailedError

_NOT_THE_OWNER: Final = "the role lacks a right; set HARU_DATABASE_MIGRATION_URL to the same database as its owner"


@asynccontextmanager
async def client_program(
    name: str, url: str, options: Sequence[str], stdin: int = DEVNULL, stdout: int = DEVNULL
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a client program of PostgreSQL while the block runs."""
    process = await asyncio.create_subprocess_exec(
        postgres_binaries() / name,
        *options,
        env={**_passed_on(), "LANG": "C.UTF-8", **client_environment(url)},
        stderr=asyncio.subprocess.PIPE,
        stdin=stdin,
        stdout=stdout,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def succeeded(process: asyncio.subprocess.Process, name: str) -> None:
    """Wait for a program to end.

    Raises:
        PartFailedError: it failed; the text has its words.
    """
    assert process.stderr is not None  # noqa: S101 - a pipe, as asked
    words = (await process.stderr.read()).decode(errors="replace").strip()
    if await process.wait() == 0:
        return
    if "privilege" in words.lower() or "denied" in words:
        raise PartFailedError(f"{name}: {_NOT_THE_OWNER}; nothing was changed: {words[:600]}")
    raise PartFailedError(f"{name} failed, and nothing was changed: {words[:600]}")


def _passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
