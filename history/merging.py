"""Merge gathered bars into the store: what is new, what is there already, and what would change stored bars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from domain.bar import DailyBar, IndexBar, MinuteBar
from domain.market import Market, Symbol
from history.importing import Gathered, each_stock_day
from history.index_minutes import IndexMinutes
from history.provenance import Source
from history.store import BarStore, Instrument

Key = TypeVar("Key", int, date)
Bar = TypeVar("Bar", MinuteBar, DailyBar)


@dataclass(slots=True)
class Tally:
    """How many stock-days (or daily bars) are new, equal, longer than before, or would differ from stored ones."""

    new: int = 0
    same: int = 0
    extended: int = 0
    changed: int = 0
    differing: list[str] = field(default_factory=list)
    """The first stock-days that differ, with the first difference."""

    @property
    def all(self) -> int:
        """Return the number of all."""
        return self.new + self.same + self.extended + self.changed


@dataclass(slots=True)
class Merged:
    """The outcome of a merge. ``written`` is False for a dry run, and while nothing differs from the store."""

    minutes: Tally = field(default_factory=Tally)
    daily: Tally = field(default_factory=Tally)
    replace: bool = False
    index_days: int = 0
    """Sessions of an index that differ from the store; the imported minutes win."""

    @property
    def held_back(self) -> int:
        """Return how many stock-days and daily bars were not written, because stored ones differ."""
        return 0 if self.replace else self.minutes.changed + self.daily.changed

    @property
    def writes(self) -> int:
        """Return how many stock-days and daily bars differ from the store and may be written."""
        tallies = (self.minutes, self.daily)
        return self.index_days + sum(
            each.new + each.extended + (each.changed if self.replace else 0) for each in tallies
        )


_MOST_NAMED = 20


class Merger:
    """Writes bars of one source. With ``dry`` it only counts; with ``replace`` differing bars win over stored ones."""

    def __init__(self, store: BarStore, source: Source, *, dry: bool = False, replace: bool = False) -> None:
        self._store = store
        self._indices = IndexMinutes(store.folder)
        self._source = source
        self._dry = dry
        self.merged = Merged(replace=replace)

    def merge(self, gathered: Gathered, progress: Callable[[], None] = lambda: None) -> Merged:
        """Merge everything. ``progress`` is called after each session."""
        for day, stocks in each_stock_day(gathered):
            self.minutes(day, stocks)
            progress()
        self.daily(gathered.daily)
        self._merge_indices(gathered.indices)
        self._instruments(gathered.instruments)
        if self.merged.writes and not self._dry:
            self._store.sources.add(self._source)
        return self.merged

    def minutes(self, day: date, stocks: Mapping[Symbol, Mapping[int, MinuteBar]]) -> None:
        """Merge the minutes of a session."""
        stored = self._store.minutes(day, stocks)
        wanted = {}
        for symbol, bars in stocks.items():
            known = {bar.minute: bar for bar in stored.get(symbol, [])}
            merged = self._merged(self.merged.minutes, f"{symbol} {day}", known, bars)
            if merged:
                wanted[symbol] = [merged[minute] for minute in sorted(merged)]
        if wanted and not self._dry:
            self._store.write_day(day, wanted, self._source)

    def daily(self, stocks: Mapping[Symbol, Mapping[date, DailyBar]]) -> None:
        """Merge daily bars."""
        dates = [day for bars in stocks.values() for day in bars]
        stored = self._store.daily_between(min(dates), max(dates), stocks) if dates else {}
        wanted = {}
        for symbol, bars in stocks.items():
            known = {bar.date: bar for bar in stored.get(symbol, [])}
            changed: list[DailyBar] = []
            for day, bar in bars.items():
                have = {day: known[day]} if day in known else {}
                merged = self._merged(self.merged.daily, f"{symbol} {day}", have, {day: bar})
                changed += merged.values()
            if changed:
                wanted[symbol] = changed
        if wanted and not self._dry:
            self._store.write_daily(wanted, self._source)

    def _merge_indices(self, days: Mapping[date, Mapping[Market, Mapping[int, IndexBar]]]) -> None:
        for day, markets in days.items():
            stored, wanted = self._indices.of(day), dict[Market, list[IndexBar]]()
            for market, bars in markets.items():
                known = {bar.minute: bar for bar in stored.get(market, [])}
                merged = {**known, **bars}
                if merged != known:
                    wanted[market] = [merged[minute] for minute in sorted(merged)]
            self.merged.index_days += len(wanted)
            if wanted and not self._dry:
                self._indices.write(day, wanted)

    def _instruments(self, instruments: Mapping[Symbol, Instrument]) -> None:
        named = [one for one in instruments.values() if one != Instrument(one.symbol)]
        named = [one for one in named if self._store.instrument(one.symbol) != one]
        if named and not self._dry:
            self._store.write_instruments(named)

    def _merged(self, tally: Tally, about: str, stored: Mapping[Key, Bar], new: Mapping[Key, Bar]) -> dict[Key, Bar]:
        """Return all bars of a stock-day if they must be written, else nothing."""
        filled = {key: _filled(bar, stored.get(key)) for key, bar in new.items()}
        differing = [key for key in filled.keys() & stored.keys() if not _agrees(filled[key], stored[key])]
        merged = {**stored, **filled}
        if differing:
            tally.changed += 1
            if len(tally.differing) < _MOST_NAMED:
                first = min(differing)
                tally.differing.append(f"{about}: stored {_shown(stored[first])}, now {_shown(filled[first])}")
            return merged if self.merged.replace else {}
        if not stored:
            tally.new += 1
        elif merged == stored:
            tally.same += 1
            return {}
        else:
            tally.extended += 1
        return merged


def _filled(bar: Bar, stored: Bar | None) -> Bar:
    """Return the bar with the stored bar's value and base where it has none itself."""
    if stored is None:
        return bar
    missing = [name for name in ("value", "base") if getattr(bar, name, 0) is None]
    return bar._replace(**{name: getattr(stored, name) for name in missing})


def _agrees(bar: Bar, stored: Bar) -> bool:
    """Return whether two bars say the same where both say something."""
    return all(ours is None or ours == theirs for ours, theirs in zip(stored, bar, strict=True))


def _shown(bar: MinuteBar | DailyBar) -> str:
    prices = f"{bar.open}/{bar.high}/{bar.low}/{bar.close}, {bar.volume} shares"
    return f"{bar.minute // 60:02}:{bar.minute % 60:02} {prices}" if isinstance(bar, MinuteBar) else prices
