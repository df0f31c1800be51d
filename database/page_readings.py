"""What only the page shows: the steps of orders, how long prices have not changed, and results day by day."""

from dataclasses import dataclass
from datetime import date, datetime

from database.pool import Pool
from domain.identity import AccountId, IntentId, PositionId
from domain.money import Won
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class OrderSteps:
    """When an order passed its steps, in real time (database clock). None: not yet, or never."""

    recorded_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    first_fill_at: datetime | None
    last_fill_at: datetime | None


@dataclass(frozen=True, slots=True)
class DayResult:
    """The booked trades of a session, in won. ``violations`` of the verifier; None if it was never verified."""

    date: SessionDate
    trades: int
    wins: int
    net: Won
    costs: Won
    violations: int | None
    flat: bool | None
    """Whether the broker's list proved the account flat after the close; None without a proof."""


class PageReadings:
    """Reads over several tables; writes nothing."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _STEPS = """
    WITH latest AS (
        SELECT intent_id, sequence, created_at, sent_at, answered_at FROM orders
        WHERE account_id = $1 AND session_date = $2 ORDER BY is_active DESC, sequence DESC LIMIT $3
    )
    SELECT intent_id, created_at, sent_at, answered_at, first_fill, last_fill FROM latest
    LEFT JOIN LATERAL (
        SELECT min(recorded_at) AS first_fill, max(recorded_at) AS last_fill FROM fills
        WHERE fills.intent_id = latest.intent_id
    ) AS filled ON true
    """

    async def steps_of(self, account_id: AccountId, session_date: SessionDate, most: int) -> dict[IntentId, OrderSteps]:
        """Return the steps of a session's active orders and of its latest ones."""
        return {
            IntentId(row["intent_id"]): OrderSteps(
                row["created_at"], row["sent_at"], row["answered_at"], row["first_fill"], row["last_fill"]
            )
            for row in await self._pool.fetch(self._STEPS, account_id, session_date, most)
        }

    _UNCHANGED = """
    SELECT position_id, extract(epoch FROM clock_timestamp() - changed_at)::float AS seconds FROM positions
    WHERE account_id = $1 AND is_live AND bought_quantity > sold_quantity
    """

    async def prices_unchanged_for(self, account_id: AccountId) -> dict[PositionId, float]:
        """Return for how many real seconds the price of each held position has not changed."""
        rows = await self._pool.fetch(self._UNCHANGED, account_id)
        return {PositionId(row["position_id"]): row["seconds"] for row in rows}

    _DAYS = """
    SELECT session_date, count(position_id) AS trades, count(*) FILTER (WHERE net_pnl > 0) AS wins,
        COALESCE(sum(net_pnl), 0)::bigint AS net,
        COALESCE(sum(entry_commission + entry_tax + exit_commission + exit_tax), 0)::bigint AS costs,
        (SELECT (verdict->>'violations')::integer FROM verdicts
            WHERE account_id = $1 AND verdicts.session_date = days.session_date) AS violations,
        (SELECT flat FROM flatness_proofs
            WHERE account_id = $1 AND flatness_proofs.session_date = days.session_date) AS flat
    FROM (
        SELECT session_date FROM daily_summaries WHERE account_id = $1
        UNION SELECT session_date FROM booked_trades WHERE account_id = $1
    ) AS days
    LEFT JOIN (SELECT * FROM booked_trades WHERE account_id = $1) AS booked USING (session_date)
    WHERE session_date BETWEEN $2 AND $3
    GROUP BY session_date ORDER BY session_date
    """

    async def days(self, account_id: AccountId, first: date, last: date) -> tuple[DayResult, ...]:
        """Return the sessions of the books between two dates, both included, oldest first."""
        return tuple(
            DayResult(
                SessionDate(row["session_date"]),
                row["trades"],
                row["wins"],
                Won(row["net"]),
                Won(row["costs"]),
                row["violations"],
                row["flat"],
            )
            for row in await self._pool.fetch(self._DAYS, account_id, first, last)
        )

    _YEARS = """
    SELECT DISTINCT extract(year FROM session_date)::integer AS year FROM (
        SELECT session_date FROM daily_summaries WHERE account_id = $1
        UNION SELECT session_date FROM booked_trades WHERE account_id = $1
    ) AS days ORDER BY year DESC
    """

    async def years(self, account_id: AccountId) -> tuple[int, ...]:
        """Return the years in which the books have sessions, the latest first."""
        return tuple(row["year"] for row in await self._pool.fetch(self._YEARS, account_id))
