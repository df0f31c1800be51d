"""The processes of a round: hosting processes that chaos starts and breaks, and the parts under their guards."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.embedded.guard import Program, start_guarded
from security.private_files import append_private
from tools.chaos.drifting import DRIFT_FILE
from tools.chaos.moods import MOOD_FILE

ROOT: Final = Path(__file__).resolve().parents[2]
ALERT_URLS: Final = "HARU_ALERTS__URLS"
CHANNEL: Final = "json://127.0.0.1:9/haru"
"""The alert channel of a fleet under the adversary. No process listens there, so alerts stay pending."""
_READY_WITHIN: Final = 60.0
_GRACE: Final = 20.0
_LOOK: Final = 0.05


class HostFailedError(Exception):
    """A hosting process did not become ready; the text quotes its log."""


@dataclass(slots=True)
class Host:
    """One ``worker.py`` under a guard, so that it does not outlive the adversary."""

    name: str
    environment: Mapping[str, str]
    log: Path
    alerts: str = CHANNEL
    """The alert channels of its next start."""
    starts: int = 0
    program: tuple[str, ...] = ("-m", "tools.chaos.moody_host")
    """Arguments of the interpreter."""
    _guard: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Return the process id of ``worker.py`` itself, or None while it does not run."""
        return child_of(self._guard.pid) if self._guard is not None and self._guard.poll() is None else None

    @property
    def is_ready(self) -> bool:
        """Return whether its latest start has completed and it still runs, frozen or not."""
        if self._guard is None or self._guard.poll() is not None:
            return False
        return b"worker ready" in self.log.read_bytes().rpartition(b"--- start")[2]

    def start(self) -> None:
        """Start the process unless it is running."""
        if self._guard is not None and self._guard.poll() is None:
            return
        self.starts += 1
        program = Program([sys.executable, *self.program], stop_signal=signal.SIGTERM, grace=_GRACE)
        with append_private(self.log) as log:
            log.write(f"--- start {self.starts}\n".encode())
            files = {MOOD_FILE: str(self.mood_file), DRIFT_FILE: str(self.drift_file), "HARU_WEB__ENABLED": "false"}
            self._guard = start_guarded(program, log, {**self.environment, ALERT_URLS: self.alerts, **files})

    @property
    def mood_file(self) -> Path:
        """Return the file that says how its strategies misbehave; absent while they behave."""
        return self.log.with_suffix(".mood")

    @property
    def drift_file(self) -> Path:
        """Return the file that says how its clock drifts; absent while it does not."""
        return self.log.with_suffix(".drift")

    def signal(self, number: int) -> bool:
        """Send a signal to ``worker.py``; return False if it does not run."""
        return send(self.pid, number)

    async def until_ended(self) -> None:
        """Wait until the process ends; kill it after the grace period."""
        if self._guard is None:
            return
        try:
            await asyncio.to_thread(self._guard.wait, _GRACE)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            await asyncio.to_thread(self._guard.wait, _GRACE)

    async def until_ready(self) -> None:
        """Wait until the latest start reports ready.

        Raises:
            HostFailedError: the process ended, or was not ready in time.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_WITHIN):
                while self._guard is not None and self._guard.poll() is None:
                    if self.is_ready:
                        return
                    await asyncio.sleep(_LOOK)
        lines = self.log.read_text(errors="replace").splitlines()[-12:]
        raise HostFailedError("\n  | ".join([f"{self.name} did not become ready:", *lines]))

    async def stop(self) -> None:
        """Let the process drain; the guard kills it after the grace period."""
        if self._guard is None or self._guard.poll() is not None or self._guard.stdin is None:
            return
        self.signal(signal.SIGCONT)
        self._guard.stdin.close()
        await self.until_ended()


def child_of(guard: int) -> int | None:
    """Return the process id of a guard's only child."""
    return next(iter(_children_of(guard)), None)


def family_of(pid: int) -> list[int]:
    """Return a process and its children: PostgreSQL runs as many processes."""
    return [pid, *_children_of(pid)]


def _children_of(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False)  # noqa: S607
    pairs = (line.split() for line in listing.stdout.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == pid]


def send(pid: int | None, number: int) -> bool:
    """Send a signal to one of our processes; return False if it is gone."""
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
