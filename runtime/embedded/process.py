"""Start a part under its guard, wait for it, and stop it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from runtime.embedded.errors import PartFailedError
from runtime.embedded.guard import KEEP_UP, Program, start_guarded
from security.private_files import append_private, private_folder

_ROOT: Final = Path(__file__).resolve().parents[2]
_PASSED_ON: Final = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_POLL: Final = 0.05
_QUOTED_LINES: Final = 8
_LOG_LIMIT: Final = 5_000_000
_ATTEMPT_LIMIT: Final = 30.0

ReadyCheck = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class GuardedProcess:
    """A part and its guard."""

    name: str
    program: Program
    log: Path
    _guard: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int | None:
        """Process id of the guard."""
        return self._guard.pid if self._guard else None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the guard; None while it runs."""
        return self._guard.poll() if self._guard else None

    def start(self) -> None:
        """Start guard and part in their own session. Output goes to the log."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with append_private(self.log) as output:
            self._guard = start_guarded(self.program, output, _environment(self.log.parent), _ROOT)

    async def wait_until_ready(self, is_ready: ReadyCheck, limit: float, hint: str) -> None:
        """Wait at most `limit` seconds for the part to be ready. From then on the guard restarts it if it dies."""
        try:
            async with asyncio.timeout(limit):
                while not await is_ready():
                    self._raise_if_ended(hint)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise PartFailedError(self._message(f"was not ready after {limit:.0f} s", hint)) from None
        assert self._guard is not None and self._guard.stdin is not None  # noqa: S101, PT018 - started above
        self._guard.stdin.write(KEEP_UP)
        self._guard.stdin.flush()

    async def wait_until_done(self, limit: float, hint: str) -> None:
        """Wait for a program that ends by itself; raise PartFailedError unless it succeeds."""
        assert self._guard is not None  # noqa: S101 - started above
        try:
            status = await asyncio.to_thread(self._guard.wait, limit)
        except subprocess.TimeoutExpired:
            raise PartFailedError(self._message(f"did not finish within {limit:.0f} s", hint)) from None
        if status != 0:
            raise PartFailedError(self._message(f"failed (exit {status})", hint))

    async def stop(self) -> None:
        """Close the guard's input and wait until part and guard have ended."""
        guard = self._guard
        if guard is None or guard.stdin is None:
            return
        guard.stdin.close()
        try:
            await asyncio.to_thread(guard.wait, self.program.grace + 5)
        except subprocess.TimeoutExpired:
            guard.kill()

    def failure(self) -> PartFailedError | None:
        """Return why the part ended, or None while it runs."""
        if self.exit_status is None:
            return None
        return PartFailedError(self._message(f"has ended (exit {self.exit_status})", "start again"))

    def _raise_if_ended(self, hint: str) -> None:
        if self.exit_status is not None:
            raise PartFailedError(self._message(f"did not start (exit {self.exit_status})", hint))

    def _message(self, what: str, hint: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_QUOTED_LINES:] if self.log.exists() else []
        quoted = "".join(f"\n  | {line[:300]}" for line in lines)
        return f"{self.name} {what}; {hint}. The last lines of {self.log}:{quoted or ' (empty)'}"


@dataclass(slots=True)
class Launcher:
    """Start parts in a folder and stop them in reverse order."""

    folder: Path
    kept_open: list[int] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    running: list[GuardedProcess] = field(default_factory=list)

    def launch(self, name: str, program: Program) -> GuardedProcess:
        """Start a part that keeps running."""
        process = self._started(name, program)
        self.running.append(process)
        return process

    async def run(self, name: str, program: Program, limit: float, hint: str) -> None:
        """Run a program to its end, within `limit` seconds."""
        await self._started(name, program).wait_until_done(limit, hint)

    def _started(self, name: str, program: Program) -> GuardedProcess:
        logs = private_folder(self.folder / "logs")
        held = replace(program, kept_open=self.kept_open, writes_to=str(self.folder))
        process = GuardedProcess(name, held, logs / f"{name.lower()}.log")
        process.start()
        self.stack.push_async_callback(process.stop)
        return process


def first_words_of_failure(program: Program, home: Path) -> str | None:
    """Run a short program under its guard; return the first line of its output when it fails, else None."""
    with tempfile.TemporaryFile() as output:
        guard = start_guarded(program, output, _environment(home), _ROOT)
        try:
            status = guard.wait(_ATTEMPT_LIMIT)
        except subprocess.TimeoutExpired:
            return f"no answer within {_ATTEMPT_LIMIT:.0f} s"
        finally:
            guard.communicate()
        output.seek(0)
        words = output.read().decode(errors="replace").splitlines()
    return None if status == 0 else next(iter(words), f"exit {status}")


def _environment(home: Path) -> dict[str, str]:
    """Return the environment of a part. It contains none of our secrets."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
