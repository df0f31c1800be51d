"""Figures of an account for its metrics, in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from database.pool import Pool
from domain.identity import AccountId
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class Gauged:
    """What the metrics show of an account. Ages are real seconds, by the database's clock; amounts are whole won."""

    held: int
    scanning: int
    orders: Mapping[str, int]
    """Orders of the session, by status."""
    exits: Mapping[str, int]
    """Trades of the session, by exit reason."""
    unknown_orders: int
    """Orders of unknown outcome, of any session."""
    unknown_order_seconds: float
    price_unchanged_seconds: float
    realised_profit: int
    realised_loss: int
    open_profit: int
    open_loss: int
    unsent_alerts: int
    watch_lag_seconds: float
    rate_slots: int
    rate_slots_taken: int


_HELD: Final = "FROM positions WHERE account_id = $1 AND is_live AND bought_quantity > sold_quantity"


class Gauges:
    """Reads over several tables; writes nothing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # An order of unknown outcome is active, so the search is over the few active orders. Costs of the shares that are
    # still held are their part of the position's cost.
    _READ = f"""
    WITH held AS (
        SELECT extract(epoch FROM clock_timestamp() - changed_at)::float AS unchanged,
            ((bought_quantity - sold_quantity) * (last_price - cost::numeric / bought_quantity))::bigint AS pnl
        {_HELD}
    ),
    unknown AS (
        SELECT extract(epoch FROM clock_timestamp() - sent_at)::float AS age FROM orders
        WHERE account_id = $1 AND is_active AND status = 'unknown'
    ),
    today AS (SELECT exit_reason, net_pnl FROM trades WHERE account_id = $1 AND session_date = $2),
    lag AS (
        SELECT extract(epoch FROM clock_timestamp() - renewed_at)::float AS age FROM market_watches
        WHERE account_id = $1
            AND EXISTS (SELECT FROM position_watches WHERE account_id = $1 AND shard = market_watches.shard)
    )
    SELECT
        (SELECT count(*) FROM held) AS held,
        (SELECT count(*) FROM workers WHERE account_id = $1 AND state = 'scanning') AS scanning,
        (SELECT COALESCE(jsonb_object_agg(status, number), '{{}}') FROM (
            SELECT status, count(*) AS number FROM orders
            WHERE account_id = $1 AND session_date = $2 GROUP BY status) AS counted) AS orders,
        (SELECT COALESCE(jsonb_object_agg(exit_reason, number), '{{}}') FROM (
            SELECT exit_reason, count(*) AS number FROM today GROUP BY exit_reason) AS counted) AS exits,
        (SELECT count(*) FROM unknown) AS unknown_orders,
        (SELECT COALESCE(max(age), 0) FROM unknown) AS unknown_order_seconds,
        (SELECT COALESCE(max(unchanged), 0) FROM held) AS price_unchanged_seconds,
        (SELECT COALESCE(sum(net_pnl) FILTER (WHERE net_pnl > 0), 0)::bigint FROM today) AS realised_profit,
        (SELECT COALESCE(-sum(net_pnl) FILTER (WHERE net_pnl < 0), 0)::bigint FROM today) AS realised_loss,
        (SELECT COALESCE(sum(pnl) FILTER (WHERE pnl > 0), 0)::bigint FROM held) AS open_profit,
        (SELECT COALESCE(-sum(pnl) FILTER (WHERE pnl < 0), 0)::bigint FROM held) AS open_loss,
        (SELECT count(*) FROM alerts JOIN alert_channels USING (account_id, channel)
            WHERE account_id = $1 AND sent_at IS NULL AND is_active) AS unsent_alerts,
        (SELECT COALESCE(max(age), 0) FROM lag) AS watch_lag_seconds,
        (SELECT count(*) FROM rate_slots WHERE account_id = $1) AS rate_slots,
        (SELECT count(*) FROM rate_slots WHERE account_id = $1 AND free_at > clock_timestamp()) AS rate_slots_taken
    """  # noqa: S608 our own text

    async def read(self, account_id: AccountId, session_date: SessionDate) -> Gauged:
        """Return the account's figures now; counts by status or reason are those of the session."""
        (row,) = await self._pool.fetch(self._READ, account_id, session_date)
        return Gauged(**row)
