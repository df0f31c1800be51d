"""What buying and holding would have earned with the same money on the same days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from statistics import fmean
from typing import Any

from domain.bar import DailyBar
from domain.costs import cost_rates
from domain.market import Symbol
from domain.money import Won
from domain.position import ClosedTrade
from reporting.market import Recorded
from reporting.tables import in_bp, percent

Daily = Mapping[Symbol, Sequence[DailyBar]]


@dataclass(frozen=True, slots=True)
class Line:
    """A comparison: its cumulative net result after each session (won). ``members`` of ``of`` stocks have bars."""

    key: str
    results: tuple[int, ...]
    members: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Stakes:
    """The money that a strategy put into its trades, by session and stock (won)."""

    by_day: Mapping[date, Mapping[Symbol, int]]

    @classmethod
    def of(cls, dates: Sequence[date], trades: Sequence[ClosedTrade]) -> "Stakes":
        """Add up the entry amounts of trades."""
        found: dict[date, dict[Symbol, int]] = {day: {} for day in dates}
        for trade in trades:
            its = found.setdefault(trade.session_date, {})
            its[trade.symbol] = its.get(trade.symbol, 0) + trade.entry_amount
        return cls(found)

    def on(self, day: date) -> int:
        """Return the money of a session."""
        return sum(self.by_day[day].values())

    @property
    def total(self) -> int:
        """Return the money of all sessions."""
        return sum(map(self.on, self.by_day))

    @property
    def average(self) -> float:
        """Return the money of an average session."""
        return self.total / len(self.by_day)


def comparison(
    daily: Sequence[tuple[date, Won]], trades: Sequence[ClosedTrade], capital: Won, recorded: Recorded
) -> dict[str, Any]:
    """Return the strategy beside each kind of holding whose bars are known, and the names of those that are not.

    ``intraday`` puts each session's stakes into the same stocks from open to close, ``universe`` the same sum in equal
    parts into every stock of the session. ``hold`` and the indexes hold the stake of an average session throughout.
    """
    dates = [day for day, _ in daily]
    stakes = Stakes.of(dates, trades)
    own = Line("strategy", tuple(accumulate(net for _, net in daily)))
    others = (
        intraday(stakes, recorded.daily),
        universe(stakes, {day: recorded.on(day).universe for day in dates}, recorded.daily),
        held_through(stakes, recorded.daily),
        *(index_line(name, levels, stakes) for name, levels in sorted(recorded.indexes.items())),
    )
    lines = [own, *(line for line in others if line is not None)]
    missing = {"intraday", "universe", "hold", "KOSPI", "KOSDAQ"} - {line.key for line in lines}
    return {
        "dates": [day.isoformat() for day in dates],
        "lines": [_plain(line, capital, stakes.total) for line in lines],
        "missing": sorted(missing),
    }


def session_return(bar: DailyBar) -> float:
    """Return the net return of a purchase at the open and a sale at the close, after commission and tax of the date."""
    rates = cost_rates(bar.date)
    paid, got = 1 + float(rates.commission), bar.close / bar.open * (1 - float(rates.commission + rates.tax))
    return got - paid


def intraday(stakes: Stakes, daily: Daily) -> Line | None:
    """Return each session's stakes in the same stocks from open to close; a stock without a bar earns nothing."""
    bars, results, members, of = _by_day(daily), list[float](), 0, 0
    for day, its in stakes.by_day.items():
        known = {symbol: bars[symbol, day] for symbol in its if (symbol, day) in bars}
        results.append(sum(its[symbol] * session_return(bar) for symbol, bar in known.items()))
        members, of = members + len(known), of + len(its)
    return Line("intraday", _sums(results), members, of) if members else None


def universe(stakes: Stakes, stocks: Mapping[date, Sequence[Symbol]], daily: Daily) -> Line | None:
    """Return each session's whole stake in equal parts in every stock that could be traded, from open to close."""
    bars, results, members, of = _by_day(daily), list[float](), 0, 0
    for day in stakes.by_day:
        known = [session_return(bars[symbol, day]) for symbol in stocks.get(day, ()) if (symbol, day) in bars]
        results.append(stakes.on(day) * fmean(known) if known else 0.0)
        members, of = members + len(known), of + len(stocks.get(day, ()))
    return Line("universe", _sums(results), members, of) if members else None


def held_through(stakes: Stakes, daily: Daily) -> Line | None:
    """Return the average stake in equal parts in all traded stocks, from the first session's close to the last one's.

    A stock counts if it has a daily bar of every session of the stretch. The move of a session is its close against
    its base price, which follows splits; without a base price, against the close before.
    """
    dates = list(stakes.by_day)
    symbols = sorted({symbol for its in stakes.by_day.values() for symbol in its})
    span = {bar.date for bars in daily.values() for bar in bars if dates[0] <= bar.date <= dates[-1]}
    paths = [path for symbol in symbols if (path := _path(daily.get(symbol, ()), span)) is not None]
    if not paths or len(dates) < 2:
        return None
    first, last = cost_rates(dates[0]), cost_rates(dates[-1])
    paid, kept = 1 + float(first.commission), 1 - float(last.commission + last.tax)
    means = [fmean(path.get(day, 1.0) for path in paths) for day in dates]
    # The purchase is paid at its close; the sale's costs belong to the last session.
    values = [*(mean - paid for mean in means[:-1]), means[-1] * kept - paid]
    return Line("hold", tuple(round(stakes.average * value) for value in values), len(paths), len(symbols))


def index_line(name: str, levels: Sequence[tuple[date, float]], stakes: Stakes) -> Line | None:
    """Return the average stake in an index from the first session's close, without costs; None without both ends."""
    dates, known = list(stakes.by_day), {day: level for day, level in levels if level > 0}
    if len(dates) < 2 or dates[0] not in known or dates[-1] not in known:
        return None
    results, level = list[int](), known[dates[0]]
    for day in dates:
        level = known.get(day, level)
        results.append(round(stakes.average * (level / known[dates[0]] - 1)))
    return Line(name, tuple(results))


def _by_day(daily: Daily) -> dict[tuple[Symbol, date], DailyBar]:
    return {(symbol, bar.date): bar for symbol, found in daily.items() for bar in found if bar.open and bar.close}


def _path(bars: Sequence[DailyBar], span: set[date]) -> dict[date, float] | None:
    """Return the value of 1 won after each session of the span, from the first one's close; None if one is missing."""
    own = [bar for bar in bars if bar.date in span]
    if not own or len(own) != len(span) or not all(bar.close for bar in own):
        return None
    value, path, before = 1.0, {own[0].date: 1.0}, own[0].close
    for bar in own[1:]:
        value *= bar.close / (bar.base or before)
        path[bar.date], before = value, bar.close
    return path


def _sums(results: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(each) for each in accumulate(results))


def _plain(line: Line, capital: Won, staked: int) -> dict[str, Any]:
    net = line.results[-1]
    return {
        "key": line.key,
        "results": list(line.results),
        "net": net,
        "net_percent": percent(net, capital),
        "stake_bp": in_bp(net, staked),
        "members": line.members,
        "of": line.of,
    }
