"""Daily summaries: one a worker and session and one for the fleet; saving the same again changes nothing."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from database.pool import Pool, Row
from domain.identity import AccountId
from domain.market import Symbol
from domain.money import Rate, Won
from domain.performance import Performance
from domain.session import SessionDate
from domain.summary import DailySummary


class Summaries:
    """The table ``daily_summaries``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _SAVE = """
    INSERT INTO daily_summaries AS kept (account_id, session_date, scope, summary) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, session_date, scope) DO UPDATE SET
        summary = excluded.summary, changed_at = clock_timestamp()
    WHERE kept.summary <> excluded.summary
    RETURNING scope
    """

    async def save(self, account_id: AccountId, summary: DailySummary) -> bool:
        """Keep the summary; False when it was there already, equal."""
        written = await self._pool.fetchval(
            self._SAVE, account_id, summary.session_date, summary.scope, _as_json(summary)
        )
        return written is not None

    _GET = """
    SELECT session_date, scope, summary FROM daily_summaries
    WHERE account_id = $1 AND session_date = $2 AND scope = $3
    """

    async def get(self, account_id: AccountId, session_date: SessionDate, scope: str) -> DailySummary | None:
        """Return the summary of a worker, or of the fleet, in a session."""
        row = await self._pool.fetchrow(self._GET, account_id, session_date, scope)
        return None if row is None else _from_row(row)

    _DATES = "SELECT DISTINCT session_date FROM daily_summaries WHERE account_id = $1 ORDER BY session_date"

    async def dates(self, account_id: AccountId) -> tuple[SessionDate, ...]:
        """Return the sessions that have a summary, oldest first."""
        return tuple(SessionDate(row["session_date"]) for row in await self._pool.fetch(self._DATES, account_id))

    _ON = """
    SELECT session_date, scope, summary FROM daily_summaries
    WHERE account_id = $1 AND session_date = $2 ORDER BY length(scope), scope
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[DailySummary, ...]:
        """Return every summary of a session."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._ON, account_id, session_date))


def _as_json(summary: DailySummary) -> dict[str, object]:
    stored: dict[str, Any] = asdict(summary)
    del stored["session_date"], stored["scope"]
    stored["performance"] = _exact(stored["performance"])
    return stored


def _exact(values: Mapping[str, object]) -> dict[str, object]:
    """Write ratios as text, since JSON numbers would round them."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _from_row(row: Row) -> DailySummary:
    stored: dict[str, Any] = row["summary"]
    return DailySummary(
        **{
            **stored,
            "session_date": SessionDate(row["session_date"]),
            "scope": row["scope"],
            "performance": _performance(stored["performance"]),
            "net_by_exit_reason": _won(stored["net_by_exit_reason"]),
            "net_by_symbol": _won(stored["net_by_symbol"]),
            "net_by_strategy": _won(stored["net_by_strategy"]),
            "poor_symbols": tuple(Symbol(symbol) for symbol in stored["poor_symbols"]),
        }
    )


def _performance(stored: Mapping[str, Any]) -> Performance:
    values: dict[str, Any] = {name: Rate(value) if isinstance(value, str) else value for name, value in stored.items()}
    return Performance(**values)


def _won(stored: Mapping[str, int]) -> dict[str, Won]:
    return {name: Won(amount) for name, amount in stored.items()}
