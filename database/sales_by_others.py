"""Proceeds of sales that were not ours, by position and day: the days decide the costs of the trade."""

from collections.abc import Collection, Sequence
from typing import Final

from database.pool import Connection, Pool, Row
from domain.day_costs import Brought
from domain.identity import PositionId
from domain.money import Won
from domain.session import SessionDate

_ADD: Final = """
INSERT INTO sales_by_others AS kept (position_id, sold_on, amount) VALUES ($1, $2, $3)
ON CONFLICT (position_id, sold_on) DO UPDATE SET amount = kept.amount + excluded.amount
"""
_EMPTY: Final = "UPDATE sales_by_others SET amount = 0 WHERE position_id = $1"
_KEPT: Final = "SELECT sold_on, amount FROM sales_by_others WHERE position_id = $1"
_LESS: Final = "UPDATE sales_by_others SET amount = amount - $3 WHERE position_id = $1 AND sold_on = $2"


class SalesByOthers:
    """The table ``sales_by_others``. Amounts in won, before commission and tax."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _OF = "SELECT sold_on, amount FROM sales_by_others WHERE position_id = $1 AND amount > 0 ORDER BY sold_on"

    async def of(self, position_id: PositionId) -> tuple[Brought, ...]:
        """Return the known days of others' sales of a position's shares."""
        return _from_rows(await self._pool.fetch(self._OF, position_id))

    _OF_EARLIER = """
    SELECT sold_on, sum(amount)::bigint AS amount
    FROM sales_by_others JOIN positions USING (position_id)
        JOIN positions AS own USING (account_id, symbol)
    WHERE own.position_id = $1 AND sold_on = ANY($2::date[])
        AND (positions.created_at, positions.position_id) < (own.created_at, own.position_id)
    GROUP BY sold_on HAVING sum(amount) > 0 ORDER BY sold_on
    """

    async def of_earlier(self, position_id: PositionId, days: Collection[SessionDate]) -> tuple[Brought, ...]:
        """Return others' sales on some days of shares of earlier positions in the same stock."""
        return _from_rows(await self._pool.fetch(self._OF_EARLIER, position_id, days))


async def add_on(connection: Connection, position_id: PositionId, by_day: Sequence[Brought]) -> None:
    """Add others' sales to a position, within a transaction."""
    for each in by_day:
        await connection.execute(_ADD, position_id, each.date, each.won)


async def keep_on(connection: Connection, position_id: PositionId, by_day: Sequence[Brought]) -> None:
    """Replace the days of others' sales of a position by those of its trade, within a transaction."""
    await connection.execute(_EMPTY, position_id)
    await add_on(connection, position_id, by_day)


async def give_back_on(connection: Connection, position: Row, sold_on: SessionDate, sale: Won, shares: int) -> Won:
    """Take a sale that turned out to be ours off others' sales, within a transaction; return the won taken off.

    Only proceeds of the sale's own day, or of an unknown day, can be those of the sale. ``shares`` of the position's
    row are no longer others'; with the last of them nothing stays.
    """
    position_id, taken = position["position_id"], Won(position["taken_amount"])
    if shares == position["taken_quantity"]:
        await connection.execute(_EMPTY, position_id)
        return taken
    kept = {row["sold_on"]: row["amount"] for row in await connection.fetch(_KEPT, position_id)}
    of_the_day, of_no_day = kept.get(sold_on, 0), max(taken - sum(kept.values()), 0)
    await connection.execute(_LESS, position_id, sold_on, min(sale, of_the_day))
    return Won(min(sale, of_the_day + of_no_day))


def _from_rows(rows: Sequence[Row]) -> tuple[Brought, ...]:
    return tuple(Brought(SessionDate(row["sold_on"]), Won(row["amount"])) for row in rows)
