"""Write each operator's command into the audit log. The audit never delays, blocks or replaces the command."""

import asyncio
import logging
import shlex
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from database.errors import DATABASE_FAULTS, database_cause
from domain.audit_log import Command, Outcome, event_of
from domain.errors import TradingError
from domain.masking import Masking
from fleet.duties.audit import report_a_broken_log
from fleet.duties.duty import Terms
from fleet.errors import OperationError
from fleet.fleet import Fleet
from reporting.spoken import say
from runtime.audit_keys import audit_key
from runtime.embedded.audit_folder import AuditFolder
from runtime.embedded.errors import CorruptFolderError, EmbeddedError
from runtime.env_file import default_data_folder
from runtime.installed import VERSION
from runtime.os_user import os_client
from runtime.settings import Settings, SettingsError, load_settings

logger = logging.getLogger("haru.audit")

_LONGEST_TEXT: Final = 400
_WRITTEN_WITHIN: Final = 15.0
"""Real seconds that a finished command waits for its row. After that the row is written later."""
_KEPT_WITHIN: Final = 3.0
_REFUSALS: Final = (OperationError, TradingError, SettingsError)


class Audit:
    """One command's audit row. A file in the data folder holds it from the start until it is in the database."""

    def __init__(self, program: str, words: Sequence[str]) -> None:
        self._program = program
        self._settings = _settings()
        self._mask = Masking(self._settings.secrets() if self._settings else ())
        self._data_folder = self._settings.data_dir if self._settings else default_data_folder()
        self._folder = AuditFolder(self._data_folder)
        client = os_client(f"{program} {VERSION}")
        now = datetime.now(UTC)  # noqa: TID251 - the client's own clock; the database adds its own
        self._command = Command(uuid.uuid4().hex, self._text(shlex.join(words)), client, now)
        self._is_concluded = False
        self._trouble = ""
        self._fleet: Fleet | None = None
        # Use a thread: neither a slow disk nor its end delays the command.
        self._keeping = threading.Thread(target=lambda: self._keep(self._command, has_ended=False), daemon=True)
        with suppress(RuntimeError):  # no thread can be started: the row is written only at the end
            self._keeping.start()

    @property
    def command_id(self) -> str:
        """Return the id of the command, which the updates of its workflows also carry."""
        return self._command.command_id

    async def around(self, act: Callable[[], Awaitable[int]], fleet: Fleet | None = None) -> int:
        """Run the command and write its row with the outcome, even if the command raises."""
        self._fleet = fleet
        try:
            code = await act()
        except _REFUSALS as refusal:
            await self.conclude(Outcome.REFUSED, str(refusal))
            raise
        except Exception as error:
            await self.conclude(Outcome.FAILED, f"{type(error).__name__}: {error}")
            raise
        except BaseException as error:
            await self.conclude(Outcome.UNKNOWN, f"interrupted ({type(error).__name__})")
            raise
        await self.conclude(Outcome.ACCEPTED if code == 0 else Outcome.FAILED)
        return code

    async def conclude(self, outcome: Outcome, reason: str = "") -> None:
        """Write the row. Only the first outcome of a command counts. Failures are reported, never raised."""
        if self._is_concluded:
            return
        self._is_concluded = True
        try:
            await self._conclude(outcome, reason)
        except Exception as error:  # noqa: BLE001 - a bug here must not fail the command
            self._say(f"this command is NOT in the audit log: {self._text(f'{type(error).__name__}: {error}')}")

    async def _conclude(self, outcome: Outcome, reason: str) -> None:
        if self._keeping.is_alive():
            await asyncio.to_thread(self._keeping.join, _KEPT_WITHIN)
        self._command = replace(self._command, outcome=outcome, reason=self._text(reason))
        problem = "no fleet runs" if self._fleet is None else await self._write(self._fleet)
        if not problem:
            return
        self._trouble = ""
        await asyncio.to_thread(self._keep, self._command, has_ended=True)
        if self._trouble:
            self._say(f"this command is NOT in the audit log: {problem}, and {self._trouble}")
        elif self._fleet is not None:
            self._say(f"the audit log gets this command later; until then the data folder keeps it: {problem}")

    async def _write(self, fleet: Fleet) -> str:
        """Return why the row is not in the database; empty when it is."""
        try:
            async with asyncio.timeout(_WRITTEN_WITHIN):
                key = await asyncio.to_thread(audit_key, self._settings) if self._settings else None
                await flush(self._folder, fleet, key, self._command)
        except TimeoutError:
            return f"PostgreSQL did not take it within {_WRITTEN_WITHIN:.0f} s"
        except DATABASE_FAULTS as fault:
            return f"PostgreSQL: {database_cause(fault)}"
        except (TradingError, EmbeddedError) as fault:
            return self._text(str(fault))
        return ""

    def _keep(self, command: Command, *, has_ended: bool) -> None:
        is_remote = self._settings is not None and self._settings.database_url is not None
        if not self._data_folder.is_dir() and not is_remote and command.outcome is not Outcome.ACCEPTED:
            return  # no fleet has ever run here: there was nothing to command
        try:
            self._folder.keep(command, has_ended=has_ended)
        except OSError as error:
            self._trouble = f"the data folder {self._data_folder} cannot be written to ({error.strerror})"

    def _text(self, text: str) -> str:
        plain = self._mask(text).encode("utf-8", "replace").decode().replace("\0", "")
        return plain if len(plain) <= _LONGEST_TEXT else f"{plain[:_LONGEST_TEXT]}…"

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{self._program}: {say(text)}\n")


async def flush(folder: AuditFolder, fleet: Fleet, key: bytes | None, own: Command | None = None) -> None:
    """Write waiting commands of the data folder to the database, then ``own``; report a truncated log."""
    now = datetime.now(UTC)  # noqa: TID251 - compared with the client's clock
    may_remember = await _holds_what_was_seen(folder, fleet)
    for command in folder.waiting(now):
        if own is None or command.command_id != own.command_id:
            try:
                await _write(folder, fleet, key, command, may_remember=may_remember)
            except DATABASE_FAULTS as fault:
                cause = f"{type(fault).__name__}: {fault}"
                logger.warning("command_not_written_yet", extra={"command_id": command.command_id, "cause": cause})
    if own is not None:
        await _write(folder, fleet, key, own, may_remember=may_remember)


async def _write(folder: AuditFolder, fleet: Fleet, key: bytes | None, command: Command, *, may_remember: bool) -> None:
    event = event_of(command, fleet.account_id, fleet.clock.market_time(command.asked_at))
    row = await fleet.database.audit_logs.append(event, key)
    logger.info("command_recorded", extra={"row": row.sequence, "digest": row.digest, "command": command.words})
    with suppress(OSError):  # the row is in the database; an unwritable folder does not change that
        if may_remember:
            folder.remember(fleet.account_id, row)
        folder.drop(command)


async def _holds_what_was_seen(folder: AuditFolder, fleet: Fleet) -> bool:
    """Return whether the last observed row may be replaced. After a truncation it stays as the proof."""
    try:
        seen = folder.anchor(fleet.account_id)
    except CorruptFolderError:
        return False
    if seen is None or await fleet.database.audit_logs.holds(fleet.account_id, seen):
        return True
    await report_a_broken_log(fleet, seen)
    return False


class AuditDuty:
    """Record the start of this host, then write the commands that wait; report a truncated log."""

    terms = Terms("audit_log", at_once=True, within=120.0)

    def __init__(self, settings: Settings, fleet: Fleet) -> None:
        self._folder = AuditFolder(settings.data_dir)
        self._key = audit_key(settings)
        self._fleet = fleet
        self._has_recorded = False

    async def look(self) -> None:
        """Write this host's start in the first round, and in each round the commands that wait."""
        if not self._has_recorded:
            self._has_recorded = True
            await Audit("worker.py", ["worker.py"]).around(_has_started, self._fleet)
        await flush(self._folder, self._fleet, self._key)


async def _has_started() -> int:
    return 0


def _settings() -> Settings | None:
    try:
        return load_settings()
    except SettingsError:
        return None
