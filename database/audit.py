"""The books as the verifier reads them: with real times, and with history that trading never reads."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from database.events import event_from_row
from database.order_rows import COLUMNS, order_from_row
from database.pool import Pool, Row
from domain.costs import Costs
from domain.event import Event
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Market, Symbol
from domain.money import NO_SHARES, NO_WON, Quantity, Won
from domain.order import OrderRecord
from domain.position import PositionStatus
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class AuditedOrder:
    """An order with the extra columns of its row; instants are real time (database clock)."""

    record: OrderRecord
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None = None
    denial: str | None = None
    host_limits: int | None = None
    """The number of the limits of the host that sent or denied the order."""


@dataclass(frozen=True, slots=True)
class BookedFill:
    """Shares and won that one booking added to an order; ``recorded_at`` is real time."""

    intent_id: IntentId
    quantity: Quantity
    amount: Won
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class BookedPosition:
    """A position's row. Totals in won and shares; instants are real time (database clock)."""

    position_id: PositionId
    worker_id: WorkerId
    session_date: SessionDate
    symbol: Symbol
    market: Market
    status: PositionStatus
    bought: Quantity
    cost: Won
    sold: Quantity
    proceeds: Won
    changed_at: datetime
    taken: Quantity = NO_SHARES
    """Of the sold shares, those that left the account without one of our orders while the position was live."""
    taken_on: SessionDate | None = None

    @property
    def quantity(self) -> Quantity:
        """Return the shares still held."""
        return Quantity(self.bought - self.sold)


@dataclass(frozen=True, slots=True)
class SoldLater:
    """Shares of a trade that count for later days, with their purchase amount and purchase costs."""

    quantity: Quantity = NO_SHARES
    amount: Won = NO_WON
    entry_costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """A fencing token and the real time since which it was the current one."""

    symbol: Symbol
    worker_id: WorkerId | None
    fencing_token: int
    acquired_at: datetime


@dataclass(frozen=True, slots=True)
class Lapse:
    """A period of real time in which a due lease renewal is missing."""

    symbol: Symbol
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event and the real time at which it was written."""

    event: Event
    recorded_at: datetime


class Audit:
    """Read-only queries over whole tables of a session."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _ORDERS = f"""
    SELECT {COLUMNS}, created_at, changed_at, sent_at, denial, host_limits FROM orders
    WHERE account_id = $1 AND session_date = $2 ORDER BY sequence
    """  # noqa: S608 our own columns

    async def orders_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[AuditedOrder, ...]:
        """Return every order decided in a session, in decision order."""
        beside = ("created_at", "changed_at", "sent_at", "denial", "host_limits")
        rows = await self._pool.fetch(self._ORDERS, account_id, session_date)
        return tuple(AuditedOrder(order_from_row(row), *(row[name] for name in beside)) for row in rows)

    _GIVEN_UP = f"""
    SELECT {COLUMNS} FROM orders
    WHERE account_id = $1 AND session_date = $2 AND sent_at IS NOT NULL AND order_no IS NULL
        AND status IN ('sending', 'unknown', 'quarantined', 'never_placed')
        AND NOT EXISTS (SELECT FROM events
            WHERE kind = 'order_dismissed_by_operator' AND detail ->> 'intent_id' = orders.intent_id)
    ORDER BY sequence
    """  # noqa: S608 our own columns

    async def given_up_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[OrderRecord, ...]:
        """Return a session's orders that were sent and never found, except those that an operator has dismissed."""
        rows = await self._pool.fetch(self._GIVEN_UP, account_id, session_date)
        return tuple(order_from_row(row) for row in rows)

    _UNPROVEN = """
    SELECT DISTINCT order_date FROM orders
    WHERE account_id = $1 AND provisional_quantity > 0 AND order_date < $2 ORDER BY order_date
    """

    async def unproven_before(self, account_id: AccountId, today: SessionDate) -> tuple[SessionDate, ...]:
        """Return the earlier order dates with fills that no order list has confirmed yet."""
        rows = await self._pool.fetch(self._UNPROVEN, account_id, today)
        return tuple(SessionDate(row["order_date"]) for row in rows)

    _FILLS = """
    SELECT intent_id, quantity, amount, recorded_at FROM fills WHERE account_id = $1 AND order_date = $2
    ORDER BY recorded_at
    """

    async def fills_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[BookedFill, ...]:
        """Return every fill booked for the orders of a date."""
        return tuple(
            BookedFill(IntentId(row["intent_id"]), Quantity(row["quantity"]), Won(row["amount"]), row["recorded_at"])
            for row in await self._pool.fetch(self._FILLS, account_id, session_date)
        )

    _POSITIONS = """
    SELECT position_id, worker_id, session_date, symbol, market, status, bought_quantity, cost, sold_quantity,
        proceeds, changed_at, taken_quantity, taken_on
    FROM positions
    WHERE account_id = $1 AND (is_live OR session_date = $2
        OR position_id IN (SELECT position_id FROM orders WHERE account_id = $1 AND session_date = $2))
    ORDER BY created_at
    """

    async def positions_around(self, account_id: AccountId, session_date: SessionDate) -> tuple[BookedPosition, ...]:
        """Return the positions that a session traded, and all live positions."""
        rows = await self._pool.fetch(self._POSITIONS, account_id, session_date)
        return tuple(_position_from_row(row) for row in rows)

    _LEFT_BY = """
    SELECT position_id, worker_id, session_date, symbol, market,
        bought_quantity - own.bought_later AS bought_quantity,
        cost - own.cost_later AS cost,
        -- Shares that a later trade let go without an order of ours are in no later order.
        CASE WHEN is_gone_later THEN own.sold ELSE sold_quantity - own.sold_later - taken_quantity END
            + taken.quantity AS sold_quantity,
        CASE WHEN is_gone_later THEN own.proceeds ELSE positions.proceeds - own.proceeds_later END AS proceeds,
        taken.quantity AS taken_quantity, CASE WHEN taken.quantity > 0 THEN taken_on END AS taken_on,
        status, changed_at
    FROM positions
    CROSS JOIN LATERAL (
        SELECT
            COALESCE(sum(filled_quantity) FILTER (WHERE later AND side = 'buy'), 0)::bigint AS bought_later,
            COALESCE(sum(filled_amount) FILTER (WHERE later AND side = 'buy'), 0)::bigint AS cost_later,
            COALESCE(sum(filled_quantity) FILTER (WHERE later AND side = 'sell'), 0)::bigint AS sold_later,
            COALESCE(sum(filled_amount) FILTER (WHERE later AND side = 'sell'), 0)::bigint AS proceeds_later,
            COALESCE(sum(filled_quantity) FILTER (WHERE NOT later AND side = 'sell'), 0)::bigint AS sold,
            COALESCE(sum(filled_amount) FILTER (WHERE NOT later AND side = 'sell'), 0)::bigint AS proceeds
        FROM (
            SELECT side, filled_quantity, filled_amount, session_date > $2 AS later
            FROM orders WHERE orders.position_id = positions.position_id
        ) AS each
    ) AS own
    CROSS JOIN LATERAL (SELECT CASE WHEN taken_on <= $2 THEN taken_quantity ELSE 0 END AS quantity) AS taken
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM booked_trades AS trades WHERE trades.position_id = positions.position_id
            AND trades.session_date > $2 AND trades.exit_reason = 'foreign_sale') AS is_gone_later
    ) AS gone
    WHERE account_id = $1 AND session_date <= $2 AND (is_live OR session_date = $2
        OR position_id IN (SELECT position_id FROM orders WHERE account_id = $1 AND session_date >= $2)
        OR position_id IN (SELECT position_id FROM booked_trades WHERE account_id = $1 AND session_date >= $2))
    ORDER BY created_at
    """

    async def positions_left_by(self, account_id: AccountId, session_date: SessionDate) -> tuple[BookedPosition, ...]:
        """Return the positions that a past session traded or left open, as they stood before any later session."""
        positions = [_position_from_row(row) for row in await self._pool.fetch(self._LEFT_BY, account_id, session_date)]
        return tuple(
            replace(each, status=PositionStatus.EXITING)
            if each.quantity and each.status is PositionStatus.CLOSED
            else each
            for each in positions
        )

    _ACQUISITIONS = """
    SELECT symbol, worker_id, fencing_token, acquired_at FROM lock_acquisitions
    WHERE account_id = $1 AND symbol IN (SELECT symbol FROM orders WHERE account_id = $1 AND session_date = $2)
    ORDER BY symbol, fencing_token
    """

    async def acquisitions_around(self, account_id: AccountId, session_date: SessionDate) -> tuple[Acquisition, ...]:
        """Return the fencing tokens of every symbol that a session ordered, oldest first."""
        return tuple(
            Acquisition(
                Symbol(row["symbol"]),
                None if row["worker_id"] is None else WorkerId(row["worker_id"]),
                row["fencing_token"],
                row["acquired_at"],
            )
            for row in await self._pool.fetch(self._ACQUISITIONS, account_id, session_date)
        )

    _LAPSES = "SELECT symbol, since, until FROM lease_lapses WHERE account_id = $1 AND until >= $2 ORDER BY since"

    async def lapses_since(self, account_id: AccountId, since: datetime) -> tuple[Lapse, ...]:
        """Return the lapses that ended after a real instant."""
        rows = await self._pool.fetch(self._LAPSES, account_id, since)
        return tuple(Lapse(Symbol(row["symbol"]), row["since"], row["until"]) for row in rows)

    _EVENTS = """
    SELECT account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key, recorded_at FROM events
    WHERE account_id = $1 AND (session_date = $2 OR kind IN ('kill_switch_pressed', 'kill_switch_lifted'))
    ORDER BY event_id
    """

    async def events_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[RecordedEvent, ...]:
        """Return a session's events, and every press and lift of the kill switch."""
        rows = await self._pool.fetch(self._EVENTS, account_id, session_date)
        return tuple(RecordedEvent(event_from_row(row), row["recorded_at"]) for row in rows)

    _SOLD_BY_OTHERS = """
    SELECT trades.symbol, sum(trades.quantity - COALESCE(own.sold, 0) - positions.restated_sold) AS shares
    FROM booked_trades AS trades JOIN positions USING (position_id) LEFT JOIN (
        SELECT position_id, sum(filled_quantity) AS sold FROM orders
        WHERE account_id = $1 AND side = 'sell' GROUP BY position_id
    ) AS own USING (position_id)
    WHERE trades.account_id = $1 AND trades.session_date < $2 AND trades.exit_reason = 'foreign_sale'
    GROUP BY trades.symbol
    """

    async def sold_by_others_before(self, account_id: AccountId, session_date: SessionDate) -> dict[Symbol, Quantity]:
        """Return our shares that another party sold, as booked on dates before a session's."""
        rows = await self._pool.fetch(self._SOLD_BY_OTHERS, account_id, session_date)
        return {Symbol(row["symbol"]): Quantity(int(row["shares"])) for row in rows}

    _SOLD_LATER = """
    SELECT position_id, sum(quantity)::bigint AS quantity, sum(entry_amount)::bigint AS amount,
        sum(entry_commission)::bigint AS commission, sum(entry_tax)::bigint AS tax
    FROM trade_corrections WHERE account_id = $1 AND session_date > $2 GROUP BY position_id
    """

    async def sold_later(self, account_id: AccountId, session_date: SessionDate) -> dict[PositionId, SoldLater]:
        """Return the shares of a session's late buy fills that were sold after the session."""
        return {
            PositionId(row["position_id"]): SoldLater(
                Quantity(row["quantity"]), Won(row["amount"]), Costs(Won(row["commission"]), Won(row["tax"]))
            )
            for row in await self._pool.fetch(self._SOLD_LATER, account_id, session_date)
        }

    _CLOSED = "SELECT min(closed_at) FROM closed_entries WHERE account_id = $1 AND session_date = $2"

    async def entries_closed_at(self, account_id: AccountId, session_date: SessionDate) -> datetime | None:
        """Return when (real time) a session's entries were closed, or None while they are open."""
        closed_at: datetime | None = await self._pool.fetchval(self._CLOSED, account_id, session_date)
        return closed_at


def _position_from_row(row: Row) -> BookedPosition:
    return BookedPosition(
        position_id=PositionId(row["position_id"]),
        worker_id=WorkerId(row["worker_id"]),
        session_date=SessionDate(row["session_date"]),
        symbol=Symbol(row["symbol"]),
        market=Market(row["market"]),
        status=PositionStatus(row["status"]),
        bought=Quantity(row["bought_quantity"]),
        cost=Won(row["cost"]),
        sold=Quantity(row["sold_quantity"]),
        proceeds=Won(row["proceeds"]),
        changed_at=row["changed_at"],
        taken=Quantity(row["taken_quantity"]),
        taken_on=row["taken_on"],
    )
