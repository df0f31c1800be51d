"""Rows of the audit log about entering and leaving the page. A row never delays the answer."""

import asyncio
import time
from typing import Final

from domain.audit_log import Outcome
from fleet.fleet import Fleet
from runtime.auditing import Audit
from web.connection import Connection

_MINUTE: Final = 60.0


def program_of(role: str, address: str) -> str:
    """Return the client's name in the audit log: `web`, and the browser's role and address."""
    return f"web {role} {address}".replace("  ", " ").strip()


class Recorder:
    """Writes rows in the background. Wrong keys and refused tries get one row a minute: anyone can cause them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writing: set[asyncio.Task[None]] = set()
        self._last: dict[str, float] = {}

    def note(self, client: str, words: list[str], outcome: Outcome, reason: str = "") -> None:
        """Write a row."""
        writing = asyncio.create_task(self._write(client, words, outcome, reason))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    def note_once_a_minute(self, client: str, words: list[str], outcome: Outcome, reason: str) -> None:
        """Write a row, unless there was one with these words and this reason within the last minute."""
        name, now = " ".join([*words, reason]), time.monotonic()
        if now - self._last.get(name, -_MINUTE) >= _MINUTE:
            self._last[name] = now
            self.note(client, words, outcome, reason)

    async def finish(self) -> None:
        """Wait for the rows under way."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _write(self, client: str, words: list[str], outcome: Outcome, reason: str) -> None:
        audit, fleet = Audit(client, words), await self._fleet()

        async def act() -> int:
            await audit.conclude(outcome, reason)
            return 0

        await audit.around(act, fleet)

    async def _fleet(self) -> Fleet | None:
        try:
            return await self._connection.fleet()
        except Exception:  # noqa: BLE001 - without books the data folder keeps the row
            return None
