"""The cash that a session is compared with, written once by the first reconciliation."""

from database.pool import Pool
from domain.cash import CashBaseline, CashMoved
from domain.identity import AccountId
from domain.money import Won
from domain.session import SessionDate


class CashBaselines:
    """The table ``cash_baselines``. Won and market time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _OF = """
    SELECT cash, own_moved, others_moved, doubt, taken_at FROM cash_baselines
    WHERE account_id = $1 AND session_date = $2
    """

    async def of(self, account_id: AccountId, session_date: SessionDate) -> CashBaseline | None:
        """Return a session's baseline, or None if it has none yet."""
        row = await self._pool.fetchrow(self._OF, account_id, session_date)
        if row is None:
            return None
        moved = CashMoved(Won(row["own_moved"]), Won(row["others_moved"]), Won(row["doubt"]))
        return CashBaseline(Won(row["cash"]), moved, row["taken_at"])

    _KEEP = """
    INSERT INTO cash_baselines (account_id, session_date, cash, own_moved, others_moved, doubt, taken_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING
    """

    async def keep(self, account_id: AccountId, session_date: SessionDate, baseline: CashBaseline) -> None:
        """Store a session's baseline unless it already has one."""
        moved = baseline.moved
        values = (baseline.cash, moved.own, moved.others, moved.doubt, baseline.taken_at)
        await self._pool.execute(self._KEEP, account_id, session_date, *values)
