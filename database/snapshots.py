"""Holdings after the close, in our books and at the broker, and whether the account is flat."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from database.pool import Pool, Row, transaction
from domain.flatness import HeldShares, Proven
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import NO_SHARES, Quantity, Won
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class HoldingSnapshot:
    """One stock after the close; ``cost`` is the cost of the shares still held, in our books, in won.

    Of the broker's shares, ``owners_quantity`` belong to the account owner, and ``unexplained_quantity`` to no known
    owner.
    """

    symbol: Symbol
    worker_id: WorkerId | None
    ledger_quantity: Quantity
    broker_quantity: Quantity
    cost: Won
    owners_quantity: Quantity = NO_SHARES
    unexplained_quantity: Quantity = NO_SHARES


class Snapshots:
    """The tables ``position_snapshots`` and ``flatness_proofs``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CLEAR = "DELETE FROM position_snapshots WHERE account_id = $1 AND session_date = $2"
    _SAVE = """
    INSERT INTO position_snapshots (account_id, session_date, symbol, worker_id, ledger_quantity, broker_quantity, cost,
        owners_quantity, unexplained_quantity)
    SELECT $1, $2, COALESCE(held.symbol, listed.symbol), held.worker_id,
        COALESCE(held.bought_quantity - held.sold_quantity, 0), COALESCE(listed.quantity, 0),
        COALESCE(held.cost - held.cost * held.sold_quantity / held.bought_quantity, 0),
        COALESCE(listed.owners, 0), COALESCE(listed.unexplained, 0)
    FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) AS listed (symbol, quantity, owners, unexplained)
    FULL JOIN (
        SELECT symbol, worker_id, bought_quantity, sold_quantity, cost FROM positions
        WHERE account_id = $1 AND is_live AND bought_quantity > sold_quantity
    ) AS held ON held.symbol = listed.symbol
    """
    _PROVEN = """
    INSERT INTO flatness_proofs (account_id, session_date, flat, open_orders, proven_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, session_date) DO UPDATE SET
        flat = excluded.flat, open_orders = excluded.open_orders, proven_at = excluded.proven_at
    """

    async def save(self, account_id: AccountId, proven: Proven, shares: Sequence[HeldShares]) -> None:
        """Store the broker's holdings beside ours; saving again replaces the session's snapshot."""
        date = proven.session_date
        columns = zip(*((each.symbol, each.broker, each.owners, each.unexplained) for each in shares), strict=True)
        async with transaction(self._pool) as connection:
            await connection.execute(self._CLEAR, account_id, date)
            await connection.execute(self._SAVE, account_id, date, *(list(columns) or ((),) * 4))
            await connection.execute(self._PROVEN, account_id, date, proven.flat, proven.open_orders, proven.at)

    _ON = """
    SELECT symbol, worker_id, ledger_quantity, broker_quantity, cost, owners_quantity, unexplained_quantity
    FROM position_snapshots WHERE account_id = $1 AND session_date = $2 ORDER BY symbol
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[HoldingSnapshot, ...]:
        """Return the session's snapshot; empty when nothing was held, or none was taken."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._ON, account_id, session_date))

    _PROOF = """
    SELECT session_date, flat, open_orders, proven_at FROM flatness_proofs
    WHERE account_id = $1 AND session_date BETWEEN $2 AND $3 ORDER BY session_date DESC LIMIT 1
    """

    async def proof_of(self, account_id: AccountId, session_date: SessionDate) -> Proven | None:
        """Return the proof of the session's close, or None if there is none yet."""
        return await self._latest_proof(account_id, session_date, session_date)

    async def left_before(self, account_id: AccountId, session_date: SessionDate) -> tuple[HoldingSnapshot, ...]:
        """Return the holdings left by the last proven session before a date; empty if none were left or known."""
        last = await self._latest_proof(account_id, date.min, session_date - timedelta(days=1))
        return () if last is None else await self.on(account_id, last.session_date)

    async def _latest_proof(self, account_id: AccountId, first: date, last: date) -> Proven | None:
        row = await self._pool.fetchrow(self._PROOF, account_id, first, last)
        if row is None:
            return None
        return Proven(SessionDate(row["session_date"]), row["flat"], row["open_orders"], row["proven_at"])


def _from_row(row: Row) -> HoldingSnapshot:
    return HoldingSnapshot(
        Symbol(row["symbol"]),
        None if row["worker_id"] is None else WorkerId(row["worker_id"]),
        Quantity(row["ledger_quantity"]),
        Quantity(row["broker_quantity"]),
        Won(row["cost"]),
        Quantity(row["owners_quantity"]),
        Quantity(row["unexplained_quantity"]),
    )
