"""`python -m runtime.embedded.guard`: run one part, and stop it when the hosting process ends.

The host holds the other end of standard input. A byte means "ready: restart the part if it dies". The end of the
stream means "stop the part"; it arrives however the host dies.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from runtime.embedded.unprivileged import Identity, become, die_with_parent

KEEP_UP: Final = b"k"
_RESTART_PAUSE: Final = 0.5
_SHORT_LIFE: Final = 5.0
_SHORT_LIVES: Final = 20
_LEAST_ROOM: Final = 64 * 1024**2
"""Bytes. A segment of PostgreSQL's log is 16 MB, and recovery may need more than one."""


@dataclass(frozen=True, slots=True)
class Program:
    """The program that a guard runs. Times in seconds."""

    argv: list[str]
    stop_signal: int = signal.SIGTERM
    grace: float = 5.0
    """How long the program may take to stop before it is killed."""
    identity: Identity | None = None
    """Identity under which it runs. None: the current one."""
    folder: str | None = None
    """Working directory, entered under the identity. None: the current one."""
    kept_open: list[int] = field(default_factory=list)
    """Descriptors that the program inherits: while it runs, the data folder counts as held."""
    writes_to: str = ""
    """Folder of its data. On a full disk the program dies early at each start, until space is free again."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        identity = values.pop("identity")
        return cls(**values, identity=Identity(**identity) if identity else None)


def start_guarded(
    program: Program, output: IO[bytes], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> "subprocess.Popen[bytes]":
    """Start a program under a guard in its own session, and return the guard. Closing the guard's input stops both.

    Environment and folder default to ours. The guard must be importable from the folder or by the environment.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "runtime.embedded.guard", program.to_json()],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=program.kept_open,
        start_new_session=True,
    )


def lacks_room(folder: str) -> bool:
    """Return whether the folder's disk is too full for a database to start."""
    try:
        return bool(folder) and shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False


class Guard:
    """Keep one program running until it must stop."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._child: subprocess.Popen[bytes] | None = None
        self._restarts = False
        self._stopping = threading.Event()
        self._child_guard = threading.Lock()

    def run(self) -> int:
        """Run the program until it stops; return the exit status of its last run."""
        threading.Thread(target=self._listen, daemon=True).start()
        short_lives = 0
        while True:
            began = time.monotonic()
            status = self._start().wait()
            short_lives = short_lives + 1 if time.monotonic() - began < _SHORT_LIFE else 0
            if lacks_room(self._program.writes_to):
                short_lives = 0
            if self._stopping.is_set() or not self._restarts or short_lives > _SHORT_LIVES:
                return status if status >= 0 else 128 - status
            self._stopping.wait(_RESTART_PAUSE)

    def stop(self) -> None:
        """Ask the program to stop, and kill it after the grace period."""
        with self._child_guard:
            self._stopping.set()
            child = self._child
        if child is None:
            return
        child.send_signal(self._program.stop_signal)
        try:
            child.wait(self._program.grace)
        except subprocess.TimeoutExpired:
            child.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._child_guard:
            if self._stopping.is_set():
                raise SystemExit(0)
            # The guard starts children from its only main thread, where preexec_fn is safe.
            self._child = subprocess.Popen(
                self._program.argv,
                stdin=subprocess.DEVNULL,
                pass_fds=self._program.kept_open,
                preexec_fn=self._prepare,  # noqa: PLW1509
            )
            return self._child

    def _prepare(self) -> None:
        try:
            if self._program.identity is not None:
                become(self._program.identity)
            if self._program.folder is not None:
                os.chdir(self._program.folder)
        except OSError as error:
            # Popen would only report that something was raised here.
            os.write(2, f"{error}\n".encode())
            raise
        die_with_parent(self._program.stop_signal)

    def _listen(self) -> None:
        while os.read(sys.stdin.fileno(), 1):
            self._restarts = True
        self.stop()


def main() -> int:
    """Run the program described by the only argument."""
    guard = Guard(Program.from_json(sys.argv[1]))
    # Histories and books are readable by their owner only, whatever mode a part chooses.
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=guard.stop, daemon=True).start())
    try:
        return guard.run()
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"cannot run {sys.argv[1]}: {error}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main())
