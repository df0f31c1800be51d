"""A trade cycle with its process killed at every crossing, times every answer to every order request.

``HARU_MATRIX=full`` (or ``make matrix``) plays all of them, or with ``HARU_MATRIX_EVERY=5`` each fifth. Otherwise each
plot plays every second crossing of the affected order, and a seeded sample of the others. A turn of CI plays every
third plot; of two that follow one another in it, the next plays the other crossings.
"""

import random
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.matrix import IS_WHOLE, played_of
from tests.trials.clockwork.town import Town
from tests.trials.crash_points.day import play
from tests.trials.crash_points.deaths import broken_by_deaths
from tests.trials.crash_points.market import ACCEPTED, PLOTS, SERVER_ERROR, Plot
from tests.trials.crash_points.reckoning import wrong_with
from tests.trials.crash_points.tally import Tally, a_tally

_SENDS: Final = ("enter_position", "finish_sale", "submit_order", "cancel_order", "resolve_order")
_TRACK: Final = 12
"""Number of crossings from the sending of an order until its answer is processed."""
_WATCH_SENDS: Final = "watch_market: before update stock_locks+insert orders"
_SAMPLE: Final = 2
_PATHS: Final = {"entry": "order-cash", "exit": "order-cash", "cancel": "order-rvsecncl", "second cancel": "rvsecncl"}


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    yield from a_tally("plots")


@pytest.mark.slow
@pytest.mark.in_turn(3, lambda plot: (plot.worked, plot.request))
@pytest.mark.timeout(1800 if IS_WHOLE else 300)
@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
async def test_a_process_may_die_at_any_crossing(town: Town, tally: Tally, plot: Plot) -> None:
    undisturbed = await play(town, plot)
    assert wrong_with(undisturbed) == []
    assert undisturbed.faults_hit == bool(plot.answer.fault)
    crossings = undisturbed.crossings

    chosen = _chosen(plot, crossings)
    broken = await broken_by_deaths(lambda ends_at: play(town, plot, ends_at), wrong_with, crossings, chosen)

    tally.add(plot.name, crossings=len(crossings), cases=len(chosen), broken=len(broken))
    assert broken == {}


def _chosen(plot: Plot, crossings: list[str]) -> list[int]:
    """Return the crossings at which the process dies, counted from 1."""
    if IS_WHOLE:
        return list(played_of(len(crossings), plot.name))
    on_the_way = set() if plot.answer is SERVER_ERROR else _on_the_way(plot, crossings)
    sample = random.Random(plot.name).sample(range(1, len(crossings) + 1), _SAMPLE)
    return sorted({*sorted(on_the_way)[PLOTS.index(plot) // 3 % 2 :: 2], *sample})


def _on_the_way(plot: Plot, crossings: list[str]) -> set[int]:
    sends = {at for at, crossing in enumerate(crossings, 1) if crossing.startswith(_SENDS)} | _of_the_watch(crossings)
    if plot.answer is ACCEPTED:
        return sends
    posts = [at for at in sends if crossings[at - 1].endswith(_PATHS[plot.request]) and ": before" in crossings[at - 1]]
    posts.sort()
    sets_out = posts[1 if plot.request in ("exit", "second cancel") else 0] - 2
    return {at for at in sends if sets_out <= at < sets_out + _TRACK}


def _of_the_watch(crossings: list[str]) -> set[int]:
    """Return the crossings of a watch from the intent of the first sale to its hand-over."""
    begins = next((at for at, crossing in enumerate(crossings, 1) if crossing.startswith(_WATCH_SENDS)), None)
    if begins is None:
        return set()
    return {at for at, each in enumerate(crossings, 1) if at >= begins - 2 and each.startswith("watch_market")}
