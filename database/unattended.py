"""Sales that have begun and that no process carries on."""

from dataclasses import dataclass

from database.pool import Pool
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Symbol
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class UnattendedSale:
    """A live position of a sale whose lease has ended, and the fencing token of that lease."""

    position_id: PositionId
    symbol: Symbol
    fencing_token: int


class UnattendedSales:
    """Reads ``positions``, ``orders`` and ``stock_locks`` together."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # The holder of the lapsed lease has begun the sale. A worker that adopts a position watches it under another token.
    _LAPSED = """
    SELECT positions.position_id, positions.symbol, stock_locks.fencing_token
    FROM positions
    JOIN stock_locks ON stock_locks.account_id = positions.account_id AND stock_locks.symbol = positions.symbol
    CROSS JOIN LATERAL (
        SELECT session_date, fencing_token FROM orders
        WHERE orders.position_id = positions.position_id AND purpose = 'exit' ORDER BY sequence DESC LIMIT 1
    ) AS sale
    WHERE positions.account_id = $1 AND positions.is_live AND positions.bought_quantity > 0
        AND stock_locks.expires_at <= clock_timestamp() AND stock_locks.worker_id <> $4
        AND sale.session_date = $2 AND (sale.fencing_token = stock_locks.fencing_token OR stock_locks.worker_id = $3)
    ORDER BY positions.cost DESC
    """

    async def of(
        self, account_id: AccountId, session_date: SessionDate, taker: WorkerId, close: WorkerId
    ) -> tuple[UnattendedSale, ...]:
        """Return the unattended sales of a session, the largest first.

        Included are those of a ``taker`` that has died before its first order. Those of the ``close`` are its own.
        """
        rows = await self._pool.fetch(self._LAPSED, account_id, session_date, taker, close)
        return tuple(
            UnattendedSale(PositionId(row["position_id"]), Symbol(row["symbol"]), row["fencing_token"]) for row in rows
        )
