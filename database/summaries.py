"""Daily summaries: one per worker and session, and one for the fleet; saving the same again changes nothing."""

from collections import defaultdict
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from database.day_seen import DaySeen
from database.events import Events
from database.pool import Pool, Row, transaction
from database.trades import Trades
from database.workers import Workers
from domain.identity import AccountId
from domain.position import ClosedTrade
from domain.session import SessionDate
from domain.summary import FLEET, DailySummary, DayCounts, summarise

_SUMMARY: Final = TypeAdapter(DailySummary)


class Summaries:
    """The table ``daily_summaries``, and the computation of its rows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def compute(self, account_id: AccountId, session_date: SessionDate) -> tuple[DailySummary, ...]:
        """Summarise a session from the ledger's current state: the fleet, then its workers; write nothing.

        Workers registered later are not included, so that summarising a past session again changes nothing.
        """
        trades = await Trades(self._pool).on(account_id, session_date)
        registered = await Workers(self._pool).in_session(account_id, session_date)
        counts = await self._counts(account_id, session_date)
        named = {*registered, *(trade.worker_id for trade in trades), *counts} - {FLEET}
        workers = sorted(named, key=lambda name: (len(name), name))
        own: dict[str, list[ClosedTrade]] = {}
        for trade in trades:
            own.setdefault(trade.worker_id, []).append(trade)
        of_workers = [summarise(session_date, each, own.get(each, ()), counts[each]) for each in workers]
        return (summarise(session_date, FLEET, trades, counts[FLEET]), *of_workers)

    async def _counts(self, account_id: AccountId, session_date: SessionDate) -> defaultdict[str, DayCounts]:
        """Return the counts of each scope, read in one query each, so that a large fleet's day also ends in time."""
        events = Events(self._pool)
        denials = await events.denials_on(account_id, session_date)
        dropped = await events.dropped_on(account_id, session_date)
        scans = await events.scans_on(account_id, session_date)
        ranges = await DaySeen(self._pool).ranges_on(account_id, session_date)
        counts = defaultdict(lambda: DayCounts(price_ranges=ranges))
        for scope in denials.keys() | dropped.keys() | scans.keys():
            looks = scans.get(scope, (0, 0))
            counts[scope] = DayCounts(denials.get(scope, {}), dropped.get(scope, {}), *looks, ranges)
        return counts

    _SAVE = """
    INSERT INTO daily_summaries AS kept (account_id, session_date, scope, summary, is_final)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, session_date, scope) DO UPDATE SET
        summary = excluded.summary, is_final = kept.is_final OR excluded.is_final, changed_at = clock_timestamp()
    WHERE kept.summary <> excluded.summary OR excluded.is_final > kept.is_final
    RETURNING scope
    """

    async def save(self, account_id: AccountId, *summaries: DailySummary, is_final: bool = True) -> bool:
        """Store summaries, all or none; return False when all were stored already. A final summary stays final."""
        written = False
        async with transaction(self._pool) as connection:
            for summary in summaries:
                row = (account_id, summary.session_date, summary.scope, _as_json(summary), is_final)
                written |= await connection.fetchval(self._SAVE, *row) is not None
        return written

    _GET = """
    SELECT session_date, scope, summary FROM daily_summaries
    WHERE account_id = $1 AND session_date = $2 AND scope = $3
    """

    async def get(self, account_id: AccountId, session_date: SessionDate, scope: str) -> DailySummary | None:
        """Return the summary of a worker, or of the fleet, in a session."""
        row = await self._pool.fetchrow(self._GET, account_id, session_date, scope)
        return None if row is None else _from_row(row)

    _IS_FINAL = """
    SELECT EXISTS (SELECT FROM daily_summaries
        WHERE account_id = $1 AND session_date = $2 AND scope = $3 AND is_final)
    """

    async def is_final(self, account_id: AccountId, session_date: SessionDate) -> bool:
        """Return whether a close has finished the session's summary; False while it still sells in the evening."""
        return bool(await self._pool.fetchval(self._IS_FINAL, account_id, session_date, FLEET))

    _DATES = "SELECT DISTINCT session_date FROM daily_summaries WHERE account_id = $1 ORDER BY session_date"

    async def dates(self, account_id: AccountId) -> tuple[SessionDate, ...]:
        """Return the sessions that have a summary, oldest first."""
        return tuple(SessionDate(row["session_date"]) for row in await self._pool.fetch(self._DATES, account_id))

    _MISSING = """
    SELECT DISTINCT session_date FROM positions
    WHERE account_id = $1 AND session_date < $2
        AND NOT EXISTS (SELECT FROM daily_summaries AS summed
            WHERE summed.account_id = $1 AND summed.session_date = positions.session_date AND summed.is_final)
    UNION
    SELECT $3::date FROM positions
    WHERE account_id = $1 AND session_date <= $3::date AND is_live
        AND NOT EXISTS (SELECT FROM daily_summaries AS summed
            WHERE summed.account_id = $1 AND summed.session_date = $3::date AND summed.is_final)
    ORDER BY session_date
    """

    async def missing_before(
        self, account_id: AccountId, today: SessionDate, last_session: SessionDate
    ) -> tuple[SessionDate, ...]:
        """Return past sessions without a final summary in which one of our positions was opened or live."""
        rows = await self._pool.fetch(self._MISSING, account_id, today, last_session)
        return tuple(SessionDate(row["session_date"]) for row in rows)

    _LATEST = """
    SELECT session_date, changed_at FROM daily_summaries
    WHERE account_id = $1 AND scope = $2 ORDER BY session_date DESC LIMIT 1
    """

    async def latest(self, account_id: AccountId) -> tuple[SessionDate, datetime] | None:
        """Return the last summarised session, and when (real time) its summary last changed."""
        row = await self._pool.fetchrow(self._LATEST, account_id, FLEET)
        return None if row is None else (SessionDate(row["session_date"]), row["changed_at"])

    _ON = """
    SELECT session_date, scope, summary FROM daily_summaries
    WHERE account_id = $1 AND session_date = $2 ORDER BY length(scope), scope
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[DailySummary, ...]:
        """Return every summary of a session."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._ON, account_id, session_date))


def _as_json(summary: DailySummary) -> dict[str, object]:
    """Return the summary as stored; ratios are strings, since JSON numbers would round them."""
    stored: dict[str, Any] = _SUMMARY.dump_python(summary, mode="json", exclude={"session_date", "scope"})
    return stored


def _from_row(row: Row) -> DailySummary:
    return _SUMMARY.validate_python({**row["summary"], "session_date": row["session_date"], "scope": row["scope"]})
