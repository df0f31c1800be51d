"""The page beside a host, in a process of its own: nothing that it does stops, delays or ends trading."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Never

logger = logging.getLogger("haru.web")

PROGRAM: Final = ("-m", "web.process")
_ROOT: Final = Path(__file__).resolve().parents[1]
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_MOST_LINES: Final = 100
_LONGEST_LINE: Final = 2_000
_LONG_LIFE: Final = 60.0
"""Real seconds after which an end counts as the first one again."""


async def keep_page(program: tuple[str, ...] = PROGRAM, first_pause: float = _FIRST_PAUSE) -> Never:
    """Keep the page running until cancelled; start it again after growing pauses. Its faults are logged, never raised.

    It ends when its standard input closes, which happens however this process ends. A command under way goes on.
    """
    said: set[str] = set()
    pause, loop = first_pause, asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            exited = await _one_life(program, said)
        except Exception as fault:  # noqa: BLE001 - no memory, no process, no thread: trading goes on without the page
            logger.warning("page_not_started", extra={"cause": f"{type(fault).__name__}: {fault}"})
        else:
            logger.warning("page_ended", extra={"exit": exited, "again_in_seconds": pause})
        pause = first_pause if loop.time() - began > _LONG_LIFE else pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _one_life(program: tuple[str, ...], said: set[str]) -> int | None:
    page, ended = _started(program), asyncio.Event()
    try:
        _follow(page, said, asyncio.get_running_loop(), ended)
        await ended.wait()
    finally:
        if page.stdin is not None:
            with suppress(OSError):
                page.stdin.close()
    return page.returncode


def _started(program: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    inherited = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(filter(None, (str(_ROOT), inherited)))
    return subprocess.Popen(
        [sys.executable, *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )


def _follow(
    page: "subprocess.Popen[bytes]", said: set[str], loop: asyncio.AbstractEventLoop, ended: asyncio.Event
) -> None:
    """Show what the page says, its links or why it is not served, each line once; then report its end."""

    def follow() -> None:
        with suppress(OSError, ValueError):
            while page.stdout is not None and (line := page.stdout.readline(_LONGEST_LINE)):
                text = line.decode(errors="replace").rstrip()
                if text and text not in said and len(said) < _MOST_LINES:
                    said.add(text)
                    print(text, flush=True)
        page.wait()
        with suppress(RuntimeError):  # the host has ended meanwhile
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=follow, daemon=True).start()
