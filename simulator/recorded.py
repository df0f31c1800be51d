"""Recorded bars as the source of prices: put on the price grid, with the previous close that limits each day."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Final, NamedTuple

from simulator.bars import DailyBar, StoredBar
from simulator.index_days import RecordedIndices
from simulator.krx.prices import ETF_GRID, STOCK_GRID, PriceGrid, limits_around, looks_like_an_etf
from simulator.krx.sessions import Session, TradingCalendar, in_seoul
from simulator.krx.units import Market, Price, Symbol
from simulator.natural_day import MinuteBar

_MINUTE: Final = 60
_MOST_NAMED: Final = 10


class BarsError(ValueError):
    """Recorded bars cannot be used. The text names file, problem and remedy."""


class StockDay(NamedTuple):
    """One stock's stored minutes of one session.

    ``base`` is the previous close in won, 0 if unknown. A ``guess`` gives way to the first price if the day's prices
    are beyond its limits; a base that the exchange has stated refuses the day.
    """

    symbol: Symbol
    date: date
    bars: Sequence[StoredBar]
    base: int = 0
    guess: bool = False


class Identity(NamedTuple):
    """What a recording knows of a stock beside its bars; None if unknown."""

    name: str = ""
    market: Market | None = None
    etf: bool | None = None


@dataclass(slots=True)
class RecordedBars:
    """One stock's bars of one session. ``closing`` is the closing auction's bar, if there is one.

    ``seconds`` has the recorded price of each second of a minute; the others follow an assumed path.
    """

    session: Session
    base: Price
    minutes: dict[int, MinuteBar] = field(default_factory=dict)
    closing: MinuteBar | None = None
    grid: PriceGrid = STOCK_GRID
    seconds: dict[int, Sequence[int]] = field(default_factory=dict)

    @property
    def close_price(self) -> Price:
        """Return the session's last price, or the previous close if nothing traded."""
        if not self.minutes and self.closing is None:
            return self.base
        return Price(self.closing.close if self.closing else self.minutes[max(self.minutes)].close)

    @property
    def volume(self) -> int:
        """Return the shares traded in the whole session."""
        return sum(bar.volume for bar in self.minutes.values()) + (self.closing.volume if self.closing else 0)

    def whole(self, count: int) -> list[MinuteBar]:
        """Return a bar for every minute. A minute without trades repeats the last price without volume."""
        last: int = self.minutes[min(self.minutes)].open if self.minutes else self.base
        bars, known = [], self.minutes
        for minute in range(count):
            bar = known.get(minute) or MinuteBar(last, last, last, last, 0)
            bars.append(bar)
            last = bar.close
        return bars

    def problem(self) -> str:
        """Return why the day cannot be played, or nothing."""
        if not self.minutes:
            return "it has no minutes of continuous trading with volume"
        limits = limits_around(self.base, self.grid)
        bars = [*self.minutes.values(), *([self.closing] if self.closing else [])]
        low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
        if limits.contains(Price(low)) and limits.contains(Price(high)):
            return ""
        return (
            f"its prices from {low} to {high} leave the limits {limits.lower} to {limits.upper} around the previous "
            f"close {self.base}; give daily bars with the column base, and prices as traded"
        )


@dataclass(slots=True)
class Recording:
    """All bars by stock and date. ``digest`` identifies the recording.

    With ``only`` the exchange lists no other stock, and a session without bars has no trades. ``daily`` are the bars of
    sessions around them. ``refused`` names the stock-days that cannot be played, ``changes`` counts changed bars.
    """

    days: Mapping[Symbol, Mapping[date, RecordedBars]]
    digest: str
    daily: Mapping[Symbol, Mapping[date, DailyBar]] = field(default_factory=dict)
    identities: Mapping[Symbol, Identity] = field(default_factory=dict)
    only: bool = False
    refused: Sequence[str] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    indices: RecordedIndices = field(default_factory=dict)

    @property
    def first_date(self) -> date:
        """Return the earliest date of a bar."""
        dated = [*self.days.values(), *self.daily.values()]
        return min(day for dates in dated for day in dates)

    def report(self) -> list[str]:
        """Return what is played and what is not, a sentence each."""
        played = sum(map(len, self.days.values()))
        lines = [f"{played:,} recorded stock-days play, {len(self.refused):,} are refused"]
        lines += [f"{count:,} {what}" for what, count in self.changes.items() if count]
        lines += [f"refused: {each}" for each in self.refused[:_MOST_NAMED]]
        return lines


def recording_of(
    stock_days: Iterable[StockDay],
    calendar: TradingCalendar,
    *,
    daily: Mapping[Symbol, Mapping[date, DailyBar]] | None = None,
    identities: Mapping[Symbol, Identity] | None = None,
    only: bool = False,
) -> Recording:
    """Make stored bars playable. ``stock_days`` come in the order of their dates.

    Raises:
        BarsError: no stock-day can be played.
    """
    making = _Making(calendar, daily or {}, identities or {})
    for stock_day in stock_days:
        making.add(stock_day)
    if not making.days:
        raise BarsError("no recorded day can be played: " + ("; ".join(making.refused[:3]) or "there are none"))
    digest = making.digest(only=only)
    known = {symbol: making.identity(symbol) for symbol in making.days}
    return Recording(
        making.days, digest, making.daily, known, only=only, refused=making.refused, changes=making.changes
    )


class _Making:
    """A recording while it grows."""

    def __init__(
        self,
        calendar: TradingCalendar,
        daily: Mapping[Symbol, Mapping[date, DailyBar]],
        identities: Mapping[Symbol, Identity],
    ) -> None:
        self.days: dict[Symbol, dict[date, RecordedBars]] = {}
        self.daily = daily
        self.refused: list[str] = []
        self.changes: Counter[str] = Counter()
        self._calendar = calendar
        self._identities = identities
        self._digest = sha256()
        self._etfs: dict[Symbol, bool] = {}

    def add(self, stock_day: StockDay) -> None:
        """Add a stock-day, or note why it is refused."""
        session = self._calendar.session_on(stock_day.date)
        problem = "the exchange is closed on that date" if session is None else self._add(stock_day, session)
        if problem:
            self.refused.append(f"{stock_day.symbol} {stock_day.date}: {problem}")

    def identity(self, symbol: Symbol) -> Identity:
        """Return what is known of a stock, with the kind that its prices show."""
        return self._identities.get(symbol, Identity())._replace(etf=self._etfs[symbol])

    def digest(self, *, only: bool) -> str:
        """Return the digest of everything that changes what is played."""
        daily = sorted((symbol, sorted(days.items())) for symbol, days in self.daily.items())
        self._digest.update(repr((only, daily)).encode())
        return self._digest.hexdigest()

    def _add(self, stock_day: StockDay, session: Session) -> str:
        symbol = stock_day.symbol
        traded = [bar for bar in stock_day.bars if bar.volume]
        self.changes["minutes without volume left out"] += len(stock_day.bars) - len(traded)
        if not traded:
            return "nothing traded"
        said = self._identities.get(symbol, Identity()).etf
        if symbol not in self._etfs:
            self._etfs[symbol] = looks_like_an_etf(bar.close for bar in traded) if said is None else said
        recorded = self._recorded(traded, session, ETF_GRID if self._etfs[symbol] else STOCK_GRID)
        problem = self._set_base(recorded, stock_day)
        if not problem:
            self.days.setdefault(symbol, {})[stock_day.date] = recorded
            self._digest.update(f"{symbol} {stock_day.date} {recorded.base}".encode())
            self._digest.update(array("q", [number for bar in traded for number in bar[:6]]).tobytes())
        return problem

    def _set_base(self, recorded: RecordedBars, stock_day: StockDay) -> str:
        """Set the previous close, and return why the day cannot be played."""
        symbol, day = stock_day.symbol, stock_day.date
        daily = self.daily.get(symbol, {}).get(day)
        stated = 0 if stock_day.guess else stock_day.base
        recorded.base = Price(stated or (daily.base if daily and daily.base else 0))
        if recorded.base or not recorded.minutes:
            return recorded.problem()
        first = Price(recorded.minutes[min(recorded.minutes)].open)
        recorded.base = Price(stock_day.base) or self._last_close(symbol, day) or first
        if recorded.base != first and recorded.problem():
            recorded.base = first
        self.changes["days whose previous close is a guess"] += 1
        return recorded.problem()

    def _last_close(self, symbol: Symbol, day: date) -> Price:
        known = self.days.get(symbol, {})
        earlier = {one: int(bars.close_price) for one, bars in known.items() if one < day}
        earlier |= {one: bar.close for one, bar in self.daily.get(symbol, {}).items() if one < day}
        return Price(earlier[max(earlier)]) if earlier else Price(0)

    def _recorded(self, traded: Sequence[StoredBar], session: Session, grid: PriceGrid) -> RecordedBars:
        opens, auction = (_minute_of(instant) for instant in (session.opens_at, session.auction_at))
        recorded = RecordedBars(session, Price(0), grid=grid)
        at_auction = []
        ticks = {grid.tick_at(min(bar.low for bar in traded)), grid.tick_at(max(bar.high for bar in traded))}
        tick = ticks.pop() if len(ticks) == 1 else 0
        for bar in traded:
            placed = self._on_grid(bar, grid, tick)
            if bar.minute >= auction:
                at_auction.append(placed)
            elif bar.minute >= opens:
                recorded.minutes[bar.minute - opens] = placed
            else:
                self.changes["minutes before the open left out"] += 1
        if at_auction:
            price, volume = at_auction[-1].close, sum(bar.volume for bar in at_auction)
            recorded.closing = MinuteBar(price, price, price, price, volume)
        return recorded

    def _on_grid(self, bar: StoredBar, grid: PriceGrid, tick: int) -> MinuteBar:
        """Return a bar with order prices only. A trade between two ticks reaches neither of them.

        ``tick`` is the tick of all prices of the day, or 0 if they lie in several bands.
        """
        _, first, high, low, close, volume, _ = bar
        if tick and not (first % tick or high % tick or low % tick or close % tick):
            return MinuteBar(first, high, low, close, volume)
        off = sum(price % grid.tick_at(price) != 0 for price in bar[1:5])
        self.changes["prices off the grid rounded"] += off
        high, low = grid.round_down(high), grid.round_up(low)
        low = min(low, high)
        first, close = (min(max(grid.nearest(price), low), high) for price in (first, close))
        return MinuteBar(first, high, low, close, volume)


def _minute_of(instant: datetime) -> int:
    local = in_seoul(instant)
    return local.hour * _MINUTE + local.minute
