"""Audit log files in the data folder: commands that wait for the database, and the last row observed here."""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from domain.audit_log import Anchor, Client, Command, Outcome
from domain.identity import AccountId
from runtime.embedded.errors import CorruptFolderError
from runtime.embedded.folder import read_json
from security.private_files import private_folder, write_private

_WAITING: Final = "waiting-"
_LONGEST_COMMAND: Final = timedelta(minutes=10)
"""Real time after which a command of another machine or container that shares the folder counts as ended."""


class AuditFolder:
    """Small files, written atomically. An attacker with access to the database alone cannot change them."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / "audit"

    def keep(self, command: Command, *, has_ended: bool) -> None:
        """Keep a command until it is in the database."""
        private_folder(self._folder)
        values = {**asdict(command), "asked_at": command.asked_at.isoformat(), "has_ended": has_ended}
        write_private(self._file(command), json.dumps(values))

    def drop(self, command: Command) -> None:
        """Delete a command that is in the database."""
        self._file(command).unlink(missing_ok=True)

    def waiting(self, now: datetime) -> Iterator[Command]:
        """Yield the commands that the database lacks, oldest first. Skip commands whose process still runs."""
        found = [_read(path) for path in self._files()]
        for values in sorted((each for each in found if each is not None), key=lambda each: str(each["asked_at"])):
            command = _command(values)
            if values["has_ended"] or _has_ended(command, now):
                yield command

    def count(self) -> int:
        """Return the number of waiting commands, including unreadable ones."""
        return len(self._files())

    def anchor(self, account_id: AccountId) -> Anchor | None:
        """Return the last row of an account's log that this machine has written; None before the first."""
        values = read_json(self._anchor(account_id))
        try:
            return None if values is None else Anchor(int(values["sequence"]), str(values["digest"]))
        except (KeyError, TypeError, ValueError):
            raise CorruptFolderError(f"{self._anchor(account_id)} does not name a row of the audit log") from None

    def remember(self, account_id: AccountId, row: Anchor) -> None:
        """Record a row outside the database, so that a truncated log is detected."""
        private_folder(self._folder)
        write_private(self._anchor(account_id), json.dumps(asdict(row)))

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_WAITING}*.json"))

    def _file(self, command: Command) -> Path:
        return self._folder / f"{_WAITING}{command.command_id}.json"

    def _anchor(self, account_id: AccountId) -> Path:
        return self._folder / f"last-row-{account_id}.json"


def _read(path: Path) -> dict[str, Any] | None:
    """Return a file's content; None if it is gone or unreadable. An unreadable file stays and is counted."""
    try:
        values = read_json(path)
        if values is not None:
            _command(values)
            _ = values["has_ended"]
    except (CorruptFolderError, KeyError, TypeError, ValueError):
        return None
    return values


def _command(values: dict[str, Any]) -> Command:
    return Command(
        command_id=str(values["command_id"]),
        words=str(values["words"]),
        client=Client(**values["client"]),
        asked_at=datetime.fromisoformat(values["asked_at"]),
        outcome=Outcome(values["outcome"]),
        reason=str(values["reason"]),
    )


def _has_ended(command: Command, now: datetime) -> bool:
    if command.client.host == socket.gethostname():
        return not _lives(command.client.pid)
    return now - command.asked_at > _LONGEST_COMMAND


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
