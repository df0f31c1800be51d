"""Keeps what the latest scan did with each stock, beside the scans: they never wait for it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from domain.identity import AccountId
from domain.rules import TradingRules
from domain.scan_outcome import StockOutcome
from domain.session import session_date_of

if TYPE_CHECKING:
    from database.database import Database

logger = logging.getLogger("haru.scan")

_EVERY: Final = 5.0
"""Real seconds between two notes of the same strategies."""

Found = Callable[[], tuple[int, Sequence[StockOutcome]]]
"""How many stocks a scan examined, and what it decided; called when a note is due only."""


class ScanNotes:
    """Writes a scan every few seconds, unless the write before it is still under way."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._due: dict[str, float] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, account_id: AccountId, rules: TradingRules, at: datetime, found: Found) -> None:
        """Start the write of a scan (market time) that is due, and return at once.

        No fault of a note reaches the scan: it is logged.
        """
        strategies, now = ",".join(rules.strategy.names), asyncio.get_running_loop().time()
        is_writing = self._writing is not None and not self._writing.done()
        if is_writing or now < self._due.get(strategies, now):
            return
        self._due[strategies] = now + _EVERY
        self._writing = asyncio.create_task(self._write(account_id, strategies, at, found))

    async def _write(self, account_id: AccountId, strategies: str, at: datetime, found: Found) -> None:
        try:
            await self._database.last_scans.keep(account_id, strategies, session_date_of(at), at, found())
        except Exception as fault:  # noqa: BLE001 - a view of a scan must not disturb scans
            logger.warning("scan_not_noted", extra={"cause": f"{type(fault).__name__}: {fault}"})
