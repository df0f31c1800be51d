"""The chain of one stock's days: each close is the next day's base, so forced prices carry over."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from simulator.bars import DailyBar
from simulator.day_path import DayPath, DaySummary, Edit
from simulator.day_plan import Character, DayPlan, plan_day
from simulator.krx.prices import limits_around
from simulator.krx.sessions import Session, TradingCalendar
from simulator.krx.units import Price, Quantity, Won
from simulator.listings import Listing
from simulator.natural_day import NaturalDay
from simulator.pauses import Breaker, InterruptionRule
from simulator.recorded import RecordedBars, Recording
from simulator.recorded_day import RecordedDay

FIRST_DATE: Final = date(2025, 7, 1)
"""First day of every chain of closes, unless a recording starts earlier."""

_KEPT_PATHS: Final = 6
_BASKET_STEPS: Final = 13
_BASKET_NOISE: Final = 0.0003
_LEAST_BASKET: Final = 0.5

_day_plan = lru_cache(maxsize=40_000)(plan_day)
_natural_day = lru_cache(maxsize=400)(NaturalDay)


@lru_cache(maxsize=40_000)
def _natural_summary(
    drawn_from: tuple[int, Listing, DayPlan, Price, int], close_price: Price, rule: InterruptionRule
) -> DaySummary:
    """Return the bar of a session without outside changes. It is the same in every exchange of its seed."""
    return DayPath(_natural_day(*drawn_from), close_price, [], rule).summary()


class Close(NamedTuple):
    """A closing price (won) and the position of its session."""

    price: Price
    position: int


class Basket:
    """The stocks of a market that products follow: what their market value does on a day."""

    def __init__(self, members: "Sequence[Tape]") -> None:
        self._members = members
        self._days: dict[int, tuple[list[float], float]] = {}

    def plan(self, position: int, times: float) -> DayPlan:
        """Return the day of a product that moves so many times as much, with little noise of its own."""
        if position not in self._days:
            self._days[position] = self._moves(position)
        moves, volume = self._days[position]
        levels = [math.log(max(1 + times * move, _LEAST_BASKET)) for move in moves]
        knots = tuple((step / _BASKET_STEPS, level) for step, level in enumerate(levels))
        return DayPlan(Character.RANGE, knots, _BASKET_NOISE * abs(times), 0.85, volume)

    def _moves(self, position: int) -> tuple[list[float], float]:
        plans = [one.plan(position) for one in self._members]
        values = [one.base_price(position) * one.listing.listed_shares for one in self._members]
        shares = [step / _BASKET_STEPS for step in range(_BASKET_STEPS + 1)]
        levels = zip(*([math.exp(plan.level_at(share)) for share in shares] for plan in plans), strict=True)
        whole = sum(values)
        moves = [sum(v * level for v, level in zip(values, at, strict=True)) / whole - 1 for at in levels]
        return moves, sum(plan.volume for plan in plans) / len(plans)


def _summary_of(daily: DailyBar) -> DaySummary:
    value = daily.volume * daily.close if daily.value is None else daily.value
    prices = (Price(daily.open), Price(daily.high), Price(daily.low), Price(daily.close))
    return DaySummary(*prices, Quantity(daily.volume), Won(value))


class SessionSequence:
    """The sessions of a calendar in order, counted from the first date of the simulated world."""

    def __init__(self, calendar: TradingCalendar, first_date: date = FIRST_DATE) -> None:
        self.first_date = first_date
        self._calendar = calendar
        self._sessions: list[Session] = []
        self._dates: list[date] = []
        self._next_date = first_date

    def position(self, session: Session) -> int:
        """Return the number of sessions before this one."""
        self._extend(session.date)
        return bisect_left(self._dates, session.date)

    def first_since(self, day: date) -> int:
        """Return the position of the first session known on or after a date."""
        return bisect_left(self._dates, day)

    def at(self, position: int) -> Session:
        """Return a session by its zero-based index."""
        while len(self._sessions) <= position:
            self._extend(self._next_date)
        return self._sessions[position]

    def _extend(self, until: date) -> None:
        while self._next_date <= until:
            session = self._calendar.session_on(self._next_date)
            if session is not None:
                self._sessions.append(session)
                self._dates.append(session.date)
            self._next_date += timedelta(days=1)


class Tape:
    """All days of one stock, computed on demand."""

    def __init__(
        self,
        seed: int,
        listing: Listing,
        sessions: SessionSequence,
        *,
        interrupts: bool = True,
        recorded: Recording | None = None,
    ) -> None:
        self.listing = listing
        self._seed = seed
        self._sessions = sessions
        self._closes: list[Price] = []
        self._interrupts = interrupts
        self._recorded = recorded.days.get(listing.symbol, {}) if recorded else {}
        self._daily = recorded.daily.get(listing.symbol, {}) if recorded else {}
        self._only = recorded is not None and recorded.only
        self._bases: dict[int, Price] = {}
        self._edits: dict[int, list[Edit]] = {}
        self._breakers: dict[int, list[Breaker]] = {}
        self._halts: list[tuple[int, int | None]] = []
        self.basket: Basket | None = None
        """The stocks whose days a product follows."""
        self._paths: dict[int, DayPath] = {}
        self._summaries: dict[int, DaySummary] = {}
        self._extremes: dict[tuple[int, int], tuple[Close, Close]] = {}

    def base_price(self, position: int) -> Price:
        """Return the price (won) that a session's limits are based on: the previous close, unless it was restated."""
        if position in self._bases:
            return self._bases[position]
        recorded, daily = self._bars_on(position), self._daily_on(position)
        if recorded:
            return recorded.base
        if daily and daily.base:
            return Price(daily.base)
        while len(self._closes) < position:
            self._closes.append(self._close_of(len(self._closes)))
        return self._closes[position - 1] if position else self.listing.price

    def extremes(self, first: int, last: int) -> tuple[Close, Close]:
        """Return the highest and the lowest close that were the base price of the sessions from one to another."""
        if (first, last) not in self._extremes:
            closes = [Close(self.base_price(position), position - 1) for position in range(first, last + 1)]
            lowest = min(closes, key=lambda close: close.price)
            self._extremes[first, last] = (max(closes, key=lambda close: close.price), lowest)
        return self._extremes[first, last]

    def path(self, position: int) -> DayPath:
        """Return the path of a session. The last few are cached."""
        found = self._paths.get(position)
        if found is None:
            found = self._paths[position] = self._make_path(position)
            if len(self._paths) > _KEPT_PATHS:
                del self._paths[next(iter(self._paths))]
        return found

    def summary(self, position: int) -> DaySummary:
        """Return the bar of a whole session."""
        if position not in self._summaries:
            self._summaries[position] = self._summed_up(position)
        return self._summaries[position]

    def outline(self, position: int, shares: Sequence[float]) -> list[float]:
        """Return the prices at shares (0 to 1) of a session; without minute noise, unless the day was forced."""
        if self._edits_of(position) or position in self._breakers or self._bars_on(position):
            path = self.path(position)
            return [path.price_at(int(share * path.minutes * 60)) for share in shares]
        base = self.base_price(position)
        if self._only or self._daily_on(position):
            return [base + (self.base_price(position + 1) - base) * share for share in shares]
        plan = self.plan(position)
        return [base * math.exp(plan.level_at(share)) for share in shares]

    def usual_volume(self, position: int) -> int:
        """Return about the shares traded in a session, without drawing its minutes."""
        return int(self.listing.daily_volume * self.plan(position).volume)

    def edit(self, position: int, make: Callable[[DayPath], Edit]) -> None:
        """Change a session's path. Later sessions are drawn again from the changed close."""
        change = make(self.path(position))
        self._edits.setdefault(position, []).append(change)
        self._forget_from(position)

    def restate(self, position: int, base: Price) -> None:
        """Base a session on another price than the previous close, as after a split or a rights issue."""
        self._bases[position] = base
        self._forget_from(position)

    def stop_market(self, position: int, breaker: Breaker) -> None:
        """Apply a circuit breaker to a session."""
        self._breakers.setdefault(position, []).append(breaker)
        self._forget_from(position)

    def freeze(self, position: int, second: int) -> None:
        """Stop trading at a second of a session until ``resume``."""
        self._halts.append((position, None))
        self.edit(position, lambda path: Edit(second, path.price_at(second), volume=0.0))

    def resume(self, position: int, second: int | None) -> None:
        """Resume the natural path after a ``freeze``: from a second, or from the next session (None)."""
        if self._halts and self._halts[-1][1] is None:
            self._halts[-1] = (self._halts[-1][0], position)
        if second is not None:
            self.edit(position, lambda _: Edit(second, None))

    def _close_of(self, position: int) -> Price:
        if self._edits_of(position) or position in self._breakers:
            return self.path(position).close_price
        return self._natural_close(position)

    def _recorded_on(self, position: int) -> RecordedBars | None:
        """Return the recorded minutes of a session; in a recording that plays alone, a day without trades."""
        found = self._bars_on(position)
        if found or not self._only:
            return found
        return RecordedBars(self._sessions.at(position), self.base_price(position), grid=self.listing.grid)

    def _bars_on(self, position: int) -> RecordedBars | None:
        return self._recorded.get(self._sessions.at(position).date) if self._recorded else None

    def _daily_on(self, position: int) -> DailyBar | None:
        return self._daily.get(self._sessions.at(position).date) if self._daily else None

    def _natural_close(self, position: int) -> Price:
        recorded, daily = self._bars_on(position), self._daily_on(position)
        if recorded:
            return recorded.close_price
        if daily:
            return Price(daily.close)
        base = self.base_price(position)
        if self._only:
            return base
        return limits_around(base, self.listing.grid).nearest(base * math.exp(self.plan(position).close_level))

    def plan(self, position: int) -> DayPlan:
        """Return the character of a session's day."""
        if self.basket and self.listing.follows:
            return self.basket.plan(position, self.listing.follows.times)
        base = self.base_price(position)
        displacement = math.log(base / self.listing.price)
        return _day_plan(self._seed, self._sessions.at(position).date, self.listing, displacement)

    def _summed_up(self, position: int) -> DaySummary:
        daily = self._daily_on(position)
        if daily and not self._bars_on(position) and not self._edits_of(position):
            return _summary_of(daily)
        if self._edits_of(position) or position in self._breakers or self._recorded_on(position):
            return (self._paths.get(position) or self._make_path(position)).summary()
        return _natural_summary(self._drawn_from(position), self._natural_close(position), self._rule(position))

    def _make_path(self, position: int) -> DayPath:
        recorded = self._recorded_on(position)
        if recorded:
            minutes = self._minutes(position)
            natural: NaturalDay = RecordedDay(self.plan(position), self.base_price(position), minutes, recorded)
        else:
            natural = _natural_day(*self._drawn_from(position))
        breakers = self._breakers.get(position, ())
        close_price, rule = self._natural_close(position), self._rule(position)
        return DayPath(natural, close_price, self._edits_of(position), rule, breakers)

    def _drawn_from(self, position: int) -> tuple[int, Listing, DayPlan, Price, int]:
        base, minutes = self.base_price(position), self._minutes(position)
        return self._seed, self.listing, self.plan(position), base, minutes

    def _rule(self, position: int) -> InterruptionRule:
        automatic = self._interrupts and not self._recorded_on(position)
        seed = f"{self._seed}|{self._sessions.at(position).date}|{self.listing.symbol}|pause"
        return InterruptionRule(self.base_price(position), self.listing.market, automatic, seed, self.listing.grid)

    def _minutes(self, position: int) -> int:
        session = self._sessions.at(position)
        return int((session.auction_at - session.opens_at).total_seconds()) // 60

    def _edits_of(self, position: int) -> list[Edit]:
        edits = self._edits.get(position, [])
        if any(start < position and (end is None or end >= position) for start, end in self._halts):
            return [Edit(0, self.base_price(position), volume=0.0), *edits]
        return edits

    def _forget_from(self, position: int) -> None:
        del self._closes[position:]
        self._extremes.clear()
        self._paths = {kept: path for kept, path in self._paths.items() if kept < position}
        self._summaries = {kept: bar for kept, bar in self._summaries.items() if kept < position}
