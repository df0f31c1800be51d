"""The interface of any broker, in our own terms. Every call names its lane of the rate budget."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.identity import Environment
from domain.lane import Crowding, Lane
from domain.market import DailyReference, IndexLevel, InstrumentStatus, Market, OrderBook, Quote, Side, Symbol
from domain.market_phase import MarketMessage
from domain.money import NO_SHARES, Price, Quantity, Won
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent, OrderType, SubmitOutcome
from domain.session import SessionDate
from domain.stream import Garbled, OrderNotice
from domain.unreadable import AccountList, Readings, Rows, UnreadableRow, doubts

MayLeave = Callable[[], bool]
"""Returns whether an order request may still be sent after any wait."""


def always() -> bool:
    """Allow every request."""
    return True


class RateSlot(Protocol):
    """Permission to make one call."""

    def learn(self, crowding: Crowding) -> None:
        """Apply the reply's crowding; processes that share the budget slow down together."""
        ...


class RateBudget(Protocol):
    """Grants permissions; all processes share one budget."""

    def slot(self, lane: Lane, weight: int = 0) -> AbstractAsyncContextManager[RateSlot]:
        """Wait for a slot, hold it during the call, and free it one second after the response.

        Within a lane the call with the greatest ``weight`` goes first, then the longest waiting.
        """
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """KIS's access token and its expiry (UTC, real time)."""

    value: str
    expires_at: datetime


class TokenStore(Protocol):
    """The store of the fleet's shared token; one issuer at a time."""

    async def current(self) -> AccessToken | None:
        """Return the stored token regardless of its age, or None."""
        ...

    def issuing(self) -> AbstractAsyncContextManager["TokenIssue"]:
        """Hold the row lock under which exactly one process may request a new token."""
        ...


class TokenIssue(Protocol):
    """Operations for the holder of the issuing lock."""

    async def current(self) -> AccessToken | None:
        """Return the stored token, which the previous lock holder may have renewed."""
        ...

    async def last_issued_at(self) -> datetime | None:
        """Return when a token was last requested (UTC), successfully or not."""
        ...

    async def record_attempt(self) -> None:
        """Record that a token is being requested now."""
        ...

    async def withdraw_attempt(self, previous: datetime | None) -> None:
        """Restore the previous instant because the request never left this machine."""
        ...

    async def store(self, token: AccessToken) -> None:
        """Store a new token for all processes."""
        ...


@dataclass(frozen=True, slots=True)
class BuyingPower:
    """Buying power without an unpaid margin (``nrcvb_*``): won, and whole shares at the requested price."""

    cash: Won
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Holding:
    """Our shares at the broker; ``sellable`` excludes shares reserved by working sell orders. Cost in won."""

    symbol: Symbol
    name: str
    quantity: Quantity
    sellable: Quantity
    cost: Won
    price: Price


@dataclass(frozen=True, slots=True)
class Balance:
    """Cash at D+2 in won, None if unreadable, and every holding paid in cash with a whole share left.

    ``sold_out`` are stocks listed with no whole share. Shares on credit are the owner's and left out. A stock of an
    ``unreadable`` row is in doubt; a row without a symbol puts every unlisted stock in doubt.
    """

    cash: Won | None
    holdings: tuple[Holding, ...]
    sold_out: frozenset[Symbol] = frozenset()
    unreadable: tuple[UnreadableRow, ...] = ()

    def quantities(self) -> dict[Symbol, Quantity]:
        """Return the readable shares by stock."""
        return {holding.symbol: holding.quantity for holding in self.holdings}

    def quantity_of(self, symbol: Symbol) -> Quantity | None:
        """Return the shares of one stock, zero if it is not listed; None if the number cannot be read."""
        return None if self.doubts(symbol) else self.quantities().get(symbol, NO_SHARES)

    def doubts(self, symbol: Symbol) -> bool:
        """Return whether the shares of a stock are in doubt."""
        rows = [row for row in self.unreadable if row.of is AccountList.HOLDINGS]
        is_listed = symbol in self.sold_out or symbol in self.quantities()
        return doubts(rows, symbol) or (not is_listed and any(row.symbol is None for row in rows))


class Broker(Protocol):
    """One brokerage account.

    Queries raise ``TryAgainError`` (without effect), ``BrokerRefusedError`` or ``StopTradingError``. ``submit`` and
    ``cancel`` never raise for a fault of the broker or the network: they return the outcome.
    """

    @property
    def environment(self) -> Environment:
        """Return the environment."""
        ...

    @property
    def refusal(self) -> str:
        """Return the broker's message if it refuses one of our keys or tokens now; empty otherwise."""
        ...

    def take_unreadable(self) -> Readings:
        """Return the unreadable rows of the broker's lists since the last call."""
        ...

    @property
    def clock_skew(self) -> timedelta:
        """Return the least real time by which this machine's clock is ahead of the broker's, negative when behind.

        Zero if the replies prove nothing.
        """
        ...

    async def check_access(self, lane: Lane) -> None:
        """Send one query with each of our keys.

        Raises:
            TryAgainError: access cannot be checked now. StopTradingError: a key, the account or a host is refused.
        """
        ...

    @property
    def most_stocks_per_scan(self) -> int | None:
        """Return how many stocks can be priced before the first price is stale; None for any number."""
        ...

    @property
    def stocks_per_call(self) -> int:
        """Return how many stocks one quote call can price."""
        ...

    @property
    def evening_orders(self) -> frozenset[OrderType]:
        """Return the order types accepted after the regular session; none on paper."""
        ...

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        """Return quotes, ``stocks_per_call`` symbols per call; symbols without a price are missing."""
        ...

    async def instrument_status(self, symbol: Symbol, lane: Lane) -> InstrumentStatus:
        """Return the board and the exclusion flags of a stock."""
        ...

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:
        """Return the previous session's bar and today's price limits."""
        ...

    async def volume_leaders(self, count: int, lane: Lane) -> tuple[Symbol, ...]:
        """Return the most traded common stocks, at most 30; empty if the broker has no ranking (paper)."""
        ...

    async def order_book(self, symbol: Symbol, lane: Lane) -> OrderBook:
        """Return ten levels of each side."""
        ...

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:
        """Return the level of KOSPI or KOSDAQ, or None if not available (paper)."""
        ...

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        """Return the buying power at a limit price."""
        ...

    async def submit(self, intent: OrderIntent, lane: Lane, may_leave: MayLeave = always) -> SubmitOutcome:
        """Send one order request, once; ``may_leave`` is called directly before sending."""
        ...

    async def cancel(self, order: BrokerOrderRef, intent: OrderIntent, lane: Lane) -> SubmitOutcome:
        """Send one request to cancel the remainder of an order, once."""
        ...

    @property
    def orders_per_call(self) -> int:
        """Return how many rows of the order list one call returns."""
        ...

    async def orders_on(
        self, session_date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> Rows[BrokerOrder]:
        """Return the day's orders with cumulative fills, all pages, cancel rows included."""
        ...

    async def open_orders(self, side: Side, lane: Lane) -> Rows[BrokerOrder] | None:
        """Return today's orders of one side that can still be cancelled, or None if not available (paper)."""
        ...

    async def profits_by_day(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[DayProfit] | None:
        """Return the broker's own profit and costs, one row per day with trades, or None if not available (paper)."""
        ...

    async def profits_by_stock(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[StockProfit] | None:
        """Return the same, one row per day and stock."""
        ...

    async def profit_today(self, lane: Lane) -> ProfitToday | None:
        """Return the broker's own profit of today so far, or None if not available (paper)."""
        ...

    async def balance(self, lane: Lane) -> Balance:
        """Return cash and holdings, all pages."""
        ...

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        """Return whether the exchange is open on a KST date (CTCA0903R), or None if it cannot be queried."""
        ...


StreamEvent = Quote | OrderNotice | MarketMessage | Garbled
"""A trade with its best bid and ask, a notice of an own order, a market-wide message, or an unreadable message."""


class StreamSession(Protocol):
    """One open real-time session; it registers for order notices as well as for stocks."""

    @property
    def registered(self) -> tuple[Symbol, ...]:
        """Return the stocks whose registration the broker has confirmed."""
        ...

    @property
    def hears_notices(self) -> bool:
        """Return whether the broker has confirmed the registration for own order notices."""
        ...

    async def register(self, wanted: Sequence[Symbol]) -> None:
        """Register exactly these stocks; the replies arrive with the events."""
        ...

    async def register_again(self, symbol: Symbol) -> None:
        """Register a stock again because no message about it arrives."""
        ...

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield events until the session ends.

        Raises:
            StreamLostError: the connection is cut, silent for too long, or no longer reliable.
        """
        ...


class MarketStream(Protocol):
    """The account's prices and order notices in real time; one session at a time."""

    def session(self) -> AbstractAsyncContextManager[StreamSession]:
        """Open a session.

        Raises:
            StreamLostError: no session is available now. CredentialsRefusedError: the broker refuses these keys.
        """
        ...
