"""One stored session as the simulator plays it, and what the data lacks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from domain.bar import DailyBar, MinuteBar
from domain.clock import in_seoul
from domain.market import DailyBar as BarOfDay
from domain.market import DailyReference, Market, Symbol
from domain.money import Price, Quantity
from domain.session import Session
from domain.tick_size import (
    ETF_GRID,
    PriceLimits,
    grid_of,
    is_on_grid,
    may_have_traded,
    price_limits,
    round_down,
    tick_at,
)
from history.store import BarStore, Kind, SessionBars, StockDay
from simulator.bar_folder import read_indices
from simulator.index_days import RecordedIndex
from simulator.krx.sessions import Session as SessionThere
from simulator.krx.units import Market as MarketThere
from simulator.listings import Listing
from simulator.natural_day import MinuteBar as TapeBar
from simulator.recorded import RecordedBars, Recording

_EARLIER: Final = timedelta(days=21)
"""Earlier sessions that a stock's reference has, as the KIS client asks for them."""
_MINUTE: Final = 60
_LEAST_AS_TRADED: Final = 0.6


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a session's data lacks. Counts are minutes, except ``left_out``: stocks with the reason."""

    stocks: int = 0
    minutes: int = 0
    missing: int = 0
    """Minutes of continuous trading without a bar; they repeat the last price and fill no order."""
    outside: int = 0
    """Bars outside continuous trading and the closing auction; they are not played."""
    off_grid: int = 0
    """Bars with a price off the grid, mid-prices included."""
    rounded: int = 0
    """Bars of these with a price that cannot have traded; it is rounded to the grid."""
    indices: int = 0
    """Indices of the two that the data has."""
    adjusted: int = 0
    """Stock-days most of whose prices cannot have traded: they were adjusted afterwards."""
    no_auction: int = 0
    """Stock-days without a bar of the closing auction."""
    left_out: Mapping[Symbol, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedStock:
    """A stock of the day's universe with its reference of the previous session."""

    listing: Listing
    bars: RecordedBars
    limits: PriceLimits
    reference: DailyReference


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """All stocks of a session that can be traded in it, and what the data lacks."""

    session: Session
    stocks: Mapping[Symbol, RecordedStock]
    gaps: Gaps
    indices: Mapping[MarketThere, RecordedIndex] = field(default_factory=dict)

    @property
    def recording(self) -> Recording:
        """Return the bars as the simulator's tape takes them."""
        days: dict[str, dict[date, RecordedBars]] = {
            symbol: {self.session.date: stock.bars} for symbol, stock in self.stocks.items()
        }
        return Recording(days, self.session.date.isoformat(), indices={self.session.date: self.indices})


def session_there(session: Session) -> SessionThere:
    """Return a session as the simulator takes it."""
    return SessionThere(session.date, session.opens_at, session.auction_at, session.ends_at)


def read_session(store: BarStore, session: Session, symbols: Sequence[Symbol] | None = None) -> RecordedSession:
    """Read a session; ``symbols`` limits its universe.

    Raises:
        HistoryError: the store has no bars of it, or they cannot be read.
    """
    day = store.day(session.date, symbols)
    before = store.daily_between(session.date - _EARLIER, session.date - timedelta(days=1), tuple(day.stocks))
    found, indices = recorded(session, day, before), read_indices(store, session.date)
    return replace(found, indices=indices, gaps=replace(found.gaps, indices=len(indices)))


def recorded(session: Session, day: SessionBars, before: Mapping[Symbol, Sequence[DailyBar]]) -> RecordedSession:
    """Return a session's stocks; ``before`` are the daily bars of the sessions before it, oldest first."""
    counts: Counter[str] = Counter()
    stocks: dict[Symbol, RecordedStock] = {}
    left_out: dict[Symbol, str] = {}
    for symbol, stock_day in sorted(day.stocks.items()):
        found = _stock(symbol, session, stock_day, before.get(symbol, ()), counts)
        if isinstance(found, str):
            left_out[symbol] = found
        else:
            stocks[symbol] = found
    whole = int((session.auction_at - session.opens_at).total_seconds()) // _MINUTE
    minutes = sum(len(stock.bars.minutes) for stock in stocks.values())
    gaps = Gaps(
        stocks=len(stocks),
        minutes=minutes,
        missing=whole * len(stocks) - minutes,
        outside=counts["outside"],
        off_grid=counts["off_grid"],
        rounded=counts["rounded"],
        adjusted=counts["adjusted"],
        no_auction=counts["no_auction"],
        left_out=left_out,
    )
    return RecordedSession(session, stocks, gaps)


def _stock(
    symbol: Symbol, session: Session, day: StockDay, before: Sequence[DailyBar], counts: Counter[str]
) -> RecordedStock | str:
    """Return a stock as it can be played, or why not."""
    if objection := _objection(day, before):
        return objection
    limits = price_limits(day.previous_close)
    found = RecordedBars(session_there(session), day.previous_close)
    opens = in_seoul(session.opens_at).hour * _MINUTE + in_seoul(session.opens_at).minute
    auction = int((session.auction_at - session.opens_at).total_seconds()) // _MINUTE
    match = int((session.ends_at - session.opens_at).total_seconds()) // _MINUTE
    for bar in day.bars:
        minute = bar.minute - opens
        if not 0 <= minute < auction and minute != match:
            counts["outside"] += 1
            continue
        shown = _on_tape(bar, counts)
        if not limits.lower <= shown.low <= shown.high <= limits.upper:
            return f"prices outside {limits.lower:,} to {limits.upper:,} around the base {day.previous_close:,}"
        if minute == match:
            price = round_down(shown.close)  # an auction has one price, and that is on the grid
            found.closing = TapeBar(price, price, price, price, shown.volume)
        else:
            found.minutes[minute] = shown
    if not found.minutes:
        return "no minute of continuous trading"
    counts["adjusted"] += _is_adjusted(day.bars)
    counts["no_auction"] += found.closing is None
    name, market = day.instrument.name or symbol, day.instrument.market or Market.KOSPI
    listing = Listing(symbol, name, MarketThere(market), day.previous_close, max(1, found.volume), 1.0)
    return RecordedStock(listing, found, limits, _reference(symbol, before, day.previous_close, limits))


def _objection(day: StockDay, before: Sequence[DailyBar]) -> str:
    """Return why a stock-day cannot be played, whatever its bars are; empty if it can."""
    if _is_etf(day):
        return "an ETF; Haru buys stocks only"
    if not day.previous_close:
        return "no previous close"
    return "" if before else "no daily bar of the session before"


def _is_etf(day: StockDay) -> bool:
    """Return whether the instrument is an ETF, by the store's list or else by its prices."""
    if day.instrument.kind is not None:
        return day.instrument.kind is Kind.ETF
    return grid_of(bar.close for bar in day.bars if bar.volume) is ETF_GRID


def _is_adjusted(bars: Sequence[MinuteBar]) -> bool:
    closes = [bar.close for bar in bars if bar.volume]
    return sum(map(may_have_traded, closes)) < _LEAST_AS_TRADED * len(closes)


def _on_tape(bar: MinuteBar, counts: Counter[str]) -> TapeBar:
    """Return a bar whose prices the exchange can show."""
    prices, tick = bar[1:5], tick_at(bar.low)
    if tick == tick_at(bar.high) and not any(price % tick for price in prices):
        return TapeBar(*prices, bar.volume)
    if all(map(is_on_grid, prices)):
        return TapeBar(*prices, bar.volume)
    counts["off_grid"] += 1
    if all(map(may_have_traded, prices)):
        return TapeBar(*prices, bar.volume)
    counts["rounded"] += 1
    opened, high, low, closed = (price if may_have_traded(price) else _rounded(price) for price in prices)
    return TapeBar(opened, max(opened, high, closed), min(opened, low, closed), closed, bar.volume)


def _rounded(price: int) -> int:
    return max(1, round_down(price + tick_at(price) // 2))


def _reference(symbol: Symbol, before: Sequence[DailyBar], base: Price, limits: PriceLimits) -> DailyReference:
    """Return the earlier sessions in today's shares: the close of the last one becomes the day's base price."""
    last, high, low, volume = before[-1], before[-1].high, before[-1].low, before[-1].volume
    if last.close and base != last.close:
        high, low, volume = high * base // last.close, low * base // last.close, volume * last.close // base
    return DailyReference(symbol, base, Price(high), Price(low), Quantity(volume), limits, _in_todays(before, base))


def _in_todays(bars: Sequence[DailyBar], base: int) -> tuple[BarOfDay, ...]:
    """Return the bars in today's shares: each session's base price is the close of the session before it."""
    found: list[BarOfDay] = []
    to_today = Fraction(1)
    for bar in reversed(bars):
        if bar.low <= 0 or not base:
            break
        if base != bar.close:
            to_today *= Fraction(base, bar.close)
        opened, high, low, closed = (Price(price * to_today.numerator // to_today.denominator) for price in bar[1:5])
        volume = Quantity(bar.volume * to_today.denominator // to_today.numerator)
        found.append(BarOfDay(bar.date, opened, high, low, closed, volume))
        base = bar.base or 0
    return tuple(reversed(found))
