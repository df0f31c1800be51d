"""Books of a session: compared before its first order, then at a low rate; entries stay closed until it succeeds."""

import asyncio
import logging
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from activities.account.comparing import BooksComparison, How, Reconciled, ReconcileRequest
from activities.support.bounded import NotDone
from domain.clock import in_seoul
from domain.errors import TradingError
from domain.events.books import books_not_compared
from domain.identity import AccountId
from domain.lane import Lane
from domain.money import Rate
from domain.session import SessionDate, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

logger = logging.getLogger("haru.books")

NOT_COMPARED: Final = "books not compared"
"""Cause under which entries are closed after a failed comparison."""
COMPARED_FROM: Final = time(8)
"""KST; the broker's overnight processing, such as new share counts after a split, is complete by then."""
_BETWEEN_TRIES: Final = timedelta(seconds=30)
_BETWEEN_COMPARISONS: Final = timedelta(minutes=5)
_SETTLES_IN: Final = timedelta(minutes=1)
_WAITED_FOR: Final = timedelta(seconds=15)
"""How long a scan waits for a comparison; all durations here are real time."""
_TRIES: Final = 3
_LONGEST_TRY: Final = timedelta(minutes=2)
_AFTER_A_TRY: Final = timedelta(seconds=5)


class SessionBooks:
    """Compares a session's books once for all processes and workers of the fleet."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._comparison = BooksComparison(broker, database, pace, commission)
        self._database = database
        self._pace = pace

    async def compare(self, request: ReconcileRequest, how: How) -> Reconciled:
        """Compare now; with ``apply``, success also reopens entries that an earlier failure closed."""
        account_id, day = request.account_id, session_date_of(self._pace.now())
        started = await self._database.server.now()
        found = await self._comparison.compare(request, how)
        if request.apply:
            await self._database.comparisons.succeeded(account_id, day, started)
            await self._database.risk.reopen_entries(account_id, day, NOT_COMPARED)
        return found

    async def not_compared(self, request: ReconcileRequest, cause: str) -> Reconciled:
        """Return the failure as a value; with ``apply``, also close entries and append a critical event."""
        account_id, now = request.account_id, self._pace.now()
        text = f"the books were not compared: {cause}"
        if request.apply:
            day = session_date_of(now)
            before = await self._database.comparisons.state(account_id, day)
            await self._database.comparisons.failed(account_id, day, cause)
            await self._database.risk.close_entries(account_id, day, text, now, cause=NOT_COMPARED)
            await self._database.events.append(books_not_compared(account_id, text, before.compared_at, now))
        return Reconciled(0, (text,), entries_closed=request.apply, failed=cause)

    async def objection(self, account_id: AccountId, day: SessionDate) -> str:
        """Return why entries are closed in a session; compare unless another process does so now or did recently."""
        state = await self._database.comparisons.state(account_id, day)
        if state.is_compared:
            return ""
        if in_seoul(self._pace.now()).time() < COMPARED_FROM:
            return "the books of this session are not compared yet"
        if await self._claim(account_id, day, _BETWEEN_TRIES):
            try:
                async with asyncio.timeout(_WAITED_FOR.total_seconds()):
                    await self.compare(ReconcileRequest(account_id), How(settles_in=_SETTLES_IN))
            except (TradingError, TimeoutError) as fault:
                logger.warning("books_not_compared_yet", extra={"cause": str(fault)})
            else:
                return ""
        return "the books of this session are not compared yet"

    async def keep_up(self, account_id: AccountId, day: SessionDate, wanted_since: datetime | None = None) -> None:
        """Compare when due: never yet, after a failure, every few minutes, or not since an outage ended.

        ``wanted_since`` is the end of the outage by the database's clock. A comparison by another process counts for
        all.
        """
        state = await self._database.comparisons.state(account_id, day)
        is_wanted = wanted_since is not None and (state.compared_at is None or state.compared_at < wanted_since)
        pause = _BETWEEN_COMPARISONS if state.is_compared and not is_wanted else _BETWEEN_TRIES
        if not await self._claim(account_id, day, pause):
            return
        request = ReconcileRequest(account_id)
        how = How(Lane.SCAN if state.is_compared else Lane.RESOLVE, settles_in=_SETTLES_IN)
        done = await self._tried(request, how)
        if isinstance(done, NotDone):
            await self.not_compared(request, done.cause)

    async def _claim(self, account_id: AccountId, day: SessionDate, pause: timedelta) -> bool:
        longest = self._pace.clock.market_duration(pause)
        return await self._database.comparisons.claim(account_id, day, self._pace.now(), longest)

    async def _tried(self, request: ReconcileRequest, how: How) -> Reconciled | NotDone:
        cause = ""
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(_LONGEST_TRY.total_seconds()):
                    return await self.compare(request, how)
            except Exception as fault:
                logger.exception("books_not_compared")
                cause = f"{type(fault).__name__}: {fault}"
            await self._pace.pause(_AFTER_A_TRY)
        return NotDone(cause)
