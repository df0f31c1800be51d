"""A ``worker.py`` that this process starts, waits for, and stops."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.errors import NothingRunsError
from runtime.embedded.guard import Program, start_guarded
from security.private_files import new_private

_ROOT: Final = Path(__file__).resolve().parents[2]
_READY_WITHIN: Final = 180.0
_GRACE: Final = 30.0
_LOOK: Final = 0.05
_QUOTED_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The guard of the process, and the log that the process writes."""

    guard: "subprocess.Popen[bytes]"
    log: Path

    @property
    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self.guard.poll() is not None

    async def until_ready(self) -> None:
        """Wait until the process hosts the trading.

        Raises:
            NothingRunsError: it has ended, or is not ready in time.
        """
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while b"worker ready" not in self.log.read_bytes():
                    self.require_alive()
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise NothingRunsError(f"the worker process was not ready in time; {self.last_lines()}") from None

    def require_alive(self) -> None:
        """Raise if the process has ended.

        Raises:
            NothingRunsError: it has; the text quotes the end of its log.
        """
        if self.has_ended:
            raise NothingRunsError(f"the worker process has ended (exit {self.guard.returncode}); {self.last_lines()}")

    def last_lines(self) -> str:
        """Return the end of the log, to be quoted."""
        lines = self.log.read_text(errors="replace").splitlines()[-_QUOTED_LINES:]
        return "\n  | ".join([f"the last lines of {self.log}:", *lines])


@asynccontextmanager
async def worker_process(log: Path) -> AsyncIterator[WorkerProcess]:
    """Run ``worker.py`` under a guard that stops it even if this process dies."""
    program = Program([sys.executable, str(_ROOT / "worker.py")], stop_signal=signal.SIGTERM, grace=_GRACE)
    with new_private(log) as opened:
        guard = start_guarded(program, opened, {**os.environ, "HARU_WEB__ENABLED": "false"})
    try:
        yield WorkerProcess(guard, log)
    finally:
        await asyncio.shield(asyncio.to_thread(_stop, guard))


def _stop(guard: "subprocess.Popen[bytes]") -> None:
    if guard.stdin is not None:
        guard.stdin.close()
    try:
        guard.wait(_GRACE + 5)
    except subprocess.TimeoutExpired:
        guard.kill()
