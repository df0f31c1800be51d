"""Workflow data that the Web UI lists and filters: search attributes and the state."""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from domain.identity import WorkerId
from domain.position import ExitReason
from domain.worker_state import WorkerState

WORKER_NAME: Final = SearchAttributeKey.for_keyword("WorkerName")
TRADE_STATE: Final = SearchAttributeKey.for_keyword("TradeState")
TRADE_SYMBOL: Final = SearchAttributeKey.for_keyword("TradeSymbol")
EXIT_REASON: Final = SearchAttributeKey.for_keyword("ExitReason")
TRADE_PNL: Final = SearchAttributeKey.for_int("TradePnl")
"""Net won of the run's trade."""

ALL: Final = (WORKER_NAME, TRADE_STATE, TRADE_SYMBOL, EXIT_REASON, TRADE_PNL)


def at_start(worker_id: WorkerId) -> TypedSearchAttributes:
    """Return a run's initial attributes: its worker and the idle state, without the previous trade."""
    return TypedSearchAttributes(
        [SearchAttributePair(WORKER_NAME, str(worker_id)), SearchAttributePair(TRADE_STATE, WorkerState.IDLE.value)]
    )


def show_state(state: WorkerState, symbol: str | None = None, result: tuple[ExitReason, int] | None = None) -> None:
    """Publish the state, the symbol once there is one, and how the run's trade ended, in one event."""
    updates: list[SearchAttributeUpdate[Any]] = [TRADE_STATE.value_set(state.value)]
    if symbol is not None:
        updates.append(TRADE_SYMBOL.value_set(symbol))
    if result is not None:
        updates.extend(_of_result(*result))
    workflow.upsert_search_attributes(updates)


def show_result(reason: ExitReason, net_pnl: int) -> None:
    """Publish how the run's trade ended."""
    workflow.upsert_search_attributes(_of_result(reason, net_pnl))


def _of_result(reason: ExitReason, net_pnl: int) -> list[SearchAttributeUpdate[Any]]:
    return [EXIT_REASON.value_set(reason.value), TRADE_PNL.value_set(net_pnl)]
