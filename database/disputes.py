"""Stocks whose books disagree: each blocks entries under its own cause until comparisons agree again."""

from datetime import datetime
from typing import Final

from database.events import append_on
from database.pool import Pool, transaction
from database.risk import hold_gate
from domain.events.entries import entries_reopened
from domain.identity import AccountId
from domain.market import Symbol
from domain.session import SessionDate

_CAUSE: Final = "books_disagree/"
_ENOUGH: Final = 2
"""Consecutive comparisons that must agree; a single one may be a coincidence of timing."""


class Disputes:
    """The rows of ``closed_entries`` that concern differences between the books."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @staticmethod
    def cause_of(symbol: Symbol) -> str:
        """Return the cause under which a stock's difference blocks entries."""
        return f"{_CAUSE}{symbol}"

    _SYMBOLS = """
    SELECT substr(cause, length($3) + 1) AS symbol FROM closed_entries
    WHERE account_id = $1 AND session_date = $2 AND starts_with(cause, $3)
    """

    async def symbols(self, account_id: AccountId, session_date: SessionDate) -> frozenset[Symbol]:
        """Return the stocks whose differences block the session's entries."""
        rows = await self._pool.fetch(self._SYMBOLS, account_id, session_date, _CAUSE)
        return frozenset(Symbol(row["symbol"]) for row in rows)

    _AGREE = """
    UPDATE closed_entries SET agreements = agreements + 1, checked_at = clock_timestamp()
    WHERE account_id = $1 AND session_date = $2 AND cause = $3 AND checked_at < $4
    RETURNING agreements, reason
    """
    _LIFT = "DELETE FROM closed_entries WHERE account_id = $1 AND session_date = $2 AND cause = $3"

    async def agree(
        self, account_id: AccountId, session_date: SessionDate, symbol: Symbol, started: datetime, at: datetime
    ) -> None:
        """Count a comparison in which a stock agrees; the second in a row lifts its cause and appends an event.

        ``started`` is when the comparison started, by the database's clock. A comparison that started before the last
        one was recorded does not count. ``at`` is market time.
        """
        row = (account_id, session_date, self.cause_of(symbol))
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            counted = await connection.fetchrow(self._AGREE, *row, started)
            if counted is None or counted["agreements"] < _ENOUGH:
                return
            await connection.execute(self._LIFT, *row)
            event = entries_reopened(account_id, session_date, symbol, counted["reason"], at)
            await append_on(connection, event)
