"""What is held after the close, by our books and by the broker's, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass

from database.pool import Pool, transaction
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class HoldingSnapshot:
    """One stock after the close; ``cost`` is what our books paid for the shares still held, in won."""

    symbol: Symbol
    worker_id: WorkerId | None
    ledger_quantity: Quantity
    broker_quantity: Quantity
    cost: Won


class Snapshots:
    """The table ``position_snapshots``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CLEAR = "DELETE FROM position_snapshots WHERE account_id = $1 AND session_date = $2"
    _SAVE = """
    INSERT INTO position_snapshots
        (account_id, session_date, symbol, worker_id, ledger_quantity, broker_quantity, cost)
    SELECT $1, $2, COALESCE(held.symbol, listed.symbol), held.worker_id,
        COALESCE(held.bought_quantity - held.sold_quantity, 0), COALESCE(listed.quantity, 0),
        COALESCE(held.cost - held.cost * held.sold_quantity / held.bought_quantity, 0)
    FROM unnest($3::text[], $4::bigint[]) AS listed (symbol, quantity)
    FULL JOIN (
        SELECT symbol, worker_id, bought_quantity, sold_quantity, cost FROM positions
        WHERE account_id = $1 AND is_live AND bought_quantity > sold_quantity
    ) AS held ON held.symbol = listed.symbol
    """

    async def save(self, account_id: AccountId, session_date: SessionDate, holdings: Mapping[Symbol, Quantity]) -> None:
        """Keep the broker's holdings beside our own; saving again replaces the session's snapshot."""
        symbols = sorted(holdings)
        async with transaction(self._pool) as connection:
            await connection.execute(self._CLEAR, account_id, session_date)
            quantities = [holdings[symbol] for symbol in symbols]
            await connection.execute(self._SAVE, account_id, session_date, symbols, quantities)

    _ON = """
    SELECT symbol, worker_id, ledger_quantity, broker_quantity, cost FROM position_snapshots
    WHERE account_id = $1 AND session_date = $2 ORDER BY symbol
    """

    async def on(self, account_id: AccountId, session_date: SessionDate) -> tuple[HoldingSnapshot, ...]:
        """Return the session's snapshot; empty when nothing was held, or none was taken."""
        return tuple(
            HoldingSnapshot(
                Symbol(row["symbol"]),
                None if row["worker_id"] is None else WorkerId(row["worker_id"]),
                Quantity(row["ledger_quantity"]),
                Quantity(row["broker_quantity"]),
                Won(row["cost"]),
            )
            for row in await self._pool.fetch(self._ON, account_id, session_date)
        )
