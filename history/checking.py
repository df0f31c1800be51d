"""Look for what makes stored bars misleading: gaps, other price bases, wrong dates, a chosen universe."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import fmean
from typing import Final

from domain.bar import DailyBar, MinuteBar
from domain.market import Symbol
from domain.session import TradingCalendar
from domain.tick_size import ETF_GRID, STOCK_GRID, PriceGrid, grid_of
from history.rows import Dates, Hours, RowError
from history.store import BarStore, CloseFrom, Kind, StockDay

_OFF_GRID: Final = 0.01
_GAP: Final = 0.1
_OTHER_BASIS: Final = 0.02
_SPLIT: Final = 0.01
_OTHER_VOLUME: Final = 0.5
_LEAST_DAYS: Final = 100
_MOST_RISING: Final = 0.55
_LEAST_SESSIONS: Final = 20
_LEAST_VOLUMES: Final = 30
"""Different volumes in a stock-day from which equal ones are no chance."""

MEANINGS: Final[Mapping[str, str]] = {
    "closed": "sessions on dates without a session",
    "limits": "stock-days with prices beyond the daily limit",
    "basis": "stock-days whose minutes and daily bar have different prices: one of them is adjusted",
    "split": "dates on which the exchange's base price differs from the close before: a split, rights or a dividend",
    "off_grid": "stock-days with more than 1 % of their prices off the price grid",
    "gaps": "stock-days that lack more than a tenth of their minutes",
    "no_close": "stock-days without a bar of the closing auction",
    "zero_volume": "stock-days with minutes without volume",
    "volume": "stock-days whose minutes have less than half, or more than twice, of the daily bar's volume",
    "no_base": "stock-days without a previous close: their limits are unknown",
    "missing_session": "sessions without any bars between the first and the last",
    "universe": "signs that the stocks were chosen with knowledge of the result",
}
"""The kinds of findings, the gravest first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at one place. ``count`` is the number of bars or prices concerned, ``of`` of how many."""

    kind: str
    text: str
    session: date | None = None
    symbol: Symbol | None = None
    count: int = 0
    of: int = 0


@dataclass(slots=True)
class Checked:
    """All findings of a store, and what was looked at."""

    findings: list[Finding] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of findings by kind, the gravest first."""
        found = Counter(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in MEANINGS if found[kind]}


def check(store: BarStore, calendar: TradingCalendar, progress: Callable[[], None] = lambda: None) -> Checked:
    """Check every session of a store. ``progress`` is called after each."""
    sessions = store.sessions()
    daily = store.daily_between(date.min, date.max)
    checked, dates = Checked(), Dates(calendar)
    universe = Universe()
    for day in sessions:
        stored = store.day(day)
        try:
            hours = dates.hours(day)
        except RowError as error:
            checked.findings.append(Finding("closed", str(error), day, count=len(stored.stocks)))
            continue
        for symbol, stock in stored.stocks.items():
            bars = {bar.date: bar for bar in daily.get(symbol, ()) if bar.date == day}
            checked.findings += _StockDayCheck(symbol, day, stock, hours, bars.get(day)).findings(checked.totals)
        universe.add({symbol: stock.bars for symbol, stock in stored.stocks.items()})
        progress()
    checked.findings += _missing_sessions(sessions, calendar)
    checked.findings += [finding for symbol, bars in daily.items() for finding in _splits(symbol, bars)]
    checked.findings += universe.findings()
    checked.totals["sessions"] = len(sessions)
    return checked


class _StockDayCheck:
    """The checks of one stock's minutes of one session."""

    def __init__(self, symbol: Symbol, day: date, stock: StockDay, hours: Hours, daily: DailyBar | None) -> None:
        self._place = (day, symbol)
        self._stock = stock
        self._hours = hours
        self._daily = daily

    def findings(self, totals: Counter[str]) -> Iterator[Finding]:
        """Yield what is wrong, and add to the totals of the whole store."""
        totals["stock_days"] += 1
        totals["rows"] += len(self._stock.bars)
        yield from self._minutes(totals)
        yield from self._prices(totals)
        if self._daily is not None:
            yield from self._against(self._daily)

    def _minutes(self, totals: Counter[str]) -> Iterator[Finding]:
        bars, hours = self._stock.bars, self._hours
        length = hours.auction - hours.opens
        traded = sum(bar.minute < hours.auction for bar in bars)
        missing, silent = length - traded, sum(not bar.volume for bar in bars)
        totals["missing_minutes"] += missing
        totals["minutes_without_volume"] += silent
        if missing > _GAP * length:
            yield self._finding("gaps", f"{missing} of {length} minutes are missing", missing, length)
        if not any(bar.minute >= hours.auction and bar.volume for bar in bars):
            yield self._finding("no_close", "no bar of the closing auction")
        if silent:
            yield self._finding("zero_volume", f"{silent} of {len(bars)} bars have no volume", silent, len(bars))

    def _prices(self, totals: Counter[str]) -> Iterator[Finding]:
        grid = self._grid()
        prices = [price for bar in self._stock.bars for price in bar[1:5]]
        off = [price for price in prices if price % grid.tick_at(price)]
        between = sum(map(grid.may_have_traded, off))
        totals["prices"] += len(prices)
        totals["prices_off_grid"] += len(off)
        totals["prices_between_two_ticks"] += between
        if len(off) > _OFF_GRID * len(prices):
            text = f"{len(off)} of {len(prices)} prices are off the grid, {between} of them between two ticks"
            yield self._finding("off_grid", text, len(off), len(prices))
        limits = self._stock.limits
        if limits is None:
            yield self._finding("no_base", "no previous close; import daily bars")
        elif not limits.lower <= min(prices) <= max(prices) <= limits.upper:
            close, origin = self._stock.previous_close, self._stock.close_from
            where = "" if origin is CloseFrom.EXCHANGE else f" (from {origin} bars)"
            text = f"prices from {min(prices)} to {max(prices)}, limits {limits.lower} to {limits.upper} around {close}"
            yield self._finding("limits", text + where)

    def _against(self, daily: DailyBar) -> Iterator[Finding]:
        bars = self._stock.bars
        high, low, volume = max(bar.high for bar in bars), min(bar.low for bar in bars), sum(bar.volume for bar in bars)
        worst = max((high / daily.high, low / daily.low), key=lambda ratio: abs(ratio - 1))
        if abs(worst - 1) > _OTHER_BASIS:
            text = f"minutes from {low} to {high}, daily bar from {daily.low} to {daily.high}: factor {worst:.3f}"
            yield self._finding("basis", text)
        ratio = volume / daily.volume if daily.volume else 1.0
        if not _OTHER_VOLUME <= ratio <= 1 / _OTHER_VOLUME:
            yield self._finding("volume", f"{volume:,} shares in minutes, {daily.volume:,} in the daily bar")

    def _grid(self) -> PriceGrid:
        if self._stock.instrument.kind is not None:
            return ETF_GRID if self._stock.instrument.kind is Kind.ETF else STOCK_GRID
        return grid_of(bar.close for bar in self._stock.bars)

    def _finding(self, kind: str, text: str, count: int = 0, of: int = 0) -> Finding:
        return Finding(kind, text, *self._place, count, of)


def _missing_sessions(sessions: Sequence[date], calendar: TradingCalendar) -> Iterator[Finding]:
    for earlier, later in pairwise(sessions):
        for ordinal in range(earlier.toordinal() + 1, later.toordinal()):
            day = date.fromordinal(ordinal)
            if calendar.session_on(day):
                yield Finding("missing_session", f"no bars, between {earlier} and {later}", day)


def _splits(symbol: Symbol, bars: Sequence[DailyBar]) -> Iterator[Finding]:
    for earlier, later in pairwise(bars):
        if later.base and abs(later.base / earlier.close - 1) > _SPLIT:
            factor = later.base / earlier.close
            text = f"base {later.base} after a close of {earlier.close} on {earlier.date}: factor {factor:.3f}"
            yield Finding("split", text, later.date, symbol)


class Universe:
    """Which stocks the store has on which sessions, and how they went."""

    def __init__(self) -> None:
        self._sets: list[frozenset[Symbol]] = []
        self._moves: dict[Symbol, list[float]] = {}
        self._prints: Counter[int] = Counter()
        """How many stock-days have the same volumes in the same minutes."""

    def add(self, stocks: Mapping[Symbol, Sequence[MinuteBar]]) -> None:
        """Add the minutes of a session by stock."""
        self._sets.append(frozenset(stocks))
        for symbol, bars in stocks.items():
            self._moves.setdefault(symbol, []).append(bars[-1].close / bars[0].open - 1)
            volumes = tuple((bar.minute, bar.volume) for bar in bars)
            if len({volume for _, volume in volumes}) >= _LEAST_VOLUMES:
                self._prints[hash(volumes)] += 1

    def findings(self) -> Iterator[Finding]:
        """Yield signs of survivorship and of selection."""
        moves = [move for each in self._moves.values() for move in each]
        if not moves:
            return
        rising = sum(move > 0 for move in moves)
        if len(moves) >= _LEAST_DAYS and rising > _MOST_RISING * len(moves):
            mean = fmean(moves) * 10_000
            only = sum(all(move > 0 for move in each) for each in self._moves.values())
            text = (
                f"{rising} of {len(moves)} stock-days rose from open to close, by {mean:+.0f} bp on average; "
                f"{only} of {len(self._moves)} symbols are present only on days on which they rose"
            )
            yield Finding("universe", text, count=rising, of=len(moves))
        yield from self._copies(len(moves))
        if len(self._sets) >= _LEAST_SESSIONS and len(set(self._sets)) == 1:
            text = f"the same {len(self._sets[0])} symbols on all {len(self._sets)} sessions: delisted ones are missing"
            yield Finding("universe", text, count=len(self._sets[0]))
        elif len(self._sets) >= _LEAST_SESSIONS and not self._moves.keys() - self._sets[-1]:
            text = f"no stock drops out of the list in {len(self._sets)} sessions: delisted ones are missing"
            yield Finding("universe", text, count=len(self._sets[-1]))
        sizes = [len(each) for each in self._sets]
        everywhere = len(frozenset.intersection(*self._sets))
        if len(self._sets) >= _LEAST_SESSIONS and max(sizes) > 2 * min(sizes):
            text = (
                f"from {min(sizes)} to {max(sizes)} symbols a session, {everywhere} of {len(self._moves)} on all: "
                "what chose them is part of the result"
            )
            yield Finding("universe", text, count=min(sizes), of=max(sizes))

    def _copies(self, stock_days: int) -> Iterator[Finding]:
        copies = self._prints.total() - len(self._prints)
        if copies:
            text = f"{copies} of {stock_days} stock-days repeat the volumes of another one: they were copied"
            yield Finding("universe", text, count=copies, of=stock_days)
