"""Two closes of one day at the same time, the second one started at each of the first one's steps (F40).

``HARU_MATRIX=full`` (or ``make matrix``) plays all of them, and some in which the process dies; otherwise a few.
"""

import random
from collections.abc import Iterator
from typing import Final

import pytest

from lab.runs import StuckError
from tests.support.matrix import EVERY, IS_WHOLE
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_day import Afternoon, Close, ClosedDay, play
from tests.trials.crash_points.closing_plots import CLOSING_PLOTS, ClosingPlot
from tests.trials.crash_points.closing_reckoning import wrong_with_close
from tests.trials.crash_points.tally import Tally, a_tally

_PLAYED: Final = ("three left, sold at once", "worked", "sale reply lost", "entry open, filled when cancelled")
_PLOTS: Final = tuple(plot for plot in CLOSING_PLOTS if plot.name in _PLAYED)
_FIRST, _SECOND = "market-close-scheduled", "market-close-by-hand"
_DEATHS: Final = 15
_LATEST_STEP: Final = 400


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("plots", "second closes")


def twice(after: int) -> Close:
    """Start a second close once the first one has made so many activity attempts."""

    async def close(afternoon: Afternoon) -> None:
        before = len(afternoon.host.attempts)
        afternoon.start_close(_FIRST)
        first = afternoon.clockwork.runs[_FIRST]
        await afternoon.until(lambda: len(afternoon.host.attempts) - before >= after or first.is_over)
        afternoon.steps = len(afternoon.host.attempts) - before
        afternoon.start_close(_SECOND)
        await afternoon.ends(_FIRST)
        await afternoon.ends(_SECOND)

    return close


@pytest.mark.parametrize("after", [0, 8, 14, 30])
async def test_two_closes_sell_each_share_once(town: Town, after: int) -> None:
    day = await play(town, _PLOTS[1], close=twice(after))

    assert wrong_with_close(day) == []


@pytest.mark.skipif(not IS_WHOLE, reason="make matrix")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("plot", _PLOTS, ids=lambda plot: plot.name)
async def test_a_second_close_may_begin_at_any_step_of_the_first(town: Town, tally: Tally, plot: ClosingPlot) -> None:
    broken: dict[str, list[str]] = {}
    chance = random.Random(plot.name)
    crossings = steps = 0
    for after in range(0, _LATEST_STEP, EVERY):
        day = await _played(town, plot, after, broken)
        if day is None:
            continue
        if day.steps < after:
            break
        crossings, steps = max(crossings, len(day.crossings)), after
    for _ in range(_DEATHS // EVERY):
        await _played(town, plot, chance.randrange(steps), broken, chance.randrange(1, crossings))

    tally.add(plot.name, crossings=crossings, cases=steps // EVERY + 1 + _DEATHS // EVERY, broken=len(broken))
    assert broken == {}


async def _played(
    town: Town, plot: ClosingPlot, after: int, broken: dict[str, list[str]], ends_at: int = 0
) -> ClosedDay | None:
    name = f"second after {after} steps" + f", death at {ends_at}" * bool(ends_at)
    try:
        day = await play(town, plot, ends_at, twice(after))
    except StuckError as stuck:
        broken[name] = [f"stuck: {stuck}"]
        return None
    if wrong := wrong_with_close(day):
        broken[name] = wrong
    return day
