"""Lines on a chart of minute bars. Pure functions of the bars; a value belongs to the end of its minute."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate

from domain.bar import MinuteBar
from domain.rules import ExitRules


def vwap(bars: Sequence[MinuteBar]) -> list[float]:
    """Return the session's average price, weighted by volume: each bar counts with (high + low + close) / 3.

    Before the first volume it is the close.
    """
    volumes = accumulate(bar.volume for bar in bars)
    values = accumulate(bar.volume * (bar.high + bar.low + bar.close) for bar in bars)
    return [
        value / (3 * volume) if volume else float(bar.close)
        for bar, value, volume in zip(bars, values, volumes, strict=True)
    ]


def moving_average(bars: Sequence[MinuteBar], window: int) -> list[float]:
    """Return the mean close of the last ``window`` bars; of the first bars, the mean of those that there are."""
    sums = [0, *accumulate(bar.close for bar in bars)]
    return [(sums[place + 1] - sums[max(0, place + 1 - window)]) / min(place + 1, window) for place in range(len(bars))]


def stop_price(entry: Decimal, rules: ExitRules) -> Decimal | None:
    """Return the price at or below which the stop-loss sells; None if it is off."""
    return entry * (1 - rules.stop_loss) if rules.stop_loss else None


def target_price(entry: Decimal, rules: ExitRules) -> Decimal | None:
    """Return the price at or above which take-profit sells; None if it is off."""
    return entry * (1 + rules.take_profit) if rules.take_profit else None


def trailing_steps(held: Sequence[MinuteBar], entry: Decimal, rules: ExitRules) -> list[tuple[int, Decimal]]:
    """Return the trailing stop as steps: from a minute on, a price. Empty while it is not armed, or off.

    ``held`` are the whole minutes between entry and exit. The high of a minute raises the line from the next one on.
    """
    best, steps = entry, list[tuple[int, Decimal]]()
    if not (rules.trailing_start and rules.trailing_distance):
        return steps
    for bar in held:
        if bar.high > best:
            best = Decimal(bar.high)
            if best >= entry * (1 + rules.trailing_start):
                steps.append((bar.minute + 1, best * (1 - rules.trailing_distance)))
    return steps
