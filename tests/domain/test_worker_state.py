"""The states of a trading worker and the transitions between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidTransitionError
from domain.worker_state import TRANSITIONS, WorkerEvent, WorkerState, entered

SELLING = (WorkerState.HOLDING, WorkerState.EXITING)


def state_after(*events: WorkerEvent) -> WorkerState:
    state = WorkerState.IDLE
    for event in events:
        state = entered(state, TRANSITIONS[state, event])
    return state


def test_a_trade_leads_from_scanning_through_holding_back_to_scanning() -> None:
    state = state_after(WorkerEvent.OPEN_SESSION, WorkerEvent.FILL_ENTRY, WorkerEvent.BEGIN_EXIT, WorkerEvent.FILL_EXIT)

    assert state is WorkerState.SCANNING


def test_a_position_found_at_the_start_is_held_and_nothing_is_bought_first() -> None:
    assert state_after(WorkerEvent.FIND_POSITION) is WorkerState.HOLDING


@pytest.mark.parametrize("state", list(WorkerState))
def test_the_close_a_stop_or_the_kill_switch_reach_every_state(state: WorkerState) -> None:
    assert TRANSITIONS[state, WorkerEvent.WIND_DOWN] is WorkerState.EXITING


def test_after_winding_down_the_worker_sleeps() -> None:
    assert state_after(WorkerEvent.OPEN_SESSION, WorkerEvent.WIND_DOWN, WorkerEvent.END_SESSION) is WorkerState.IDLE


def test_a_foreign_sale_ends_holding_without_an_exit_of_ours() -> None:
    assert state_after(WorkerEvent.FIND_POSITION, WorkerEvent.FILL_EXIT) is WorkerState.SCANNING


def test_a_holding_worker_cannot_fall_asleep() -> None:
    with pytest.raises(InvalidTransitionError, match="holding cannot become idle"):
        entered(WorkerState.HOLDING, WorkerState.IDLE)


def test_a_selling_worker_cannot_hold_again() -> None:
    with pytest.raises(InvalidTransitionError):
        entered(WorkerState.EXITING, WorkerState.HOLDING)


@pytest.mark.parametrize("state", list(WorkerState))
def test_a_state_may_be_kept(state: WorkerState) -> None:
    assert entered(state, state) is state


@given(st.lists(st.sampled_from(WorkerEvent), max_size=20))
def test_an_entry_is_filled_only_while_scanning(events: list[WorkerEvent]) -> None:
    state = WorkerState.IDLE
    for event in events:
        if (state, event) in TRANSITIONS:
            assert event is not WorkerEvent.FILL_ENTRY or state is WorkerState.SCANNING
            assert event is not WorkerEvent.FILL_EXIT or state in SELLING
            state = TRANSITIONS[state, event]
