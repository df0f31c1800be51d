"""Differences between the books: entries close per stock until consecutive comparisons of the stock agree."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from domain.identity import AccountId
from domain.market import Symbol
from domain.reconciliation import Discrepancy
from domain.session import SessionDate

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database


class Disagreements:
    """Closes entries for each of our stocks that differs, and reopens only those."""

    def __init__(self, database: "Database", pace: "Pace") -> None:
        self._database = database
        self._pace = pace

    async def record(self, account_id: AccountId, session_date: SessionDate, ours: Sequence[Discrepancy]) -> None:
        """Close entries for each stock that differs."""
        by_symbol = attrgetter("symbol")
        for symbol, differences in groupby(sorted(ours, key=by_symbol), by_symbol):
            reason = "books disagree: " + "; ".join(difference.in_words for difference in differences)
            cause = self._database.disputes.cause_of(symbol)
            await self._database.risk.close_entries(account_id, session_date, reason, self._pace.now(), cause=cause)

    async def lift(
        self, account_id: AccountId, session_date: SessionDate, started: datetime, agrees: Callable[[Symbol], bool]
    ) -> None:
        """Count a comparison that began at ``started`` (database clock) for every stock on which it agrees."""
        for symbol in await self._database.disputes.symbols(account_id, session_date):
            if agrees(symbol):
                await self._database.disputes.agree(account_id, session_date, symbol, started, self._pace.now())
