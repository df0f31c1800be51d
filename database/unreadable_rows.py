"""Rows of the broker's lists that cannot currently be read, as last read by any process of the fleet."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from database.pool import Pool, transaction
from domain.identity import AccountId
from domain.market import Symbol
from domain.session import SessionDate
from domain.unreadable import AccountList, UnreadableRow

_QUOTES_LAST: Final = timedelta(minutes=10)
"""Real time for which an unreadable quote is shown: no call reads all stocks, so no call can clear it."""


class UnreadableRows:
    """The table ``unreadable_rows``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _GONE = """
    DELETE FROM unreadable_rows WHERE account_id = $1 AND (list = ANY ($2::text[]) OR session_date < $3)
    """
    _KEEP = """
    INSERT INTO unreadable_rows (account_id, list, symbol, field, session_date) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, list, symbol, field) DO UPDATE SET
        session_date = excluded.session_date, seen_at = clock_timestamp()
    """

    async def keep(
        self, account_id: AccountId, date: SessionDate, rows: Sequence[UnreadableRow], whole: Collection[AccountList]
    ) -> None:
        """Store rows that were read on a KST date; all other rows of lists read ``whole`` are readable again."""
        values = [(account_id, row.of, row.symbol or "", row.field, date) for row in rows]
        async with transaction(self._pool) as connection:
            await connection.execute(self._GONE, account_id, sorted(whole), date)
            await connection.executemany(self._KEEP, values)

    _ON = """
    SELECT list, symbol, field FROM unreadable_rows
    WHERE account_id = $1 AND session_date = $2 AND (list <> $3 OR seen_at > clock_timestamp() - $4::interval)
    ORDER BY list, symbol, field
    """

    async def on(self, account_id: AccountId, date: SessionDate) -> tuple[UnreadableRow, ...]:
        """Return what cannot be read on a KST date, by list and stock; only the event contains the reason."""
        found = await self._pool.fetch(self._ON, account_id, date, AccountList.QUOTES, _QUOTES_LAST)
        return tuple(
            UnreadableRow(AccountList(row["list"]), Symbol(row["symbol"]) if row["symbol"] else None, row["field"], "")
            for row in found
        )
