"""Positions, from the first entry decision to the last share sold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from database.errors import InvalidTransitionError, LivePositionExistsError, UnknownIntentError
from database.events import append_on
from database.exit_rules import rules_as_json, rules_from_json
from database.order_rows import COLUMNS as ORDER_COLUMNS
from database.order_rows import order_from_row
from database.pool import Connection, Pool, Row, transaction
from database.recovery import LOCK_SYMBOL, OVER, hand_over_on
from database.restating import restate_on
from database.sales_by_others import add_on
from domain.close_plan import OwnStart
from domain.day_costs import Brought
from domain.event import Event
from domain.identity import AccountId, PositionId, WorkerId, recovery_worker
from domain.market import Market, Symbol
from domain.money import Price, Quantity, Won, total
from domain.position import OpenPosition, PositionOpening, PositionStatus, StrategyStamp
from domain.session import SessionDate

COLUMNS: Final = """
    position_id, account_id, worker_id, session_date, symbol, name, market, decision_price, bought_quantity, cost,
    sold_quantity, opened_at, high_water_mark, last_price, strategy_name, strategy_version, strategy_parameters,
    strategy_reason, exit_rules, rules_version, taken_quantity, taken_amount,
    restated_bought, restated_sold, strategy_source
"""

_PREPARE = """
INSERT INTO positions (position_id, account_id, worker_id, session_date, symbol, name, market, decision_price,
    strategy_name, strategy_version, strategy_parameters, strategy_reason, exit_rules, rules_version,
    strategy_source)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (position_id) DO NOTHING
"""


async def prepare_on(connection: Connection, opening: PositionOpening) -> None:
    """Insert a position before its first share, in the transaction that records its entry intent.

    Raises:
        LivePositionExistsError: the symbol or the worker already has a live position.
    """
    try:
        await connection.execute(_PREPARE, *_values(opening))
    except asyncpg.UniqueViolationError as clash:
        raise LivePositionExistsError(
            f"{opening.worker_id} cannot open {opening.symbol}: {clash.constraint_name}"
        ) from clash


class Positions:
    """The table ``positions``. Prices and amounts in won, instants in market time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _GET = f"SELECT {COLUMNS} FROM positions WHERE position_id = $1 AND bought_quantity > 0"  # noqa: S608 our own columns

    async def get(self, position_id: PositionId) -> OpenPosition | None:
        """Return the position with its remaining shares (zero when sold out), or None before its first fill."""
        row = await self._pool.fetchrow(self._GET, position_id)
        return None if row is None else _from_row(row)

    _HELD = f"""
    SELECT {COLUMNS} FROM positions
    WHERE account_id = $1 AND ($2::text IS NULL OR worker_id = $2) AND is_live AND bought_quantity > sold_quantity
    ORDER BY opened_at, position_id
    """  # noqa: S608 our own columns

    async def held_by(self, account_id: AccountId, worker_id: WorkerId) -> OpenPosition | None:
        """Return the position in which a worker holds shares, if any."""
        row = await self._pool.fetchrow(self._HELD, account_id, worker_id)
        return None if row is None else _from_row(row)

    _NAMED = f"SELECT {COLUMNS} FROM positions WHERE position_id = ANY($1) AND is_live AND bought_quantity > 0"  # noqa: S608 our own columns

    async def live_among(self, position_ids: Sequence[PositionId]) -> dict[PositionId, OpenPosition | Exception]:
        """Return the named positions that are live and were bought; for a row that cannot be read, the error."""
        rows = await self._pool.fetch(self._NAMED, list(position_ids))
        return {PositionId(row["position_id"]): _read(row) for row in rows}

    async def held_in(self, account_id: AccountId) -> tuple[OpenPosition, ...]:
        """Return every position with held shares, oldest first."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._HELD, account_id, None))

    _STOCKS = """
    SELECT symbol FROM positions WHERE account_id = $1 AND is_live AND bought_quantity > sold_quantity
    ORDER BY opened_at, position_id
    """

    async def held_stocks(self, account_id: AccountId) -> tuple[Symbol, ...]:
        """Return the stocks of all positions with held shares, oldest first, at a fraction of the positions' cost."""
        return tuple(Symbol(row["symbol"]) for row in await self._pool.fetch(self._STOCKS, account_id))

    _LIVE_IN = f"""
    SELECT {COLUMNS} FROM positions
    WHERE account_id = $1 AND is_live AND bought_quantity > 0 ORDER BY opened_at, position_id
    """  # noqa: S608 our own columns

    async def live_in(self, account_id: AccountId) -> tuple[OpenPosition, ...]:
        """Return every live position, oldest first: held positions, and sold-out positions without a booked trade."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._LIVE_IN, account_id))

    async def live(self, account_id: AccountId, position_id: PositionId) -> OpenPosition | None:
        """Return a live position, or None."""
        return next((each for each in await self.live_in(account_id) if each.position_id == position_id), None)

    _TOUCHED = """
    SELECT EXISTS (SELECT FROM positions WHERE account_id = $1 AND (is_live OR session_date = $2))
    """

    async def touched_in(self, account_id: AccountId, session_date: SessionDate) -> bool:
        """Return whether any position was opened in a session or is still live."""
        touched: bool = await self._pool.fetchval(self._TOUCHED, account_id, session_date)
        return touched

    _LEFT_AFTER = f"""
    SELECT {COLUMNS} FROM positions
    WHERE account_id = $1 AND bought_quantity > 0 AND (opened_at AT TIME ZONE 'Asia/Seoul')::date <= $2
        AND (closed_at IS NULL OR (closed_at AT TIME ZONE 'Asia/Seoul')::date > $2)
    ORDER BY opened_at, position_id
    """  # noqa: S608 our own columns

    async def left_after(self, account_id: AccountId, session_date: SessionDate) -> tuple[OpenPosition, ...]:
        """Return the positions opened by a KST date and not closed on it, in their current state."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._LEFT_AFTER, account_id, session_date))

    _LIVE = "SELECT position_id FROM positions WHERE account_id = $1 AND worker_id = $2 AND is_live"

    async def live_of(self, account_id: AccountId, worker_id: WorkerId) -> PositionId | None:
        """Return the worker's live position, including one that never filled or is sold out."""
        position_id = await self._pool.fetchval(self._LIVE, account_id, worker_id)
        return None if position_id is None else PositionId(position_id)

    _MARK = """
    WITH marked AS (
        UPDATE positions SET
            last_price = $2, high_water_mark = GREATEST(high_water_mark, $3), changed_at = clock_timestamp()
        WHERE position_id = $1 AND is_live AND bought_quantity > 0
            AND (last_price <> $2 OR high_water_mark < $3)
    )
    INSERT INTO price_marks AS kept (position_id, minute, open, high, low, close)
    SELECT position_id, date_trunc('minute', $4::timestamptz), $2, $2, $2, $2 FROM positions
    WHERE position_id = $1 AND is_live AND bought_quantity > 0
    ON CONFLICT (position_id, minute) DO UPDATE SET
        high = GREATEST(kept.high, $2), low = LEAST(kept.low, $2), close = $2
    WHERE kept.close <> $2
    """

    async def mark(self, position_id: PositionId, last_price: Price, high_water_mark: Price, at: datetime) -> None:
        """Store the last price, observed at a market instant, and the high-water mark, which never falls.

        The price also updates the bar of its minute. A position that is over keeps its marks.
        """
        await self._pool.execute(self._MARK, position_id, last_price, high_water_mark, at)

    _BEGIN_SALE_AT = """
    UPDATE positions SET sale_begins_at = $2, sale_begins_because = $3, changed_at = clock_timestamp()
    WHERE position_id = $1 AND is_live
    """

    async def begin_sale_at(self, position_id: PositionId, start: OwnStart | None) -> None:
        """Store when a position's own sale starts, for display; None: with the rest of the fleet."""
        at, why = (None, "") if start is None else (start.at, start.why)
        await self._pool.execute(self._BEGIN_SALE_AT, position_id, at, why)

    _LOCK = "SELECT status FROM positions WHERE position_id = $1 FOR UPDATE"
    _ACTIVE_ENTRY = "SELECT EXISTS (SELECT FROM orders WHERE position_id = $1 AND is_active)"
    _ABANDON = """
    UPDATE positions SET status = 'abandoned', changed_at = clock_timestamp()
    WHERE position_id = $1 AND status = 'opening'
    """

    async def abandon(self, position_id: PositionId) -> None:
        """Abandon a position whose entry bought nothing; repeating it changes nothing.

        Raises:
            InvalidTransitionError: shares were bought, or its order may still fill.
        """
        async with transaction(self._pool) as connection:
            status = await self._locked_status(connection, position_id)
            if status is PositionStatus.ABANDONED:
                return
            if status is not PositionStatus.OPENING:
                raise InvalidTransitionError(f"position {position_id} that is {status} cannot be abandoned")
            if await connection.fetchval(self._ACTIVE_ENTRY, position_id):
                raise InvalidTransitionError(f"position {position_id} cannot be abandoned: its order may still fill")
            await connection.execute(self._ABANDON, position_id)

    _ENTRY_OF = f"SELECT {ORDER_COLUMNS} FROM orders WHERE position_id = $1 AND side = 'buy'"  # noqa: S608 our own columns
    _WORKER = "SELECT worker_id FROM positions WHERE position_id = $1"

    async def recover(self, position_id: PositionId) -> bool:
        """Assign shares, or an order found later, to the stock's recovery worker; return False if there are none."""
        async with transaction(self._pool) as connection:
            row = await connection.fetchrow(self._ENTRY_OF, position_id)
            if row is None:
                return False
            intent = order_from_row(row).intent
            await connection.execute(LOCK_SYMBOL, intent.intent_id)
            status = await self._locked_status(connection, position_id)
            is_recovered = await connection.fetchval(self._WORKER, position_id) == recovery_worker(intent.symbol)
            if status in OVER or (status is PositionStatus.OPENING and not is_recovered):
                return False
            if not is_recovered:
                await hand_over_on(connection, intent)
            return True

    _TAKE_AWAY = """
    UPDATE positions SET
        sold_quantity = bought_quantity - $2,
        taken_quantity = taken_quantity + bought_quantity - sold_quantity - $2,
        taken_amount = taken_amount + $4,
        taken_on = $5,
        status = 'exiting',
        changed_at = clock_timestamp()
    WHERE position_id = $1 AND is_live AND bought_quantity - sold_quantity = $3 AND $3 > $2
    RETURNING position_id
    """

    async def take_away(
        self, position: OpenPosition, left: Quantity, event: Event, by_day: Sequence[Brought] = ()
    ) -> bool:
        """Book shares that left without one of our orders; return False when the position has changed meanwhile.

        Args:
            position: the position before the shares left.
            left: the shares that are proven to remain.
            event: the event to append in the same transaction; its session date is the booking's date.
            by_day: the proceeds by the day of the sale, as far as known.

        Raises:
            InvalidTransitionError: an order of the position may still fill.
        """
        async with transaction(self._pool) as connection:
            await self._locked_status(connection, position.position_id)
            if await connection.fetchval(self._ACTIVE_ENTRY, position.position_id):
                raise InvalidTransitionError(f"position {position.position_id} has an order that may still fill")
            brought = total([each.won for each in by_day])
            taken = (position.position_id, left, position.quantity, brought, event.session_date)
            if await connection.fetchval(self._TAKE_AWAY, *taken) is None:
                return False
            await add_on(connection, position.position_id, by_day)
            await append_on(connection, event)
            return True

    async def restate(self, position: OpenPosition, held: Quantity, session_date: SessionDate, event: Event) -> bool:
        """Apply a corporate action: another share count at the same cost; return False when the position has changed.

        ``event`` is appended in the same transaction.
        """
        async with transaction(self._pool) as connection:
            return await restate_on(connection, position, held, session_date, event)

    _TAKEN_ON = """
    SELECT symbol, sum(taken_quantity)::bigint AS shares FROM positions
    WHERE account_id = $1 AND taken_on = $2 GROUP BY symbol
    """

    async def taken_on(self, account_id: AccountId, session_date: SessionDate) -> dict[Symbol, Quantity]:
        """Return by stock the shares booked in a session as gone while their positions were live."""
        found = await self._pool.fetch(self._TAKEN_ON, account_id, session_date)
        return {Symbol(row["symbol"]): Quantity(row["shares"]) for row in found}

    async def _locked_status(self, connection: Connection, position_id: PositionId) -> PositionStatus:
        status = await connection.fetchval(self._LOCK, position_id)
        if status is None:
            raise UnknownIntentError(f"the ledger has no position {position_id}")
        return PositionStatus(status)


def _values(opening: PositionOpening) -> tuple[object, ...]:
    stamp = opening.strategy
    return (
        opening.position_id,
        opening.account_id,
        opening.worker_id,
        opening.session_date,
        opening.symbol,
        opening.name,
        opening.market,
        opening.decision_price,
        stamp.name,
        stamp.version,
        stamp.parameters,
        stamp.reason,
        rules_as_json(opening.exit_rules),
        opening.rules_version,
        stamp.source,
    )


def _cost_of_the_rest(row: Row) -> Won:
    """Return the cost of the unsold shares, so that the parts always add up to the whole."""
    return Won(row["cost"] - row["cost"] * row["sold_quantity"] // row["bought_quantity"])


def _read(row: Row) -> OpenPosition | Exception:
    try:
        return _from_row(row)
    except Exception as fault:  # noqa: BLE001 - one odd row must not hide the others
        return fault


def _from_row(row: Row) -> OpenPosition:
    return OpenPosition(
        position_id=PositionId(row["position_id"]),
        account_id=AccountId(row["account_id"]),
        worker_id=WorkerId(row["worker_id"]),
        session_date=SessionDate(row["session_date"]),
        symbol=Symbol(row["symbol"]),
        name=row["name"],
        market=Market(row["market"]),
        quantity=Quantity(row["bought_quantity"] - row["sold_quantity"]),
        cost=_cost_of_the_rest(row),
        opened_at=row["opened_at"],
        high_water_mark=Price(row["high_water_mark"]),
        last_price=Price(row["last_price"]),
        decision_price=Price(row["decision_price"]),
        strategy=StrategyStamp(
            row["strategy_name"],
            row["strategy_version"],
            row["strategy_parameters"],
            row["strategy_reason"],
            row["strategy_source"],
        ),
        exit_rules=rules_from_json(row["exit_rules"]),
        rules_version=row["rules_version"],
        taken=Quantity(row["taken_quantity"]),
        taken_amount=Won(row["taken_amount"]),
        restated_bought=row["restated_bought"],
        restated_sold=row["restated_sold"],
    )
