"""End of a position: its trade is booked, or an unfilled entry is abandoned; its symbol is free again."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from temporalio import activity

from activities.account.trade_booking import Ending, TradeBooking
from activities.support.host_gate import HostGate
from domain.day_costs import Brought
from domain.errors import InvalidTransitionError
from domain.identity import PositionId
from domain.lock import Lease
from domain.market import Symbol
from domain.money import Quantity, Rate, Won
from domain.order import OrderRecord
from domain.position import ExitReason, OpenPosition
from domain.session import SessionDate, session_date_of
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """Position that is over, why, and its lease."""

    position_id: PositionId
    reason: ExitReason
    lease: Lease | None
    symbol_cooldown: timedelta
    brought_by_others: Won | None = None
    """Proceeds of others' sale of the rest, if the broker lists it."""
    by_day: tuple[Brought, ...] = ()
    """These proceeds by the day of the sale."""


@dataclass(frozen=True, slots=True)
class TradeResult:
    """Key figures of a closed trade (won)."""

    position_id: PositionId
    symbol: Symbol
    quantity: Quantity
    net_pnl: Won
    exit_reason: ExitReason
    session_date: SessionDate
    kind: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class StillHeld:
    """A late buy fill: the sold-out position holds shares again, which must be sold first."""

    position_id: PositionId
    quantity: Quantity
    kind: Literal["still_held"] = "still_held"


class SettlingActivities:
    """Settles positions that are over."""

    def __init__(self, database: "Database", pace: "Pace", commission: Rate, host: HostGate | None = None) -> None:
        self._host = host or HostGate()
        self._database = database
        self._pace = pace
        self._trades = TradeBooking(database, commission)

    @activity.defn
    async def close_position(self, request: CloseRequest) -> TradeResult | StillHeld:
        """Book the trade of a sold-out position and release its symbol; repeating it changes nothing."""
        while True:
            # Read the orders first: a fill between the two reads then shows as held shares.
            orders = await self._database.orders.of_position(request.position_id)
            position = await self._trades.position(request.position_id)
            if position.quantity and request.reason is not ExitReason.FOREIGN_SALE:
                return StillHeld(position.position_id, position.quantity)
            try:
                return await self._settle(position, orders, request)
            except InvalidTransitionError:
                if await self._trades.position(request.position_id) == position:
                    raise
                activity.logger.warning("fill_overtook_the_trade", extra={"position_id": request.position_id})

    async def _settle(
        self, position: OpenPosition, orders: tuple[OrderRecord, ...], request: CloseRequest
    ) -> TradeResult:
        now = self._pace.now()
        ending = Ending(request.reason, now, request.brought_by_others, request.by_day)
        trade = await self._trades.book(position, orders, ending, request.lease)
        rests = self._host.symbol_cooldown(request.symbol_cooldown)
        await self._database.risk.cool_down(trade.account_id, trade.symbol, now + rests)
        event = f"sold {trade.symbol}: {trade.exit_reason}, net {trade.net_pnl:+,} won"
        idle = (trade.account_id, trade.worker_id, WorkerState.IDLE, None, event, now)
        show = partial(self._database.workers.enter, *idle)
        await self._database.reports.write("worker_state", trade.worker_id, show)
        return TradeResult(
            trade.position_id, trade.symbol, trade.quantity, trade.net_pnl, trade.exit_reason, session_date_of(now)
        )

    @activity.defn
    async def abandon_entry(self, request: CloseRequest) -> None:
        """Abandon a position whose entry bought nothing: lock released, symbol on cooldown (R11).

        Shares that arrived meanwhile, or may still arrive, go to the stock's recovery worker.
        """
        try:
            await self._database.positions.abandon(request.position_id)
        except InvalidTransitionError as late:
            if not await self._database.positions.recover(request.position_id):
                raise
            extra = {"position_id": request.position_id, "cause": str(late)}
            activity.logger.warning("late_shares_recovered", extra=extra)
        if request.lease is None:
            return
        await self._database.locks.release(request.lease)
        until = self._pace.now() + request.symbol_cooldown
        await self._database.risk.cool_down(request.lease.account_id, request.lease.symbol, until)
