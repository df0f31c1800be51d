"""Last and best prices of held positions, many in one statement."""

from collections.abc import Sequence
from typing import Final

from database.pool import Pool
from domain.identity import AccountId
from domain.session import SessionDate
from domain.watch import PriceMark

_AT_ONCE: Final = 20
"""Positions whose bars are deleted together: a day of bars each, some milliseconds."""


class PriceMarks:
    """The prices in ``positions``, and the table ``price_marks`` with a bar a minute."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # A position that another transaction holds gets its next mark: this statement would meanwhile lock all the others,
    # and so delay their sales.
    _WRITE = """
    WITH seen AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
            AS seen (position_id, price, best, at)
    ),
    free AS MATERIALIZED (
        SELECT positions.position_id, price, best, at FROM positions JOIN seen USING (position_id)
        WHERE is_live AND bought_quantity > 0 FOR NO KEY UPDATE OF positions SKIP LOCKED
    ),
    marked AS (
        UPDATE positions SET last_price = price, high_water_mark = GREATEST(high_water_mark, best),
            changed_at = clock_timestamp()
        FROM free WHERE positions.position_id = free.position_id AND (last_price <> price OR high_water_mark < best)
    )
    INSERT INTO price_marks AS kept (position_id, minute, open, high, low, close)
    SELECT position_id, date_trunc('minute', at), price, price, price, price
    FROM free
    ON CONFLICT (position_id, minute) DO UPDATE SET
        high = GREATEST(kept.high, excluded.close), low = LEAST(kept.low, excluded.close), close = excluded.close
    WHERE kept.close <> excluded.close
    """

    async def write(self, marks: Sequence[PriceMark]) -> None:
        """Store the last prices and the high-water marks, which never fall. A position that is over keeps its marks."""
        await self._pool.execute(
            self._WRITE,
            [mark.position_id for mark in marks],
            [mark.last_price for mark in marks],
            [mark.high_water_mark for mark in marks],
            [mark.at for mark in marks],
        )

    _FORGET = """
    DELETE FROM price_marks WHERE position_id IN (
        SELECT position_id FROM positions
        WHERE account_id = $1 AND session_date < $2 AND NOT is_live
            AND EXISTS (SELECT FROM price_marks AS kept WHERE kept.position_id = positions.position_id)
        LIMIT $3
    )
    """

    async def forget_before(self, account_id: AccountId, first: SessionDate) -> int:
        """Delete the bars of some positions that ended before a session; return how many bars, 0 when none is left."""
        done = await self._pool.execute(self._FORGET, account_id, first, _AT_ONCE)
        return int(done.split()[-1])
