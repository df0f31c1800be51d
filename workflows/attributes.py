"""Workflow data that the Web UI lists and filters: search attributes, which Temporal stores as plain text.

So none of them names a stock, a price or an amount: these are in encrypted payloads only.
"""

from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from domain.identity import WorkerId
from domain.position import ExitReason
from domain.worker_state import WorkerState

WORKER_NAME: Final = SearchAttributeKey.for_keyword("WorkerName")
TRADE_STATE: Final = SearchAttributeKey.for_keyword("TradeState")
EXIT_REASON: Final = SearchAttributeKey.for_keyword("ExitReason")

ALL: Final = (WORKER_NAME, TRADE_STATE, EXIT_REASON)


def at_start(worker_id: WorkerId) -> TypedSearchAttributes:
    """Return a run's initial attributes: its worker and the idle state, without the previous trade."""
    return TypedSearchAttributes(
        [SearchAttributePair(WORKER_NAME, str(worker_id)), SearchAttributePair(TRADE_STATE, WorkerState.IDLE.value)]
    )


def show_state(state: WorkerState, ended_by: ExitReason | None = None) -> None:
    """Publish the state, and in the same event why the run's trade ended."""
    updates: list[SearchAttributeUpdate[str]] = [TRADE_STATE.value_set(state.value)]
    if ended_by is not None:
        updates.append(EXIT_REASON.value_set(ended_by.value))
    workflow.upsert_search_attributes(updates)


def show_result(reason: ExitReason) -> None:
    """Publish how the run's trade ended."""
    workflow.upsert_search_attributes([EXIT_REASON.value_set(reason.value)])
