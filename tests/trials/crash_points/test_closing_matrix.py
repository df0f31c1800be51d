"""A close that must sell by itself, with its process killed at every crossing.

``HARU_MATRIX=full`` (or ``make matrix``) plays all of them, or with ``HARU_MATRIX_EVERY=5`` each fifth. Otherwise each
plot is played once, with the one death that it names; a turn of CI plays every third plot.
"""

from collections.abc import Iterator

import pytest

from tests.support.matrix import IS_WHOLE, played_of
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.closing_day import play
from tests.trials.crash_points.closing_plots import CLOSING_PLOTS, ClosingPlot
from tests.trials.crash_points.closing_reckoning import wrong_with_close
from tests.trials.crash_points.deaths import broken_by_deaths
from tests.trials.crash_points.tally import Tally, a_tally


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("closes")


@pytest.mark.skipif(IS_WHOLE, reason="every death is played below")
@pytest.mark.in_turn(3, lambda plot: (plot.left, bool(plot.opening), bool(plot.fault)))
@pytest.mark.parametrize("plot", CLOSING_PLOTS, ids=lambda plot: plot.name)
async def test_a_close_whose_process_dies_ends_the_day_flat(town: Town, plot: ClosingPlot) -> None:
    day = await play(town, plot, plot.dies)

    assert day.crossings[-1] == plot.dies
    assert day.faults_hit == bool(plot.fault)
    assert wrong_with_close(day) == []


@pytest.mark.skipif(not IS_WHOLE, reason="make matrix")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("plot", CLOSING_PLOTS, ids=lambda plot: plot.name)
async def test_a_close_may_die_at_any_crossing(town: Town, tally: Tally, plot: ClosingPlot) -> None:
    undisturbed = await play(town, plot)
    assert wrong_with_close(undisturbed) == []
    assert undisturbed.faults_hit == bool(plot.fault)

    crossings = undisturbed.crossings
    deaths = played_of(len(crossings), plot.name)
    broken = await broken_by_deaths(lambda ends_at: play(town, plot, ends_at), wrong_with_close, crossings, deaths)

    tally.add(plot.name, crossings=len(crossings), cases=len(deaths), broken=len(broken))
    assert broken == {}
