"""The owner's holdings before a session, beside ours: written once, by the first process that reads them."""

from collections.abc import Mapping
from datetime import datetime

from database.pool import Pool, transaction
from domain.identity import AccountId
from domain.market import Symbol
from domain.money import Quantity
from domain.session import SessionDate


class FirstLooks:
    """The tables ``first_looks`` and ``owners_shares``. Shares; market time (UTC)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _TAKEN = "SELECT taken_at FROM first_looks WHERE account_id = $1 AND session_date = $2"
    _SHARES = "SELECT symbol, quantity FROM owners_shares WHERE account_id = $1 AND session_date = $2"

    async def of(self, account_id: AccountId, session_date: SessionDate) -> dict[Symbol, Quantity] | None:
        """Return the owner's shares before a session, or None if they have not been read yet."""
        if await self._pool.fetchval(self._TAKEN, account_id, session_date) is None:
            return None
        rows = await self._pool.fetch(self._SHARES, account_id, session_date)
        return {Symbol(row["symbol"]): Quantity(row["quantity"]) for row in rows}

    _TAKE = """
    INSERT INTO first_looks (account_id, session_date, taken_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING session_date
    """
    _KEEP = """
    INSERT INTO owners_shares (account_id, session_date, symbol, quantity)
    SELECT $1, $2, symbol, quantity FROM unnest($3::text[], $4::bigint[]) AS held (symbol, quantity)
    """

    async def keep(
        self, account_id: AccountId, session_date: SessionDate, owned: Mapping[Symbol, Quantity], at: datetime
    ) -> bool:
        """Store a session's first look; return False if another one was stored first, which stays."""
        async with transaction(self._pool) as connection:
            if await connection.fetchval(self._TAKE, account_id, session_date, at) is None:
                return False
            await connection.execute(self._KEEP, account_id, session_date, list(owned), list(owned.values()))
            return True
