"""Buys and sales of the ledger that have no event yet. Without an event they have no message."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from database.pool import Pool, Row
from domain.event_kind import EventKind
from domain.events.trades import Purchase
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Symbol
from domain.money import Quantity, Won
from domain.session import SessionDate

MOST: Final = 500
"""Trades of one answer. A full answer may have left some out."""


class TradeMessages:
    """The tables ``orders``, ``positions`` and ``trades``, beside their events. ``within`` is real time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _BOUGHT = """
    SELECT position_id, positions.account_id, positions.worker_id, positions.session_date, positions.symbol, name,
        bought_quantity, cost, opened_at, strategy_name, strategy_reason
    FROM positions JOIN (
        SELECT position_id FROM orders
        WHERE account_id = $1 AND session_date >= $2 AND side = 'buy' AND changed_at > clock_timestamp() - $3::interval
        GROUP BY position_id
    ) AS ordered USING (position_id)
    WHERE bought_quantity > 0
        AND NOT EXISTS (SELECT FROM orders WHERE orders.position_id = positions.position_id AND side = 'buy'
            AND is_active)
        AND NOT EXISTS (SELECT FROM events WHERE account_id = $1 AND event_key = $4 || '/' || position_id)
    ORDER BY opened_at, position_id LIMIT $5
    """

    async def bought(self, account_id: AccountId, since: SessionDate, within: timedelta) -> tuple[Purchase, ...]:
        """Return buys without an event whose orders have ended, of sessions since a date."""
        asked = (account_id, since, within, EventKind.POSITION_BOUGHT, MOST)
        return tuple(_purchase(row) for row in await self._pool.fetch(self._BOUGHT, *asked))

    _SOLD = """
    SELECT position_id FROM trades
    WHERE account_id = $1 AND session_date >= $2 AND recorded_at > clock_timestamp() - $3::interval
        AND NOT EXISTS (SELECT FROM events WHERE account_id = $1 AND event_key = $4 || '/' || position_id)
    ORDER BY closed_at, position_id LIMIT $5
    """

    async def sold(self, account_id: AccountId, since: SessionDate, within: timedelta) -> Sequence[PositionId]:
        """Return the positions of trades without an event, of sessions since a date, in closing order."""
        asked = (account_id, since, within, EventKind.POSITION_SOLD, MOST)
        return [PositionId(row["position_id"]) for row in await self._pool.fetch(self._SOLD, *asked)]


def _purchase(row: Row) -> Purchase:
    return Purchase(
        position_id=PositionId(row["position_id"]),
        account_id=AccountId(row["account_id"]),
        worker_id=WorkerId(row["worker_id"]),
        session_date=SessionDate(row["session_date"]),
        symbol=Symbol(row["symbol"]),
        name=row["name"],
        quantity=Quantity(row["bought_quantity"]),
        amount=Won(row["cost"]),
        at=row["opened_at"],
        strategy=row["strategy_name"],
        reason=row["strategy_reason"],
    )
