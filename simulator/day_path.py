"""One stock's lived day: the natural path plus whatever the control API forced upon it."""

from typing import Final, NamedTuple

from domain.money import Price, Quantity, Won
from domain.tick_size import PriceLimits
from simulator.natural_day import MinuteBar, NaturalDay, nearest_on_grid

_MINUTE: Final = 60


class Edit(NamedTuple):
    """A change of the path from a second after the open on.

    ``price`` (won) None lets the natural path resume; ``drift`` is the relative change per minute; ``natural``
    keeps the natural path's relative moves on top; ``volume`` scales the shares traded.
    """

    second: int
    price: Price | None
    drift: float = 0.0
    natural: bool = False
    volume: float = 1.0


class DayTotals(NamedTuple):
    """What a day has seen up to a moment; all zero before the first trade."""

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

    def __init__(self, natural: NaturalDay, close_price: Price, edits: list[Edit]) -> None:
        self.natural = natural
        self.edits = sorted(edits, key=lambda edit: edit.second)
        self._natural_close = close_price
        self._bars: list[MinuteBar] = []
        self._running: list[tuple[int, int, int, int]] = []

    @property
    def minutes(self) -> int:
        """Return the length of continuous trading."""
        return len(self.natural.bars)

    @property
    def limits(self) -> PriceLimits:
        """Return the day's price limits."""
        return self.natural.limits

    @property
    def close_price(self) -> Price:
        """Return the closing auction's price."""
        if not self.edits or self.edits[-1].price is None:
            return self._natural_close
        return self.price_at(max(self.minutes * _MINUTE, self.edits[-1].second))

    @property
    def closing_volume(self) -> Quantity:
        """Return the shares traded in the closing auction."""
        return Quantity(max(1, sum(bar.volume for bar in self.natural.bars[-10:]) // 2))

    def price_at(self, second: int) -> Price:
        """Return the last price at a second of continuous trading."""
        edit = self._edit_at(second)
        if edit is None or edit.price is None:
            return self.natural.price_at(second)
        second = min(second, max(self.minutes * _MINUTE, edit.second))
        exact: float = edit.price * (1 + edit.drift) ** ((second - edit.second) / _MINUTE)
        if edit.natural:
            exact *= self.natural.price_at(second) / self.natural.price_at(edit.second)
        return nearest_on_grid(exact, self.limits)

    def bar(self, minute: int) -> MinuteBar:
        """Return the whole bar of a minute, lived or still to come."""
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
        minute, inside = divmod(second, _MINUTE)
        volume = self.bar(minute).volume
        return volume * (inside + 1) // _MINUTE - volume * inside // _MINUTE

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
        natural = self.natural.bars[minute]
        start, end = minute * _MINUTE, minute * _MINUTE + _MINUTE - 1
        last = self._edit_at(end)
        if last is None:
            return natural
        if last.price is None and last.second <= start:
            return natural
        prices = [self.price_at(second) for second in range(start, end + 1)]
        volume = int(natural.volume * last.volume)
        return MinuteBar(prices[0], max(prices), min(prices), prices[-1], volume)

    def _partial(self, minute: int, inside: int) -> MinuteBar:
        bar = self.bar(minute)
        if inside == _MINUTE - 1:
            return bar
        if not self.edits:
            return self.natural.begun_bar(minute, inside)
        prices = [self.price_at(minute * _MINUTE + second) for second in range(inside + 1)]
        volume = bar.volume * (inside + 1) // _MINUTE
        return MinuteBar(prices[0], max(prices), min(prices), prices[-1], volume)

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
