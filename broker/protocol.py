"""What we ask of any broker, in our own words. Every call names the lane of the rate budget that it travels in."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.identity import Environment
from domain.lane import Crowding, Lane
from domain.market import DailyReference, InstrumentStatus, OrderBook, Quote, Side, Symbol
from domain.market_phase import MarketMessage
from domain.money import NO_SHARES, Price, Quantity, Won
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent, OrderType, SubmitOutcome
from domain.session import SessionDate
from domain.stream import Garbled, OrderNotice
from domain.unreadable import AccountList, Readings, Rows, UnreadableRow, doubts

MayLeave = Callable[[], bool]
"""Answers whether an order request may still leave, after whatever waiting came before."""


def always() -> bool:
    """Let every request leave."""
    return True


class RateSlot(Protocol):
    """Permission to make one call."""

    def learn(self, crowding: Crowding) -> None:
        """Take note of what the reply said; processes that share the budget slow down together."""
        ...


class RateBudget(Protocol):
    """Hands out permissions; a budget is shared by all processes."""

    def slot(self, lane: Lane, weight: int = 0) -> AbstractAsyncContextManager[RateSlot]:
        """Wait for a slot, hold it during the call, free it one second after the response.

        Within a lane the call of the greatest ``weight`` goes first, then the one that has waited longest.
        """
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """KIS's access token and its end (UTC, real time)."""

    value: str
    expires_at: datetime


class TokenStore(Protocol):
    """Where the fleet shares one token; one issuer at a time."""

    async def current(self) -> AccessToken | None:
        """Return the stored token, however old, or None."""
        ...

    def issuing(self) -> AbstractAsyncContextManager["TokenIssue"]:
        """Hold the row lock under which exactly one process may ask for a new token."""
        ...


class TokenIssue(Protocol):
    """What the holder of the issuing lock may read and write."""

    async def current(self) -> AccessToken | None:
        """Return the token stored now, perhaps already renewed by the previous holder."""
        ...

    async def last_issued_at(self) -> datetime | None:
        """Return when a token was last asked for (UTC), successful or not."""
        ...

    async def record_attempt(self) -> None:
        """Write down that a token is being asked for now."""
        ...

    async def withdraw_attempt(self, previous: datetime | None) -> None:
        """Put the earlier instant back: the request has never left this machine."""
        ...

    async def store(self, token: AccessToken) -> None:
        """Keep a new token for everybody."""
        ...


@dataclass(frozen=True, slots=True)
class BuyingPower:
    """What may be bought without creating an unpaid margin (``nrcvb_*``): won, and whole shares at the asked price."""

    cash: Won
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares the broker says we hold; sellable excludes what working sell orders reserve. Cost in won."""

    symbol: Symbol
    name: str
    quantity: Quantity
    sellable: Quantity
    cost: Won
    price: Price


@dataclass(frozen=True, slots=True)
class Balance:
    """Cash at D+2 in won, None where it cannot be read, and every holding paid in cash with a whole share left.

    ``sold_out`` are stocks that are listed with no whole share. Shares on credit are the owner's and left out. A stock
    of an ``unreadable`` row is in doubt; a row without a symbol puts every stock in doubt that is not listed.
    """

    cash: Won | None
    holdings: tuple[Holding, ...]
    sold_out: frozenset[Symbol] = frozenset()
    unreadable: tuple[UnreadableRow, ...] = ()

    def quantities(self) -> dict[Symbol, Quantity]:
        """Return the shares by stock, as far as they can be read."""
        return {holding.symbol: holding.quantity for holding in self.holdings}

    def quantity_of(self, symbol: Symbol) -> Quantity | None:
        """Return the shares of one stock, none where it is not listed; None where nobody can read how many."""
        return None if self.doubts(symbol) else self.quantities().get(symbol, NO_SHARES)

    def doubts(self, symbol: Symbol) -> bool:
        """Tell whether the shares of a stock are in doubt."""
        rows = [row for row in self.unreadable if row.of is AccountList.HOLDINGS]
        is_listed = symbol in self.sold_out or symbol in self.quantities()
        return doubts(rows, symbol) or (not is_listed and any(row.symbol is None for row in rows))


class Broker(Protocol):
    """One brokerage account.

    Queries raise ``TryAgainError`` (nothing happened), ``BrokerRefusedError`` or ``StopTradingError``.
    ``submit`` and ``cancel`` never raise for what the broker or the network does: they return the outcome.
    """

    @property
    def environment(self) -> Environment:
        """Return whose money this is."""
        ...

    @property
    def refusal(self) -> str:
        """Return in which words one of our keys or tokens is refused now; the empty text while none is."""
        ...

    def take_unreadable(self) -> Readings:
        """Return what could not be read in the broker's lists since this was last asked."""
        ...

    @property
    def clock_skew(self) -> timedelta:
        """Return by how much (real time) this machine's clock is ahead of the broker's at least, negative when behind.

        Zero while the replies prove nothing else.
        """
        ...

    async def check_access(self, lane: Lane) -> None:
        """Ask once with every key that we have.

        Raises:
            TryAgainError: nobody can tell now. StopTradingError: a key, the account or a host is refused.
        """
        ...

    @property
    def most_stocks_per_scan(self) -> int | None:
        """Return how many stocks can be priced before the first price is old; None for any number."""
        ...

    @property
    def stocks_per_call(self) -> int:
        """Return how many stocks one call for quotes can price."""
        ...

    @property
    def evening_orders(self) -> frozenset[OrderType]:
        """Return the order types that are taken after the regular session; none on paper."""
        ...

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        """Return quotes, ``stocks_per_call`` symbols a call; symbols without a price are missing."""
        ...

    async def instrument_status(self, symbol: Symbol, lane: Lane) -> InstrumentStatus:
        """Return the board and the exclusion flags of a stock."""
        ...

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:
        """Return the previous session's bar and today's price limits."""
        ...

    async def volume_leaders(self, count: int, lane: Lane) -> tuple[Symbol, ...]:
        """Return the most traded common stocks, at most 30; empty where the broker has no ranking (paper)."""
        ...

    async def order_book(self, symbol: Symbol, lane: Lane) -> OrderBook:
        """Return ten levels of each side."""
        ...

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        """Return what may be bought at a limit price."""
        ...

    async def submit(self, intent: OrderIntent, lane: Lane, may_leave: MayLeave = always) -> SubmitOutcome:
        """Send one order request, once; ``may_leave`` is asked directly before it leaves."""
        ...

    async def cancel(self, order: BrokerOrderRef, intent: OrderIntent, lane: Lane) -> SubmitOutcome:
        """Send one request to withdraw what is left of an order, once."""
        ...

    @property
    def orders_per_call(self) -> int:
        """Return how many rows of the order list one call brings."""
        ...

    async def orders_on(
        self, session_date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> Rows[BrokerOrder]:
        """Return the day's orders with cumulative fills, all pages, cancel rows included."""
        ...

    async def open_orders(self, side: Side, lane: Lane) -> Rows[BrokerOrder] | None:
        """Return today's orders of one side that can still be cancelled, or None where nobody tells (paper)."""
        ...

    async def profits_by_day(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[DayProfit] | None:
        """Return the broker's own profit and costs, a row a day with trades, or None where nobody tells (paper)."""
        ...

    async def profits_by_stock(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[StockProfit] | None:
        """Return the same, a row a day and stock."""
        ...

    async def profit_today(self, lane: Lane) -> ProfitToday | None:
        """Return the broker's own profit of today so far, or None where nobody tells (paper)."""
        ...

    async def balance(self, lane: Lane) -> Balance:
        """Return cash and holdings, all pages."""
        ...

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        """Return whether the exchange is open on a KST date (CTCA0903R), or None where it cannot be asked."""
        ...


StreamEvent = Quote | OrderNotice | MarketMessage | Garbled
"""A trade with the best bid and ask at it, word of an own order or of the whole market, or something unreadable."""


class StreamSession(Protocol):
    """One open real-time session; it has an order notice registration of its own, beside those of stocks."""

    @property
    def registered(self) -> tuple[Symbol, ...]:
        """Return the stocks that the broker has confirmed."""
        ...

    @property
    def hears_notices(self) -> bool:
        """Tell whether the broker has confirmed that own order notices will come."""
        ...

    async def register(self, wanted: Sequence[Symbol]) -> None:
        """Ask for these stocks and for no others; the answers come with the events."""
        ...

    async def register_again(self, symbol: Symbol) -> None:
        """Ask anew for a stock of which nothing is heard."""
        ...

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield what comes, until the session ends.

        Raises:
            StreamLostError: the line is cut, silent for too long, or not to be trusted any more.
        """
        ...


class MarketStream(Protocol):
    """The account's prices and order notices as they happen; one session at a time."""

    def session(self) -> AbstractAsyncContextManager[StreamSession]:
        """Open a session.

        Raises:
            StreamLostError: there is none to be had now. CredentialsRefusedError: nor later, with these keys.
        """
        ...
