"""A recorded session as columns: a row a stock, a column a minute, as a scan at the start of each minute sees it.

Every value is that of ``LabMarket``'s view of the same stock and minute; ``view_at`` makes such a view of one cell.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple
from zlib import crc32

import numpy as np

from domain.market import DailyReference, MarketView, PriceSample, Quote
from domain.market import Market as Board
from domain.market import MinuteBar as SeenBar
from domain.money import Price, Quantity, Won
from domain.session import Session
from domain.tick_size import PriceLimits
from lab.recording import RecordedSession
from lab.sweep.compiled import Numbers, tick_of
from simulator.listings import Listing
from simulator.natural_day import MinuteBar
from strategies.windows import GREATEST_GAP

_MINUTE: Final = 60
_RENEWED: Final = 3
"""Times a minute that the synthetic book is drawn: ``simulator.liquidity`` draws it every 20 seconds."""
_SAMPLES: Final = 30
"""Minutes of the path that a strategy sees."""


class _Stock(NamedTuple):
    listing: Listing
    base: Price
    limits: PriceLimits
    reference: DailyReference


class Columns:
    """The minutes of continuous trading of all stocks of a session."""

    def __init__(self, recorded: RecordedSession) -> None:
        self.session: Session = recorded.session
        self.stocks = [
            _Stock(each.listing, Price(each.bars.base), each.limits, each.reference)
            for each in recorded.stocks.values()
        ]
        self.symbols = tuple(recorded.stocks)
        self.minutes = int((self.session.auction_at - self.session.opens_at).total_seconds()) // _MINUTE
        bars = [stock.bars.whole(self.minutes) for stock in recorded.stocks.values()]
        table = np.array(bars, dtype=np.int64).reshape(len(bars), self.minutes, len(MinuteBar._fields))
        self.opens, self.highs, self.lows, self.closes, self.volumes = np.ascontiguousarray(np.moveaxis(table, 2, 0))
        self._starts = tuple(self.session.opens_at + timedelta(minutes=minute) for minute in range(self.minutes))
        self.kept: dict[Any, Any] = {}
        """What a rule has computed of these columns, by its reader."""

    @cached_property
    def volume(self) -> Numbers:
        """Return the shares traded up to the first second of each minute."""
        return _before(self.volumes) + self.volumes // _MINUTE

    @cached_property
    def turnover(self) -> Numbers:
        """Return the won traded up to the first second of each minute."""
        typical = (self.opens + self.highs + self.lows + self.closes) // 4
        return _before(self.volumes * typical) + self.volumes // _MINUTE * self.opens

    @cached_property
    def high(self) -> Numbers:
        """Return the day's highest price so far."""
        return np.maximum(_shifted(np.maximum.accumulate(self.highs, axis=1), self.opens), self.opens)

    @cached_property
    def low(self) -> Numbers:
        """Return the day's lowest price so far."""
        return np.minimum(_shifted(np.minimum.accumulate(self.lows, axis=1), self.opens), self.opens)

    @cached_property
    def sides(self) -> tuple[Numbers, Numbers]:
        """Return best bid and best ask at the start of each minute, 0 where there is none.

        As ``simulator.liquidity.touch_of``, and none in a minute that cannot fill an order.
        """
        price, lower, upper = self.opens, self._limit("lower"), self._limit("upper")
        tick = tick_of(price)
        below, above = price - 1 - (price - 1) % tick_of(price - 1), price - price % tick + tick
        bought = self._last_was_a_buy()
        bought = np.where((price == upper) | (price == lower), price == lower, bought)
        between = price % tick != 0
        ask = np.where(between | ~bought, above, price)
        bid = np.where(between | bought, below, price)
        locked = (self.lows == self.highs) & ((self.lows == lower) | (self.lows == upper))
        fills = (self.volumes > 0) & ~locked
        ask = np.where(fills & (price != upper) & (ask <= upper), ask, 0)
        bid = np.where(fills & (price != lower) & (bid >= lower), bid, 0)
        return bid, ask

    @cached_property
    def path(self) -> Numbers:
        """Return four prices a minute: open, the two extremes in the order of a backtest's path, close."""
        odd = (self.volumes & 1).astype(bool)  # as simulator.natural_day.turns_of
        first, second = np.where(odd, self.highs, self.lows), np.where(odd, self.lows, self.highs)
        table = np.stack([self.opens, first, second, self.closes], axis=2)
        return table.reshape(len(self.stocks), -1)

    def value(self, name: str) -> Numbers:
        """Return a value of an entry rule (``strategies.entry_rule.VALUES``); NaN where it is not known."""
        return _VALUES[name](self)

    def window(self, name: str, length: timedelta) -> Numbers:
        """Return a function of an entry rule (``strategies.entry_rule.WINDOWS``); NaN where it is not known."""
        if length <= timedelta(0):
            return np.full(self.opens.shape, np.nan)
        return _WINDOWS[name](self, length)

    def earlier(self, attribute: str) -> Numbers:
        """Return a value of the session before, one for each stock."""
        return np.array([[getattr(stock.reference, attribute)] for stock in self.stocks], dtype=np.int64)

    def view_at(self, row: int, minute: int, *, bars: bool = True) -> MarketView:
        """Return what a strategy sees of a stock at the start of a minute; without ``bars`` not today's bars."""
        stock, at = self.stocks[row], self._starts[minute]
        bid, ask = self.sides
        quote = Quote(
            symbol=self.symbols[row],
            price=Price(int(self.opens[row, minute])),
            observed_at=at,
            bid=Price(int(bid[row, minute])),
            ask=Price(int(ask[row, minute])),
            volume=Quantity(int(self.volume[row, minute])),
            turnover=Won(int(self.turnover[row, minute])),
            open_price=Price(int(self.opens[row, 0])),
            high_price=Price(int(self.high[row, minute])),
            low_price=Price(int(self.low[row, minute])),
            previous_close=stock.base,
            limits=stock.limits,
            name=stock.listing.name,
            market=Board(stock.listing.market),
        )
        today = self._today(row, minute, quote.price) if bars and quote.volume else ()
        return MarketView(quote, stock.reference, self._recent(row, minute), today, self.session)

    def _recent(self, row: int, minute: int) -> tuple[PriceSample, ...]:
        within = slice(max(0, minute - _SAMPLES), minute + 1)
        prices, volumes = self.opens[row, within].tolist(), self.volume[row, within].tolist()
        return tuple(map(PriceSample, self._starts[within], prices, volumes))

    def _today(self, row: int, minute: int, price: Price) -> tuple[SeenBar, ...]:
        columns = (self.opens, self.highs, self.lows, self.closes, self.volumes)
        complete = map(SeenBar, self._starts[:minute], *(each[row, :minute].tolist() for each in columns))
        traded = Quantity(int(self.volumes[row, minute]) // _MINUTE)
        return (*complete, SeenBar(self._starts[minute], price, price, price, price, traded))

    def _limit(self, attribute: str) -> Numbers:
        return np.array([[getattr(stock.limits, attribute)] for stock in self.stocks], dtype=np.int64)

    def _last_was_a_buy(self) -> Numbers:
        """Return bit 0 of the CRC of symbol and second: that of the whole is the XOR of those of its parts."""
        digits = [b"%d" % (minute * _RENEWED) for minute in range(self.minutes)]
        alone = np.array([crc32(text) & 1 for text in digits])
        lengths = np.array([len(text) for text in digits])
        most = int(lengths.max(initial=0)) + 1
        zeros = [b"\0" * length for length in range(most)]
        moved = np.array([[(crc32(code + each) ^ crc32(each)) & 1 for each in zeros] for code in self._codes()])
        return (moved.reshape(-1, most)[:, lengths] ^ alone).astype(bool)

    def _codes(self) -> list[bytes]:
        return [symbol.encode() for symbol in self.symbols]


def _before(amounts: Numbers) -> Numbers:
    return np.cumsum(amounts, axis=1) - amounts


def _shifted(columns: Numbers, first: Numbers) -> Numbers:
    """Return the columns a minute later; the first minute has that of ``first``."""
    return np.concatenate([first[:, :1], columns[:, :-1]], axis=1)


def _or_missing(numbers: Numbers) -> Numbers:
    return np.where(numbers == 0, np.nan, numbers)


_VALUES: Final[Mapping[str, Callable[[Columns], Numbers]]] = {
    "price": lambda columns: columns.opens,
    "open": lambda columns: columns.opens[:, :1],
    "high": lambda columns: columns.high,
    "low": lambda columns: columns.low,
    "volume": lambda columns: columns.volume,
    "turnover": lambda columns: columns.turnover,
    "base": lambda columns: np.array([[stock.base] for stock in columns.stocks], dtype=np.int64),
    "bid": lambda columns: _or_missing(columns.sides[0]),
    "ask": lambda columns: _or_missing(columns.sides[1]),
    "previous_close": lambda columns: columns.earlier("previous_close"),
    "previous_high": lambda columns: columns.earlier("previous_high"),
    "previous_low": lambda columns: columns.earlier("previous_low"),
    "previous_range": lambda columns: columns.earlier("previous_range"),
    "previous_volume": lambda columns: columns.earlier("previous_volume"),
    "open_for": lambda columns: np.arange(columns.minutes, dtype=np.int64)[np.newaxis, :] * _MINUTE,
}


_MICROSECOND: Final = timedelta(microseconds=1)


def _bases(columns: Columns, length: timedelta) -> tuple[Numbers, Numbers]:
    """Return for each minute that of the window's base, -1 without one, and that of the first sample."""
    minutes, minute = np.arange(columns.minutes, dtype=np.int64), timedelta(minutes=1) // _MICROSECOND
    firsts = np.maximum(0, minutes - _SAMPLES)
    bases, gaps = np.divmod(minutes * minute - length // _MICROSECOND, minute)
    is_near = gaps <= length * GREATEST_GAP // _MICROSECOND
    return np.where((bases >= firsts) & is_near, bases, -1), firsts


def _window_return(columns: Columns, length: timedelta) -> Numbers:
    bases, _ = _bases(columns, length)
    before = columns.opens[:, np.maximum(bases, 0)]
    return np.where(bases >= 0, (columns.opens - before) / before, np.nan)


def _volume_pace(columns: Columns, length: timedelta) -> Numbers:
    bases, firsts = _bases(columns, length)
    minutes, base = np.arange(columns.minutes, dtype=np.int64), np.maximum(bases, 0)
    least = length / 2 / timedelta(minutes=1)
    is_long = (bases >= 0) & (base - firsts >= least) & (base > firsts) & (minutes > base)
    before = np.where(is_long, base - firsts, 1)
    since = np.where(is_long, minutes - base, 1)
    at_base = columns.volume[:, base]
    earlier = (at_base - columns.volume[:, firsts]) / before
    latest = (columns.volume - at_base) / since
    known = is_long & (earlier > 0)
    return np.where(known, latest / np.where(known, earlier, 1), np.nan)


def _opening(extreme: Any, bars: str) -> Callable[[Columns, timedelta], Numbers]:
    def found(columns: Columns, length: timedelta) -> Numbers:
        count, table = -(-length // timedelta(minutes=1)), getattr(columns, bars)
        whole = extreme(_shifted(extreme.accumulate(table, axis=1), columns.opens), columns.opens)
        if count < columns.minutes:
            whole[:, count:] = extreme.reduce(table[:, :count], axis=1)[:, np.newaxis]
        return np.where(columns.volume > 0, whole, np.nan)

    return found


_WINDOWS: Final[Mapping[str, Callable[[Columns, timedelta], Numbers]]] = {
    "window_return": _window_return,
    "volume_pace": _volume_pace,
    "opening_high": _opening(np.maximum, "highs"),
    "opening_low": _opening(np.minimum, "lows"),
}
