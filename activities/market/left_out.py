"""Stocks skipped because the broker refuses a query or sends malformed data; reported once an hour each."""

import logging
from typing import TYPE_CHECKING, Final

from domain.errors import BrokerProtocolError, BrokerRefusedError, TryAgainError
from domain.event import EventLevel
from domain.events.entries import stock_left_out
from domain.identity import AccountId
from domain.market import Symbol

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

logger = logging.getLogger("haru.feed")

StockFault = BrokerRefusedError | BrokerProtocolError | TryAgainError
STOCK_FAULTS: Final = (BrokerRefusedError, BrokerProtocolError)
"""Errors of a query that concern one stock only."""


class OnlyOne:
    """Attributes the first temporary fault to one stock; a second stock's fault means that the broker is down."""

    def __init__(self) -> None:
        self._stock: Symbol | None = None

    def bear(self, symbol: Symbol, fault: TryAgainError) -> None:
        """Record a fault.

        Raises:
            TryAgainError: another stock has had one before.
        """
        if self._stock not in {None, symbol}:
            raise fault
        self._stock = symbol


class LeftOut:
    """Reports for all workers of a process; the event key limits it to once an hour across processes."""

    def __init__(self, database: "Database", pace: "Pace") -> None:
        self._database = database
        self._pace = pace
        self._reported: dict[Symbol | None, str] = {}

    async def report(self, account_id: AccountId, symbol: Symbol | None, fault: StockFault) -> None:
        """Report why a stock is skipped; None stands for a list of stocks that could not be read."""
        now = self._pace.now()
        hour = f"{now:%Y-%m-%d %H}"
        if self._reported.get(symbol) == hour:
            return
        self._reported[symbol] = hour
        logger.warning("stock_left_out", extra={"symbol": symbol, "cause": str(fault)})
        level = EventLevel.INFO if isinstance(fault, BrokerRefusedError) else EventLevel.WARNING
        event = stock_left_out(account_id, symbol, level, str(fault), now)
        await self._database.events.append(event)
