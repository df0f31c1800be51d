"""Carried positions after a corporate action: the broker's share count wins when the day's base price fits it (F34)."""

import asyncio
from typing import TYPE_CHECKING, Final

from temporalio import activity

from domain.corporate_action import restated
from domain.errors import TradingError
from domain.events.positions import carried_position_restated
from domain.lane import Lane
from domain.market import Symbol
from domain.money import NO_SHARES, Quantity
from domain.position import OpenPosition
from domain.session import session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

_WITHIN: Final = 3.0
"""Seconds that a sale waits for this check; the session's comparison finds shares that it misses."""


class CarriedShares:
    """Restates positions whose share count a split, a reverse split or bonus shares changed overnight."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace") -> None:
        self._broker = broker
        self._database = database
        self._pace = pace

    async def owners(self, position: OpenPosition) -> Quantity:
        """Return the owner's own shares of the stock, as recorded at the last proven session."""
        day = session_date_of(self._pace.now())
        left = await self._database.snapshots.left_before(position.account_id, day)
        return next((each.owners_quantity for each in left if each.symbol == position.symbol), NO_SHARES)

    async def restated(self, position: OpenPosition, shown: Quantity, lane: Lane) -> OpenPosition | None:
        """Restate a position to the broker's share count; None if no corporate action explains it.

        Raises:
            TradingError: the day's base price is not known.
        """
        at = self._pace.now()
        day = session_date_of(at)
        limits = (await self._broker.daily_reference(position.symbol, day, lane)).limits
        base = limits.middle
        held = restated(position.quantity, await self.owners(position), shown, position.last_price, base)
        if held is None:
            return None
        event = carried_position_restated(position, held, base, at)
        await self._database.positions.restate(position, held, day, event)
        return await self._database.positions.get(position.position_id)

    async def before_sale(self, position: OpenPosition) -> OpenPosition:
        """Return a carried position with the shares to sell; as in the ledger if the broker does not answer.

        Skip the check in a session whose books are compared: they are already restated.
        """
        day = session_date_of(self._pace.now())
        if (await self._database.comparisons.state(position.account_id, day)).is_compared:
            return position
        try:
            async with asyncio.timeout(_WITHIN):
                shown = await self._shown(position.symbol)
                if shown is None or shown == position.quantity:
                    return position
                return await self.restated(position, shown, Lane.EXIT) or position
        except (TradingError, TimeoutError) as fault:
            activity.logger.warning("shares_not_checked", extra={"symbol": position.symbol, "cause": str(fault)})
            return position

    async def _shown(self, symbol: Symbol) -> Quantity | None:
        """Return the broker's number of shares when two reads agree; None if unreadable, different or zero."""
        first = (await self._broker.balance(Lane.EXIT)).quantity_of(symbol)
        if not first:
            return None
        again = (await self._broker.balance(Lane.EXIT)).quantity_of(symbol)
        return first if first == again else None
