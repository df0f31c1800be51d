"""The states of a trading worker and the transitions between them."""

from itertools import pairwise

import pytest

from domain.errors import InvalidTransitionError
from domain.worker_state import WorkerState, entered

IDLE, SCANNING, HOLDING, EXITING = WorkerState


@pytest.mark.parametrize(
    "states",
    [
        pytest.param((IDLE, SCANNING, HOLDING, EXITING, SCANNING), id="a trade"),
        pytest.param((IDLE, HOLDING, EXITING, IDLE), id="a position found at the start"),
        pytest.param((HOLDING, SCANNING), id="shares sold by another party"),
        pytest.param((SCANNING, EXITING, IDLE), id="a day that ends without a position"),
    ],
)
def test_a_worker_passes_through(states: tuple[WorkerState, ...]) -> None:
    for before, after in pairwise(states):
        assert entered(before, after) is after


@pytest.mark.parametrize("state", list(WorkerState))
def test_the_close_a_stop_or_the_kill_switch_reach_every_state(state: WorkerState) -> None:
    assert entered(state, EXITING) is EXITING


def test_a_holding_worker_cannot_fall_asleep() -> None:
    with pytest.raises(InvalidTransitionError, match="holding cannot become idle"):
        entered(HOLDING, IDLE)


def test_a_selling_worker_cannot_hold_again() -> None:
    with pytest.raises(InvalidTransitionError):
        entered(EXITING, HOLDING)


@pytest.mark.parametrize("state", list(WorkerState))
def test_a_state_may_be_kept(state: WorkerState) -> None:
    assert entered(state, state) is state
