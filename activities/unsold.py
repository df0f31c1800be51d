"""Unsold shares at the end of the session: reported as critical with their market state (R16)."""

from functools import partial
from typing import TYPE_CHECKING

from temporalio import activity

from activities.support.heart import Heart
from activities.support.requests import SessionRequest
from domain.errors import TradingError
from domain.events.positions import position_unsold_at_close
from domain.ladder import why_unsold
from domain.lane import Lane
from domain.market import Symbol
from domain.order import OrderStatus
from domain.position import OpenPosition
from domain.session import SessionDate

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database


class UnsoldActivities:
    """Reports our remaining shares once every order of the session is proven over."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace

    @activity.defn(name="tell_unsold")
    async def report_unsold(self, request: SessionRequest) -> tuple[str, ...]:
        """Append a critical event for each stock still held; return their descriptions."""
        quarantined = {
            order.intent.symbol
            for order in await self._database.orders.active_in(request.account_id)
            if order.status is OrderStatus.QUARANTINED
        }
        lines = []
        async with Heart() as heart:
            for position in await self._database.positions.held_in(request.account_id):
                heart.progress(position.symbol)
                undecided = position.symbol in quarantined
                why = "its order waits for an operator's decision" if undecided else await self._why(position.symbol)
                await self._report(position, request.session_date, why)
                lines.append(f"{position.symbol} {position.name} ×{position.quantity:,}: {why}")
        return tuple(lines)

    async def _report(self, position: OpenPosition, session_date: SessionDate, why: str) -> None:
        event = position_unsold_at_close(position, session_date, why, self._pace.now())
        await self._database.reports.append(event.key, partial(self._database.events.append, event))

    async def _why(self, symbol: Symbol) -> str:
        try:
            status = await self._broker.instrument_status(symbol, Lane.RESOLVE)
            quote = (await self._broker.quotes([symbol], Lane.RESOLVE)).get(symbol)
        except TradingError as fault:
            activity.logger.warning("reason_not_found", extra={"symbol": symbol, "cause": str(fault)})
            return "unknown"
        return why_unsold(quote, status.flags)
