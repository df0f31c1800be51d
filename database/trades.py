"""Closed trades: position, trade or correction, lock and cool-down in one transaction, once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from database.errors import InvalidTransitionError
from database.locks import release_on
from database.order_rows import COLUMNS, order_from_row
from database.pool import Connection, Pool, Row, transaction
from database.risk import cool_down_on, hold_gate
from database.sales_by_others import keep_on
from domain.costs import Costs
from domain.day_costs import Brought
from domain.identity import AccountId, PositionId, WorkerId
from domain.lock import Lease
from domain.market import Market, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderRecord
from domain.position import ClosedTrade, ExitReason, PositionStatus, StrategyStamp
from domain.session import SessionDate


class Trades:
    """The tables ``trades`` and ``trade_corrections``; the view ``booked_trades`` combines both.

    Amounts in won, instants in market time.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def close(
        self,
        trade: ClosedTrade,
        lease: Lease | None,
        *,
        release_lock: bool,
        cool_until: datetime | None = None,
        by_others: Sequence[Brought] = (),
    ) -> bool:
        """Book a sold-out position; return False when it is closed already (the first booking stands).

        A position that was reopened after its trade was booked gets a correction of that trade: the difference.

        The lock is released if the lease's token is still current. With a stale token the result is booked all the
        same. ``by_others`` are the days of the proceeds that no order of ours brought.

        Raises:
            InvalidTransitionError: the trade does not add up with the position's fills.
        """
        async with transaction(self._pool) as connection:
            if release_lock and lease is not None:
                await release_on(connection, lease)
            if await _is_closed(connection, trade):
                return False
            await _write(connection, trade)
            await keep_on(connection, trade.position_id, by_others)
            await hold_gate(connection, trade.account_id)
            await connection.execute(
                _CLOSE_POSITION,
                trade.position_id,
                trade.exit_amount,
                trade.closed_at,
                trade.exit_reason,
                trade.net_pnl,
            )
            if cool_until is not None:
                await cool_down_on(connection, trade.account_id, trade.symbol, cool_until)
            return True

    _SELECT = """
    SELECT position_id, account_id, worker_id, session_date, symbol, name, market, quantity, entry_amount, exit_amount,
        entry_commission, entry_tax, exit_commission, exit_tax, opened_at, closed_at, exit_reason, strategy_name,
        strategy_version, strategy_parameters, strategy_reason, entry_decision_price, exit_decision_price,
        strategy_source
    FROM booked_trades
    """
    _ON = f"""{_SELECT}
    WHERE account_id = $1 AND session_date BETWEEN $2 AND $3 AND ($4::text IS NULL OR worker_id = $4)
    ORDER BY closed_at, position_id
    """
    _OF = f"{_SELECT} WHERE account_id = $1 AND position_id = ANY ($2::text[]) ORDER BY closed_at, position_id"

    async def on(
        self, account_id: AccountId, session_date: SessionDate, worker_id: WorkerId | None = None
    ) -> tuple[ClosedTrade, ...]:
        """Return a session's trades in closing order, of the fleet or of one worker."""
        return await self.between(account_id, session_date, session_date, worker_id)

    async def between(
        self, account_id: AccountId, first: SessionDate, last: SessionDate, worker_id: WorkerId | None = None
    ) -> tuple[ClosedTrade, ...]:
        """Return the trades of a range of session dates, both ends included."""
        rows = await self._pool.fetch(self._ON, account_id, first, last, worker_id)
        return tuple(_from_row(row) for row in rows)

    async def of(self, account_id: AccountId, positions: Collection[PositionId]) -> tuple[ClosedTrade, ...]:
        """Return the trades of closed positions in closing order."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._OF, account_id, list(positions)))

    async def settle_costs(self, trade: ClosedTrade) -> bool:
        """Correct the booked costs of a closed position to those of the trade; return whether they differed.

        A trade with other changes is left to its own correction.
        """
        async with transaction(self._pool) as connection:
            held = await connection.fetchrow(_LOCK_POSITION, trade.position_id)
            booked = await connection.fetchrow(_BOOKED, trade.position_id)
            if held is None or held["status"] != PositionStatus.CLOSED or booked is None or not booked["parts"]:
                return False
            more = _more_than(booked, trade)
            if any(more[name] for name in _AMOUNTS) or not any(more.values()):
                return False
            await _correct(connection, trade, more)
            await connection.execute(_SETTLE_POSITION, trade.position_id, trade.net_pnl)
            return True

    _BESIDE = f"""
    SELECT {COLUMNS} FROM orders
    WHERE (account_id, symbol) = (SELECT account_id, symbol FROM positions WHERE position_id = $1)
        AND (session_date = ANY($2::date[]) OR session_date IN (SELECT session_date FROM orders WHERE position_id = $1))
        AND filled_quantity > 0
    ORDER BY sequence
    """  # noqa: S608 our own columns

    async def orders_beside(self, position_id: PositionId, days: Collection[SessionDate]) -> tuple[OrderRecord, ...]:
        """Return all filled orders of a position's stock, its own included, on the days of its orders and ``days``."""
        return tuple(order_from_row(row) for row in await self._pool.fetch(self._BESIDE, position_id, days))

    _SHARING = """
    WITH traded AS (
        SELECT position_id, symbol FROM orders
        WHERE account_id = $1 AND session_date = $2 AND filled_quantity > 0
        UNION SELECT position_id, symbol FROM sales_by_others JOIN positions USING (position_id)
        WHERE account_id = $1 AND sold_on = $2 AND amount > 0
    )
    SELECT position_id FROM positions
    WHERE account_id = $1 AND status = 'closed' AND position_id IN (SELECT position_id FROM traded)
        AND symbol IN (SELECT symbol FROM traded GROUP BY symbol HAVING count(*) > 1)
    ORDER BY created_at
    """

    async def sharing_costs(self, account_id: AccountId, session_date: SessionDate) -> tuple[PositionId, ...]:
        """Return the closed positions whose stock was traded in more than one position of a session."""
        rows = await self._pool.fetch(self._SHARING, account_id, session_date)
        return tuple(PositionId(row["position_id"]) for row in rows)

    _RECEIVED = "SELECT sum(exit_amount)::bigint FROM booked_trades WHERE position_id = $1"

    async def received(self, position_id: PositionId) -> Won:
        """Return the booked proceeds of a position's sales, including sales by others."""
        return Won(await self._pool.fetchval(self._RECEIVED, position_id) or 0)

    _CLOSED_AT = """
    SELECT closed_at, exit_reason FROM booked_trades WHERE position_id = $1 ORDER BY closed_at DESC LIMIT 1
    """

    async def last_end_of(self, position_id: PositionId) -> tuple[datetime, ExitReason] | None:
        """Return when and why the position was last closed, if its trade was ever booked."""
        row = await self._pool.fetchrow(self._CLOSED_AT, position_id)
        return None if row is None else (row["closed_at"], ExitReason(row["exit_reason"]))


_LOCK_POSITION = """
SELECT status, bought_quantity, cost, sold_quantity, proceeds FROM positions WHERE position_id = $1 FOR UPDATE
"""
_INSERT = """
INSERT INTO trades (position_id, account_id, worker_id, session_date, symbol, name, market, quantity, entry_amount,
    exit_amount, entry_commission, entry_tax, exit_commission, exit_tax, opened_at, closed_at, exit_reason,
    strategy_name, strategy_version, strategy_parameters, strategy_reason, entry_decision_price, exit_decision_price,
    strategy_source)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
"""
_BOOKED = """
SELECT count(*) AS parts, sum(quantity)::bigint AS quantity, sum(entry_amount)::bigint AS entry_amount,
    sum(exit_amount)::bigint AS exit_amount, sum(entry_commission)::bigint AS entry_commission,
    sum(entry_tax)::bigint AS entry_tax, sum(exit_commission)::bigint AS exit_commission,
    sum(exit_tax)::bigint AS exit_tax
FROM booked_trades WHERE position_id = $1
"""
_CORRECT = """
INSERT INTO trade_corrections (position_id, number, account_id, session_date, quantity, entry_amount, exit_amount,
    entry_commission, entry_tax, exit_commission, exit_tax, closed_at, exit_reason)
SELECT $1, 1 + count(*), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
FROM trade_corrections WHERE position_id = $1
"""
_AMOUNTS = ("quantity", "entry_amount", "exit_amount")
_SETTLE_POSITION = "UPDATE positions SET realised_pnl = $2, changed_at = clock_timestamp() WHERE position_id = $1"
_CLOSE_POSITION = """
UPDATE positions SET status = 'closed', sold_quantity = bought_quantity, proceeds = $2, closed_at = $3,
    exit_reason = $4, realised_pnl = $5, changed_at = clock_timestamp()
WHERE position_id = $1
"""


async def _write(connection: Connection, trade: ClosedTrade) -> None:
    """Insert the trade, or its difference to the earlier bookings."""
    booked = await connection.fetchrow(_BOOKED, trade.position_id)
    if booked is None or not booked["parts"]:
        await connection.execute(_INSERT, *_values(trade))
        return
    await _correct(connection, trade, _more_than(booked, trade))


def _more_than(booked: Row, trade: ClosedTrade) -> dict[str, int]:
    """Return the difference of each of a trade's figures to the booked value."""
    now = {
        "quantity": trade.quantity,
        "entry_amount": trade.entry_amount,
        "exit_amount": trade.exit_amount,
        "entry_commission": trade.entry_costs.commission,
        "entry_tax": trade.entry_costs.tax,
        "exit_commission": trade.exit_costs.commission,
        "exit_tax": trade.exit_costs.tax,
    }
    return {name: value - booked[name] for name, value in now.items()}


async def _correct(connection: Connection, trade: ClosedTrade, more: dict[str, int]) -> None:
    about = (trade.position_id, trade.account_id, trade.session_date)
    await connection.execute(_CORRECT, *about, *more.values(), trade.closed_at, trade.exit_reason)


async def _is_closed(connection: Connection, trade: ClosedTrade) -> bool:
    """Return whether the position is closed already.

    Every won of the trade must trace to fills; only sales by others may add to it.
    """
    held = await connection.fetchrow(_LOCK_POSITION, trade.position_id)
    if held is None or held["status"] not in (PositionStatus.OPEN, PositionStatus.EXITING, PositionStatus.CLOSED):
        state = held["status"] if held else "unknown"
        raise InvalidTransitionError(f"position {trade.position_id} that is {state} cannot be closed")
    if held["status"] == PositionStatus.CLOSED:
        return True
    bought = (held["bought_quantity"], held["cost"]) == (trade.quantity, trade.entry_amount)
    sold = (held["sold_quantity"], held["proceeds"]) == (trade.quantity, trade.exit_amount)
    if trade.exit_reason is ExitReason.FOREIGN_SALE:
        sold = trade.exit_amount >= held["proceeds"]
    if not (bought and sold):
        raise InvalidTransitionError(
            f"trade {trade.position_id} of {trade.quantity} shares, {trade.entry_amount} → {trade.exit_amount} won, "
            f"does not add up with its fills {dict(held)}"
        )
    return False


def _values(trade: ClosedTrade) -> tuple[object, ...]:
    return (
        trade.position_id,
        trade.account_id,
        trade.worker_id,
        trade.session_date,
        trade.symbol,
        trade.name,
        trade.market,
        trade.quantity,
        trade.entry_amount,
        trade.exit_amount,
        trade.entry_costs.commission,
        trade.entry_costs.tax,
        trade.exit_costs.commission,
        trade.exit_costs.tax,
        trade.opened_at,
        trade.closed_at,
        trade.exit_reason,
        trade.strategy.name,
        trade.strategy.version,
        trade.strategy.parameters,
        trade.strategy.reason,
        trade.entry_decision_price,
        trade.exit_decision_price,
        trade.strategy.source,
    )


def _from_row(row: Row) -> ClosedTrade:
    return ClosedTrade(
        position_id=PositionId(row["position_id"]),
        account_id=AccountId(row["account_id"]),
        worker_id=WorkerId(row["worker_id"]),
        session_date=SessionDate(row["session_date"]),
        symbol=Symbol(row["symbol"]),
        name=row["name"],
        market=Market(row["market"]),
        quantity=Quantity(row["quantity"]),
        entry_amount=Won(row["entry_amount"]),
        exit_amount=Won(row["exit_amount"]),
        entry_costs=Costs(Won(row["entry_commission"]), Won(row["entry_tax"])),
        exit_costs=Costs(Won(row["exit_commission"]), Won(row["exit_tax"])),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        exit_reason=ExitReason(row["exit_reason"]),
        strategy=StrategyStamp(
            row["strategy_name"],
            row["strategy_version"],
            row["strategy_parameters"],
            row["strategy_reason"],
            row["strategy_source"],
        ),
        entry_decision_price=Price(row["entry_decision_price"]),
        exit_decision_price=Price(row["exit_decision_price"]),
    )
