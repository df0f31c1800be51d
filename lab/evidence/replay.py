"""What an entry at a minute would have earned by the exit rules: on minute bars, without books and without orders.

The path within a minute is that of the backtest: open, the two extremes in its assumed order, close. Bounds come from
``lab.bounds``; the average of the trend break and the time rules are those of ``domain.exits``. A strategy's own exits
are not replayed. Half a tick is lost at each side, as in a book whose best prices are one tick apart.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Final

from domain.bar import MinuteBar
from domain.exits import LEAST_TREND_SAMPLES
from domain.identity import AccountId, PositionId, WorkerId
from domain.market import Market, Symbol
from domain.money import Price, Quantity, Won
from domain.position import OpenPosition, StrategyStamp
from domain.rules import ExitRules
from domain.session import SessionDate
from domain.tick_size import round_down, round_up, tick_at
from lab.bounds import Bounds
from simulator.natural_day import turns_of

_SHARES: Final = 2
"""Two shares bought half a tick above the price have a cost in whole won."""
_ANY_TIME: Final = datetime(2000, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Tape:
    """A stock's minutes of one session, in order."""

    bars: Sequence[MinuteBar]

    @cached_property
    def minutes(self) -> list[int]:
        """Return the start of each bar."""
        return [bar.minute for bar in self.bars]

    @cached_property
    def opens(self) -> list[int]:
        """Return the running sum of the opens."""
        return list(accumulate((bar.open for bar in self.bars), initial=0))

    def at(self, minute: int) -> int | None:
        """Return the place of a minute's bar if an order could fill in it."""
        place = bisect_left(self.minutes, minute)
        if place == len(self.bars) or self.bars[place].minute != minute:
            return None
        bar = self.bars[place]
        return place if bar.volume and bar.low < bar.high else None

    @property
    def move(self) -> float:
        """Return the change from the first open to the last close."""
        return self.bars[-1].close / self.bars[0].open - 1


@dataclass(frozen=True, slots=True)
class Exit:
    """Where the rules sell: the place of the bar, and the price (won) before the half tick."""

    place: int
    price: float


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """The exit rules and the minute of the day from which everything is sold."""

    exits: ExitRules
    deadline: int


def exit_of(tape: Tape, place: int, rules: ReplayRules) -> Exit:
    """Return where a purchase at the open of a bar is sold; at the end of the tape at the latest."""
    bought = _bought(tape.bars[place], rules.exits)
    bounds = Bounds.of(bought, Price(0))
    longest = rules.exits.longest_holding.total_seconds() / 60 or float("inf")
    until = min(rules.deadline, tape.minutes[place] + longest)
    for at in range(place, len(tape.bars)):
        bar = tape.bars[at]
        if bar.minute >= until:
            return Exit(at, bar.open)
        if at > place and (sold := _at_the_open(tape, at, bounds, rules.exits)) is not None:
            return Exit(at, sold)
        if bounds.may_leave(bar.low, bar.high):
            sold, bounds = _within(bar, bounds, bought)
            if sold is not None:
                return Exit(at, sold)
    return Exit(len(tape.bars) - 1, tape.bars[-1].close)


def _at_the_open(tape: Tape, at: int, bounds: Bounds, exits: ExitRules) -> float | None:
    """Return a minute's open if a rule sells there."""
    opened = tape.bars[at].open
    sold = _leaving(bounds, opened, opened)
    return float(opened) if sold is None and _trend_breaks(tape, at, exits) else sold


def _within(bar: MinuteBar, bounds: Bounds, bought: OpenPosition) -> tuple[float | None, Bounds]:
    """Return the price at which a minute's path leaves the bounds, and the bounds after it."""
    before = bar.open
    for price in points_of(bar):
        if (sold := _leaving(bounds, before, price)) is not None:
            return sold, bounds
        if bounds.trails and price > bounds.best:
            bounds = Bounds.of(bought, Price(price))
        before = price
    return None, bounds


def gross_rate(tape: Tape, place: int, rules: ReplayRules) -> float:
    """Return the gross result ÷ entry amount of a purchase at a bar's open, half a tick lost at each side."""
    bar, sold = tape.bars[place], exit_of(tape, place, rules)
    paid = bar.open + tick_at(bar.open) / 2
    return (sold.price - tick_at(int(sold.price)) / 2) / paid - 1


def points_of(bar: MinuteBar) -> Iterator[int]:
    """Yield the turning points of a minute's path."""
    yield from (bar.open, *turns_of(bar.high, bar.low, bar.volume), bar.close)


def _leaving(bounds: Bounds, before: int, price: int) -> float | None:
    """Return the price at which the path from one point to another crosses a bound; a gap crosses where it lands."""
    if price <= bounds.lower:
        return float(price if before <= bounds.lower else max(price, round_down(int(bounds.lower))))
    if price >= bounds.upper:
        return float(price if before >= bounds.upper else min(price, round_up(-int(-bounds.upper // 1))))
    return None


def _trend_breaks(tape: Tape, at: int, rules: ExitRules) -> bool:
    """Return whether a minute's open is below the average of the opens of the window by the rule's share."""
    if not rules.trend_break:
        return False
    now, window = tape.minutes[at], rules.trend_window.total_seconds() / 60
    first = bisect_left(tape.minutes, now - window, 0, at + 1)
    samples = at + 1 - first
    if samples < LEAST_TREND_SAMPLES or now - tape.minutes[first] < window / 2:
        return False
    average = Decimal(tape.opens[at + 1] - tape.opens[first]) / samples
    return tape.bars[at].open <= average * (1 - rules.trend_break)


def _bought(bar: MinuteBar, exits: ExitRules) -> OpenPosition:
    """Return shares bought half a tick above a bar's open."""
    return OpenPosition(
        PositionId("replay"),
        AccountId("replay"),
        WorkerId("replay"),
        SessionDate(_ANY_TIME.date()),
        Symbol("000000"),
        "",
        Market.KOSPI,
        Quantity(_SHARES),
        Won(_SHARES * bar.open + tick_at(bar.open)),
        _ANY_TIME,
        Price(0),
        Price(bar.open),
        Price(bar.open),
        StrategyStamp("", ""),
        exits,
    )
