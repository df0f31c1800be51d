"""Each trade on the bars of its session: candles, indicators, stop lines, signals and refused entries."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from math import gcd
from typing import Any, Final

from database.day_seen import PriceBar
from domain.bar import MinuteBar
from domain.clock import in_seoul
from domain.identity import PositionId
from domain.market import Symbol
from domain.money import average_price
from domain.position import ClosedTrade, OpenPosition
from reporting.indicators import moving_average, stop_price, target_price, trailing_steps, vwap
from reporting.market import Recorded, RecordedDay, SignalRun
from reporting.packing import packed, steps
from reporting.reading import DayBooks

MOST_CHARTS: Final = 800
"""Charts of stocks by session in one page, about 2.5 kB each."""
AVERAGE_OF: Final = 20
"""Bars of the moving average."""
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR

Position = ClosedTrade | OpenPosition


@dataclass
class Charts:
    """The charts of a page: prices by session and stock, and a view for each position."""

    chosen: Container[tuple[date, Symbol]]
    """The sessions and stocks whose bars the page has."""
    prices: dict[str, dict[str, Any]] = field(default_factory=dict)
    views: list[dict[str, Any]] = field(default_factory=list)
    unrecorded: int = 0
    """Positions without any bar."""
    left_out: int = 0
    """Positions with bars that the page leaves out."""

    def add(self, day: DayBooks, its: RecordedDay, position: Position, about: dict[str, int]) -> None:
        """Add the view of a position, and its prices unless another position of the stock has brought them."""
        bars, whole = bars_of(day, its, position)
        key = f"{day.date} {position.symbol}" if whole else f"{day.date} {position.position_id}"
        if not bars:
            self.unrecorded += 1
        elif (day.date, position.symbol) not in self.chosen:
            self.left_out += 1
        elif key not in self.prices:
            self.prices[key] = {**_prices(bars, with_volume=whole), "whole": whole}
        shown = key if key in self.prices else None
        lines, others = _lines(day, position, bars), _others(day, its, position.symbol)
        self.views.append({**about, "prices": shown, **lines, **others})

    def values(self) -> dict[str, Any]:
        """Return them as plain values."""
        whole = sum(each["whole"] for each in self.prices.values())
        return {
            "prices": self.prices,
            "views": self.views,
            "whole": whole,
            "held": len(self.prices) - whole,
            "unrecorded": self.unrecorded,
            "left_out": self.left_out,
            "average_of": AVERAGE_OF,
        }


def charts_of(days: Sequence[DayBooks], recorded: Recorded, most: int = MOST_CHARTS) -> dict[str, Any]:
    """Return the charts of all closed trades in their order; if there are too many, the largest results have bars."""
    by_size = sorted((-abs(trade.net_pnl), day.date, trade.symbol) for day in days for trade in day.trades)
    charts = Charts(frozenset(islice(dict.fromkeys((day, symbol) for _, day, symbol in by_size), most)))
    pairs = ((day, trade) for day in days for trade in day.trades)
    for place, (day, trade) in enumerate(pairs):
        charts.add(day, recorded.on(day.date), trade, {"trade": place})
    return charts.values()


def charts_of_session(day: DayBooks, recorded: Recorded) -> dict[str, Any]:
    """Return the charts of a session's trades, and of the positions that it left."""
    charts = Charts(frozenset((day.date, position.symbol) for position in day.positions))
    for place, trade in enumerate(day.trades):
        charts.add(day, recorded.on(day.date), trade, {"trade": place})
    for place, position in enumerate(day.left):
        charts.add(day, recorded.on(day.date), position, {"left": place})
    return charts.values()


def bars_of(day: DayBooks, its: RecordedDay, position: Position) -> tuple[Sequence[MinuteBar], bool]:
    """Return a position's minute bars, and whether they cover its session: of the store, else what watchers saw."""
    if recorded := its.minutes.get(position.symbol):
        return recorded, True
    seen = [bar for bar in day.bars if bar.position_id == position.position_id]
    mine = [bar for bar in seen if in_seoul(bar.minute).date() == day.date]
    return [MinuteBar(minute_in(day.date, bar.minute), *_prices_of(bar), 0) for bar in mine], False


def _prices_of(bar: PriceBar) -> tuple[int, int, int, int]:
    return bar.open, bar.high, bar.low, bar.close


def minute_in(day: date, at: datetime) -> int:
    """Return an instant as minutes since midnight KST of a date: 0 if it is earlier, and a whole day if later."""
    local = in_seoul(at)
    if local.date() != day:
        return 0 if local.date() < day else _DAY
    return local.hour * _HOUR + local.minute


def held_bars(day: date, bars: Sequence[MinuteBar], position: Position) -> list[MinuteBar]:
    """Return the whole minutes of a session between a position's entry and its exit."""
    since, until = _span(day, position)
    return [bar for bar in bars if since < bar.minute < until]


def _prices(bars: Sequence[MinuteBar], *, with_volume: bool) -> dict[str, Any]:
    unit = gcd(*(price for bar in bars for price in bar[1:5]))
    minutes = {bar.minute for bar in bars}
    found = {
        "from": bars[0].minute,
        "gaps": [each for each in range(bars[0].minute, bars[-1].minute) if each not in minutes],
        "unit": unit,
        "bars": packed(_bar_steps(bars, unit)),
        "average": _line(moving_average(bars, AVERAGE_OF), unit),
    }
    return {**found, "vwap": _line(vwap(bars), unit)} if with_volume else found


def _bar_steps(bars: Sequence[MinuteBar], unit: int) -> Iterator[int]:
    """Yield four numbers a bar: open against the close before, close against open, and both ends outside these."""
    before = 0
    for bar in bars:
        upper, lower = max(bar.open, bar.close), min(bar.open, bar.close)
        for number in (bar.open - before, bar.close - bar.open, bar.high - upper, lower - bar.low):
            yield number // unit
        before = bar.close


def _line(values: Sequence[float], unit: int) -> str:
    return packed(steps(round(value / unit) for value in values))


def _lines(day: DayBooks, position: Position, bars: Sequence[MinuteBar]) -> dict[str, Any]:
    rules, entry = day.exit_rules.get(PositionId(position.position_id)), _entry_price(position)
    if rules is None or not entry:
        return {"stop": None, "target": None, "trailing": []}
    trailing = trailing_steps(held_bars(day.date, bars, position), entry, rules)
    return {
        "stop": _won(stop_price(entry, rules)),
        "target": _won(target_price(entry, rules)),
        "trailing": [[minute, _won(price)] for minute, price in trailing],
    }


def _entry_price(position: Position) -> Decimal:
    if isinstance(position, OpenPosition):
        return position.entry_price
    return average_price(position.entry_amount, position.quantity)


def _others(day: DayBooks, its: RecordedDay, symbol: Symbol) -> dict[str, Any]:
    """Return the stock's runs of signals, those that an entry took marked with 1, and its refused entries."""
    spans = [_span(day.date, position) for position in day.positions if position.symbol == symbol]
    signals = None if its.signals is None else signals_while_free(its.signals.get(symbol, ()), spans)
    refused = [[minute_in(day.date, each.at), each.denial] for each in day.refused if each.symbol == symbol]
    return {"signals": signals, "refused": refused}


def signals_while_free(runs: Sequence[SignalRun], held: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the runs without the minutes in which the stock was held: first, last, and 1 if an entry ended it.

    ``held`` are the minutes of entry and exit. An order of the scan at a minute's start fills in that minute or the
    next, so a run that reaches the minute before an entry was taken.
    """
    found: list[list[int]] = []
    for run in runs:
        free = [minute for minute in range(run.first, run.last + 1) if not any(a < minute <= b for a, b in held)]
        for place, minute in enumerate(free):
            if place and free[place - 1] == minute - 1:
                found[-1][1] = minute
            else:
                found.append([minute, minute, 0])
    for each in found:
        each[2] = int(any(each[0] <= entry <= each[1] + 1 for entry, _ in held))
    return found


def _span(day: date, position: Position) -> tuple[int, int]:
    until = minute_in(day, position.closed_at) if isinstance(position, ClosedTrade) else _DAY
    return minute_in(day, position.opened_at), until


def _won(price: Decimal | None) -> float | None:
    return None if price is None else round(float(price), 1)
