"""One stock's actual day: the natural path plus the changes that the control API forced."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from simulator.krx.prices import DailyLimits
from simulator.krx.units import Price, Quantity, Won
from simulator.natural_day import MinuteBar, NaturalDay
from simulator.pauses import FOR_THE_DAY, Breaker, InterruptionRule, Pause

_MINUTE: Final = 60


class Edit(NamedTuple):
    """A change of the path, effective from a second after the open.

    ``price`` (won) None resumes the natural path; ``drift`` is the relative change per minute; ``natural`` keeps the
    natural path's relative moves on top; ``volume`` scales the shares traded; ``vi`` lets the forced price trigger a
    volatility interruption as a seeded one would.
    """

    second: int
    price: Price | None
    drift: float = 0.0
    natural: bool = False
    volume: float = 1.0
    vi: bool = False


class DayTotals(NamedTuple):
    """Totals of a day up to a moment; all zero before the first trade."""

    open_price: Price
    high_price: Price
    low_price: Price
    volume: Quantity
    turnover: Won


class DaySummary(NamedTuple):
    """The totals of a whole session; prices in won."""

    open_price: Price
    high_price: Price
    low_price: Price
    close_price: Price
    volume: Quantity
    turnover: Won


class DayPath:
    """Price, range and volume of one stock at every second since the open. Seconds count market time."""

    def __init__(
        self,
        natural: NaturalDay,
        close_price: Price,
        edits: list[Edit],
        rule: InterruptionRule | None = None,
        breakers: Sequence[Breaker] = (),
    ) -> None:
        self.natural = natural
        self.edits = sorted(edits, key=lambda edit: edit.second)
        self._natural_close = close_price
        self._rule = rule
        self._breakers = {breaker.second: breaker for breaker in breakers}
        self._pauses: list[Pause] = []
        self._searched_minutes = 0
        self._may_stop = bool(breakers) or (rule is not None and (rule.automatic or any(edit.vi for edit in edits)))
        self._reference = rule.base if rule else Price(0)
        self._bars: list[MinuteBar] = []
        self._running: list[tuple[int, int, int, int]] = []

    @property
    def minutes(self) -> int:
        """Return the length of continuous trading."""
        return len(self.natural.bars)

    @property
    def limits(self) -> DailyLimits:
        """Return the day's price limits."""
        return self.natural.limits

    @property
    def close_price(self) -> Price:
        """Return the closing auction's price; after an early end of the day, the last price."""
        ended = self.ended_by
        if ended:
            return ended.price
        if not self.edits or self.edits[-1].price is None:
            return self._natural_close
        return self._moving_price_at(max(self.minutes * _MINUTE, self.edits[-1].second))

    @property
    def ended_by(self) -> Pause | None:
        """Return the pause that lasts for the rest of the day, or None."""
        if not self._breakers:
            return None
        self._search(self.minutes - 1)
        return self._pauses[-1] if self._pauses and self._pauses[-1].end == FOR_THE_DAY else None

    @property
    def closing_volume(self) -> Quantity:
        """Return the shares traded in the closing auction."""
        if self.ended_by:
            return Quantity(0)
        return Quantity(self.natural.closing_volume)

    def price_at(self, second: int) -> Price:
        """Return the last price at a second of continuous trading."""
        pause = self.pause_at(second)
        return pause.price if pause else self._moving_price_at(second)

    def pause_at(self, second: int) -> Pause | None:
        """Return the pause that is in force at a second, or None."""
        if not self._may_stop:
            return None
        for pause in reversed(self.pauses_until(second)):
            if pause.start <= second < pause.end:
                return pause
        return None

    def pauses_until(self, second: int) -> list[Pause]:
        """Return the pauses that start by a second, in order. The list may include later ones."""
        self._search(min(second // _MINUTE, self.minutes - 1))
        return self._pauses

    def auction_after_pause(self, second: int) -> Quantity | None:
        """Return the shares of the auction that ends a pause in this second; None in any other second."""
        for pause in self._pauses:
            if pause.end == second < self.minutes * _MINUTE:
                held_up = sum(self._moving_volume_in(paused) for paused in range(pause.start, pause.end))
                return Quantity(max(1, held_up // 2))
        return None

    def _moving_price_at(self, second: int) -> Price:
        edit = self._edit_at(second)
        if edit is None or edit.price is None:
            return self.natural.price_at(second)
        second = min(second, max(self.minutes * _MINUTE, edit.second))
        exact: float = edit.price * (1 + edit.drift) ** ((second - edit.second) / _MINUTE)
        if edit.natural:
            exact *= self.natural.price_at(second) / self.natural.price_at(edit.second)
        return self.limits.nearest(exact)

    def bar(self, minute: int) -> MinuteBar:
        """Return the complete bar of a past or future minute."""
        if not self._may_stop and not self.edits:
            return self.natural.bars[minute]
        while len(self._bars) <= minute:
            self._bars.append(self._make_bar(len(self._bars)))
        return self._bars[minute]

    def totals_at(self, second: int) -> DayTotals:
        """Return open, range, volume and turnover from the open up to and including a second."""
        minute, inside = divmod(min(second, self.minutes * _MINUTE - 1), _MINUTE)
        high, low, volume, turnover = self._before(minute)
        partial = self._partial(minute, inside)
        high = max(high, partial.high) if minute else partial.high
        low = min(low, partial.low) if minute else partial.low
        turnover += partial.volume * _typical(partial)
        return DayTotals(self.price_at(0), Price(high), Price(low), Quantity(volume + partial.volume), Won(turnover))

    def volume_in(self, second: int) -> int:
        """Return the shares traded in one second."""
        if self.pause_at(second):
            return 0
        return self._moving_volume_in(second) + (self.auction_after_pause(second) or 0)

    def _moving_volume_in(self, second: int) -> int:
        minute, inside = divmod(second, _MINUTE)
        volume = self._moving_volume(minute)
        return volume * (inside + 1) // _MINUTE - volume * inside // _MINUTE

    def _moving_volume(self, minute: int) -> int:
        last = self._edit_at(minute * _MINUTE + _MINUTE - 1)
        volume = self.natural.bars[minute].volume
        return volume if last is None else int(volume * last.volume)

    def whole_day(self) -> DayTotals:
        """Return the day's totals including the closing auction."""
        totals = self.totals_at(self.minutes * _MINUTE - 1)
        close = self.close_price
        return DayTotals(
            totals.open_price,
            max(totals.high_price, close),
            min(totals.low_price, close),
            Quantity(totals.volume + self.closing_volume),
            Won(totals.turnover + self.closing_volume * close),
        )

    def summary(self) -> DaySummary:
        """Return the day's bar."""
        totals = self.whole_day()
        return DaySummary(
            totals.open_price, totals.high_price, totals.low_price, self.close_price, totals.volume, totals.turnover
        )

    def _edit_at(self, second: int) -> Edit | None:
        found = None
        for edit in self.edits:
            if edit.second > second:
                break
            found = edit
        return found

    def _make_bar(self, minute: int) -> MinuteBar:
        self._search(minute)
        start = minute * _MINUTE
        if self._holds_up(minute):
            return self._bar_of_seconds(minute, _MINUTE - 1)
        if self._is_natural(minute):
            return self.natural.bars[minute]
        prices = [self._moving_price_at(second) for second in range(start, start + _MINUTE)]
        return MinuteBar(prices[0], max(prices), min(prices), prices[-1], self._moving_volume(minute))

    def _partial(self, minute: int, inside: int) -> MinuteBar:
        bar = self.bar(minute)
        if inside == _MINUTE - 1:
            return bar
        if self._holds_up(minute):
            return self._bar_of_seconds(minute, inside)
        if not self.edits:
            return self.natural.begun_bar(minute, inside)
        prices = [self._moving_price_at(minute * _MINUTE + second) for second in range(inside + 1)]
        volume = bar.volume * (inside + 1) // _MINUTE
        return MinuteBar(prices[0], max(prices), min(prices), prices[-1], volume)

    def _bar_of_seconds(self, minute: int, inside: int) -> MinuteBar:
        seconds = range(minute * _MINUTE, minute * _MINUTE + inside + 1)
        prices = [self.price_at(second) for second in seconds]
        volume = sum(self.volume_in(second) for second in seconds)
        return MinuteBar(prices[0], max(prices), min(prices), prices[-1], volume)

    def _is_natural(self, minute: int) -> bool:
        last = self._edit_at(minute * _MINUTE + _MINUTE - 1)
        return last is None or (last.price is None and last.second <= minute * _MINUTE)

    def _holds_up(self, minute: int) -> bool:
        start, end = minute * _MINUTE, minute * _MINUTE + _MINUTE
        return any(pause.start < end and pause.end >= start for pause in self._pauses)

    def _search(self, minute: int) -> None:
        """Find the pauses of all minutes up to one. Results are final."""
        while self._may_stop and self._rule and self._searched_minutes <= minute:
            if self._may_pause(self._searched_minutes):
                start = self._searched_minutes * _MINUTE
                for second in range(start, start + _MINUTE):
                    self._look_for_pause(second)
            elif not self._searched_minutes:
                self._reference = self._moving_price_at(0)
            self._searched_minutes += 1

    def _may_pause(self, minute: int) -> bool:
        """Return whether the seconds of a minute need a search. Most minutes need none."""
        start, end = minute * _MINUTE, minute * _MINUTE + _MINUTE
        if any(start <= second < end for second in self._breakers):
            return True
        if self._pauses and self._pauses[-1].end >= start:
            return True
        if any(edit.vi and edit.second < end for edit in self.edits):
            return True
        if self._rule is None or not self._rule.automatic or not self._is_natural(minute):
            return False
        bar = self.natural.bars[minute]
        lower, upper = self._rule.bounds(self._reference)
        sudden = (bar.high - bar.low) * 100 >= bar.low * self._rule.jump_percent
        return sudden or not lower < bar.low <= bar.high < upper or not minute

    def _look_for_pause(self, second: int) -> None:
        rule = self._rule
        if rule is None:
            return
        running = self._pauses[-1] if self._pauses and self._pauses[-1].end > second else None
        breaker = self._breakers.get(second)
        if breaker:
            price = running.price if running else self._moving_price_at(max(second - 1, 0))
            if running:
                self._pauses[-1] = running._replace(end=second)
            self._pauses.append(breaker.pause(price))
        elif not running:
            self._check_price(rule, second)

    def _check_price(self, rule: InterruptionRule, second: int) -> None:
        price = self._moving_price_at(second)
        if self._pauses and self._pauses[-1].end == second:
            self._reference = price
            return
        last = rule.base if not second else self._moving_price_at(second - 1)
        pause = rule.interruption(second, price, last, self._reference) if self._counts(rule, second) else None
        if pause:
            self._pauses.append(pause._replace(end=min(pause.end, self.minutes * _MINUTE)))
        elif not second:
            self._reference = price

    def _counts(self, rule: InterruptionRule, second: int) -> bool:
        """Return whether a second's price may interrupt trading. Forced prices do so only with ``vi``."""
        edit = self._edit_at(second)
        if edit is None or edit.price is None:
            return rule.automatic and (edit is None or edit.second != second)
        return edit.vi

    def _before(self, minute: int) -> tuple[int, int, int, int]:
        """Return high, low, volume and turnover of all minutes before one."""
        while len(self._running) < minute:
            bar = self.bar(len(self._running))
            high, low, volume, turnover = self._running[-1] if self._running else (bar.high, bar.low, 0, 0)
            self._running.append(
                (max(high, bar.high), min(low, bar.low), volume + bar.volume, turnover + bar.volume * _typical(bar))
            )
        return self._running[minute - 1] if minute else (0, 0, 0, 0)


def _typical(bar: MinuteBar) -> int:
    return (bar.open + bar.high + bar.low + bar.close) // 4
