"""Every crossing of a close that must sell by itself, as the last one of its process.

``HARU_MATRIX=full`` (or ``make matrix``) plays all of them, or with ``HARU_MATRIX_EVERY=5`` each fifth. Otherwise each
plot is played once, with the one death that it names.
"""

import os
from collections.abc import Iterator
from typing import Final

import pytest

from tests.clockwork.town import Town
from tests.crash_points.closing_day import play
from tests.crash_points.closing_plots import CLOSING_PLOTS, ClosingPlot
from tests.crash_points.closing_reckoning import wrong_with_close
from tests.crash_points.deaths import IS_WHOLE, broken_by_deaths
from tests.crash_points.tally import Tally, a_tally

_EVERY: Final = int(os.environ.get("HARU_MATRIX_EVERY", "1"))


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("closes")


@pytest.mark.skipif(IS_WHOLE, reason="every death is played below")
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
    deaths = range(1 + len(plot.name) % _EVERY, len(crossings) + 1, _EVERY)
    broken = await broken_by_deaths(lambda ends_at: play(town, plot, ends_at), wrong_with_close, crossings, deaths)

    tally.add(plot.name, crossings=len(crossings), cases=len(deaths), broken=len(broken))
    assert broken == {}
