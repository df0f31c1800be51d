"""Market data: symbols, quotes, order books, and whether a price is valid for a decision."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NewType

from domain.money import Price, Quantity, Won, change_rate
from domain.session import Session, SessionPhase
from domain.tick_size import PriceLimits

Symbol = NewType("Symbol", str)
"""A six-digit KRX code such as ``005930``."""


class Market(StrEnum):
    """The KRX board a stock is listed on; it decides how the sell tax is split."""

    KOSPI = "kospi"
    KOSDAQ = "kosdaq"


class Side(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Quote:
    """Last price and volume with best bid and ask. Prices in won, ``observed_at`` in market time (UTC).

    A best bid or ask of zero means that side of the book is empty. ``previous_close`` is the day's base price, which
    follows splits and rights; zero when unknown.
    """

    symbol: Symbol
    price: Price
    observed_at: datetime
    bid: Price = Price(0)
    ask: Price = Price(0)
    bid_quantity: Quantity = Quantity(0)
    ask_quantity: Quantity = Quantity(0)
    volume: Quantity = Quantity(0)
    turnover: Won = Won(0)
    open_price: Price = Price(0)
    high_price: Price = Price(0)
    low_price: Price = Price(0)
    previous_close: Price = Price(0)
    limits: PriceLimits | None = None
    name: str = ""
    market: Market | None = None
    """The board, None if the broker does not name one that Haru knows."""
    shows_book: bool = True
    """False if the broker reports a price without best bid and ask: both are then zero and have no meaning."""
    unreadable: tuple[str, ...] = ()
    """The broker's names of unreadable fields, which are zero here. Such a quote leads to no buy."""

    @property
    def change_rate(self) -> Decimal:
        """Return today's change against the base price."""
        return change_rate(self.price, self.previous_close)

    @property
    def best_levels(self) -> "OrderBook | None":
        """Return best bid and ask as an order book of one level, or None if the broker shows none."""
        if not self.shows_book:
            return None
        asks = (BookLevel(self.ask, self.ask_quantity),) if self.ask else ()
        bids = (BookLevel(self.bid, self.bid_quantity),) if self.bid else ()
        return OrderBook(self.symbol, asks, bids)

    @property
    def spread_rate(self) -> Decimal | None:
        """Return (ask − bid) ÷ price, or None while a side of the book is empty or nothing has traded."""
        if not self.bid or not self.ask or not self.price:
            return None
        return Decimal(self.ask - self.bid) / Decimal(self.price)

    def age_at(self, now: datetime) -> timedelta:
        """Return the quote's age at a market instant."""
        return now - self.observed_at


class QuoteProblem(StrEnum):
    """Why a quote is not valid for a decision."""

    NO_PRICE = "no_price"
    OUTSIDE_LIMITS = "outside_limits"
    CROSSED = "crossed"
    STALE = "stale"
    FROM_THE_FUTURE = "from_the_future"
    BEFORE_PURCHASE = "before_purchase"


def problem_with(quote: Quote, now: datetime, greatest_age: timedelta) -> QuoteProblem | None:
    """Return the first reason not to trust a quote at a market instant, or None."""
    if quote.price <= 0:
        return QuoteProblem.NO_PRICE
    if quote.limits is not None and not quote.limits.contains(quote.price):
        return QuoteProblem.OUTSIDE_LIMITS
    if 0 < quote.ask < quote.bid:
        return QuoteProblem.CROSSED
    if quote.age_at(now) > greatest_age:
        return QuoteProblem.STALE
    if quote.age_at(now) < -greatest_age:
        return QuoteProblem.FROM_THE_FUTURE
    return None


@dataclass(frozen=True, slots=True)
class PriceSample:
    """One point of the recent price path: price in won, cumulative volume in shares, market time (UTC)."""

    at: datetime
    price: Price
    volume: Quantity


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """One minute of today's session as this host observed it; ``at`` is its start (market time, UTC)."""

    at: datetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity


@dataclass(frozen=True, slots=True)
class DailyBar:
    """One earlier session of a stock, in today's shares and won."""

    date: date
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity


@dataclass(frozen=True, slots=True)
class DailyReference:
    """A stock's data before the open: the previous session's bar, in today's shares, and today's limits."""

    symbol: Symbol
    previous_close: Price
    previous_high: Price
    previous_low: Price
    previous_volume: Quantity
    limits: PriceLimits
    days: tuple[DailyBar, ...] = ()
    """The sessions of the last three weeks, oldest first. A bar that cannot be read ends them."""

    @property
    def previous_range(self) -> int:
        """Return yesterday's high minus low in won."""
        return self.previous_high - self.previous_low


class TradingFlag(StrEnum):
    """A status that excludes a stock from scans (docs/krx.md §8)."""

    HALTED = "halted"
    ADMINISTRATIVE = "administrative"
    WARNED = "warned"
    LIQUIDATION_TRADING = "liquidation_trading"
    VOLATILITY_INTERRUPTION = "volatility_interruption"
    OVERHEATED = "overheated"


@dataclass(frozen=True, slots=True)
class InstrumentStatus:
    """The board of a stock and its current flags."""

    symbol: Symbol
    market: Market
    flags: frozenset[TradingFlag] = frozenset()


@dataclass(frozen=True, slots=True)
class BookLevel:
    """Resting shares at one price (won)."""

    price: Price
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Resting orders, best price first on each side."""

    symbol: Symbol
    asks: tuple[BookLevel, ...] = ()
    bids: tuple[BookLevel, ...] = ()


def with_book(quote: Quote, book: OrderBook) -> Quote:
    """Return the quote with the best prices of an order book; a side without a level stays empty."""
    nothing = BookLevel(Price(0), Quantity(0))
    ask, bid = next(iter(book.asks), nothing), next(iter(book.bids), nothing)
    return replace(
        quote,
        bid=bid.price,
        ask=ask.price,
        bid_quantity=bid.quantity,
        ask_quantity=ask.quantity,
        shows_book=True,
    )


@dataclass(frozen=True, slots=True)
class IndexLevel:
    """KOSPI or KOSDAQ in points at a market instant (UTC). ``previous_close`` is zero if unknown."""

    market: Market
    level: Decimal
    observed_at: datetime
    previous_close: Decimal = Decimal(0)

    @property
    def change_rate(self) -> Decimal | None:
        """Return today's change, or None without a previous close."""
        return self.level / self.previous_close - 1 if self.previous_close else None

    def age_at(self, now: datetime) -> timedelta:
        """Return the level's age at a market instant."""
        return now - self.observed_at


NOT_READ: Final = "not read yet"
NO_BOARD: Final = "the stock's board is unknown"
"""Reasons for a missing index level."""


@dataclass(frozen=True, slots=True)
class MarketView:
    """The inputs of a rule or strategy for one stock at one moment."""

    quote: Quote
    reference: DailyReference | None
    recent: tuple[PriceSample, ...] = field(default=())
    """Oldest first, at most the last half hour of market time."""
    minutes: tuple[MinuteBar, ...] = field(default=())
    """Today's bars since this host follows the stock, oldest first; the last one is still open."""
    session: Session | None = None
    """Today's session, from the calendar; None on a day without one."""
    index: IndexLevel | None = None
    """The index of the stock's board; None if it cannot be read or is too old, with the reason in ``no_index``."""
    no_index: str = NOT_READ
    depth: OrderBook | None = None
    """The order book, where the product has just read it."""

    @property
    def book(self) -> OrderBook | None:
        """Return the levels known now, best first: ten after a read of the order book, else the best; None if none."""
        return self.depth or self.quote.best_levels

    @property
    def phase(self) -> SessionPhase:
        """Return how the exchange treats orders at the quote's time."""
        return SessionPhase.CLOSED if self.session is None else self.session.phase_at(self.quote.observed_at)

    @property
    def open_for(self) -> timedelta:
        """Return the market time since the opening; negative before it, zero on a day without a session."""
        return timedelta(0) if self.session is None else self.quote.observed_at - self.session.opens_at

    @property
    def completed(self) -> tuple[MinuteBar, ...]:
        """Return today's bars without the one that is still open."""
        is_open = bool(self.minutes) and self.minutes[-1].at + timedelta(minutes=1) > self.quote.observed_at
        return self.minutes[:-1] if is_open else self.minutes

    @property
    def days(self) -> tuple[DailyBar, ...]:
        """Return the earlier sessions, oldest first; empty while the reference is unknown."""
        return () if self.reference is None else self.reference.days
