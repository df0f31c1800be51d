"""The joined steps, their process killed at each of their crossings, times every answer to every order request.

``HARU_MATRIX=full`` (or ``make matrix``) plays all of them, with ``HARU_MATRIX_EVERY=5`` each fifth. Otherwise each
plot plays a few, and all plots together each crossing of the straight trade at least once.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.matrix import IS_WHOLE, played_of
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.day import play
from tests.trials.crash_points.deaths import broken_by_deaths
from tests.trials.crash_points.joined_crossings import NAMES, ROWS, joined_at
from tests.trials.crash_points.market import PLOTS, Plot
from tests.trials.crash_points.reckoning import wrong_with
from tests.trials.crash_points.tally import Tally, a_tally

_STRAIGHT: Final = PLOTS[0]
_EACH: Final = 12
"""Without ``HARU_MATRIX`` each plot plays every so-many-th crossing, and each begins at another one."""


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("plots", "deaths in joined steps")


async def test_every_crossing_of_a_straight_trade_has_its_row(town: Town) -> None:
    crossings = joined_at((await play(town, _STRAIGHT)).crossings)

    assert list(crossings.values()) == [name for row in ROWS for name in row.crossings]


@pytest.mark.slow
@pytest.mark.in_turn(3, lambda plot: (plot.worked, plot.request))
@pytest.mark.timeout(1800 if IS_WHOLE else 300)
@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
async def test_a_process_may_die_at_any_crossing_of_a_joined_step(town: Town, tally: Tally, plot: Plot) -> None:
    undisturbed = await play(town, plot)
    assert wrong_with(undisturbed) == []
    joined = joined_at(undisturbed.crossings)
    assert set(joined.values()) <= NAMES, "add the missing rows to joined_crossings.ROWS"

    numbers = sorted(joined)
    all_of_them = [numbers[case - 1] for case in played_of(len(numbers), plot.name)]
    chosen = all_of_them if IS_WHOLE else numbers[PLOTS.index(plot) % _EACH :: _EACH]
    broken = await broken_by_deaths(
        lambda ends_at: play(town, plot, ends_at), wrong_with, undisturbed.crossings, chosen
    )

    tally.add(plot.name, crossings=len(joined), cases=len(chosen), broken=len(broken))
    assert broken == {}
