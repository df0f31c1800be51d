"""Stocks that are not bought because the broker refuses or garbles what it says of them, reported once an hour each."""

import logging
from typing import TYPE_CHECKING, Final

from domain.errors import BrokerProtocolError, BrokerRefusedError, TryAgainError
from domain.event import STOCK_LEFT_OUT, Event, EventLevel
from domain.identity import AccountId
from domain.market import Symbol
from domain.session import session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

logger = logging.getLogger("haru.feed")

StockFault = BrokerRefusedError | BrokerProtocolError | TryAgainError
STOCK_FAULTS: Final = (BrokerRefusedError, BrokerProtocolError)
"""What a question about one stock raises that says nothing about the next stock."""


class OnlyOne:
    """Takes one passing fault for one stock's own; from the second on it is the broker that is away."""

    def __init__(self) -> None:
        self._stock: Symbol | None = None

    def bear(self, symbol: Symbol, fault: TryAgainError) -> None:
        """Note a fault.

        Raises:
            TryAgainError: another stock has met one before.
        """
        if self._stock not in {None, symbol}:
            raise fault
        self._stock = symbol


class LeftOut:
    """Reports for all workers of a process; the event's key makes it once an hour for all processes."""

    def __init__(self, database: "Database", pace: "Pace") -> None:
        self._database = database
        self._pace = pace
        self._reported: dict[Symbol | None, str] = {}

    async def report(self, account_id: AccountId, symbol: Symbol | None, fault: StockFault) -> None:
        """Write down why a stock is left out, or with None why a list of stocks could not be read."""
        now = self._pace.now()
        hour = f"{now:%Y-%m-%d %H}"
        if self._reported.get(symbol) == hour:
            return
        self._reported[symbol] = hour
        logger.warning("stock_left_out", extra={"symbol": symbol, "cause": str(fault)})
        is_refused = isinstance(fault, BrokerRefusedError)
        event = Event(
            account_id,
            STOCK_LEFT_OUT,
            EventLevel.INFO if is_refused else EventLevel.WARNING,
            now,
            session_date_of(now),
            symbol=symbol,
            detail={"cause": str(fault)},
            key=f"{STOCK_LEFT_OUT}/{account_id}/{symbol or ''}/{hour}",
        )
        await self._database.events.append(event)
