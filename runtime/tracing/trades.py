"""Which trade an activity belongs to, and the ids of its trace. Without I/O, so that a workflow may ask."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from activities.entries import NoEntry
from activities.joined import Entered, Finished
from activities.settling import TradeResult
from domain.identity import PositionId

_NAMED: Final = b"haru trade\n"

POSITIONS: Final[Mapping[str, Callable[[Any], str]]] = {
    "enter_position": lambda request: request.entry.intent_id,
    "prepare_entry": lambda request: request.intent_id,
    "begin_watch": lambda request: request.position_id,
    "prepare_exit": lambda request: request.position_id,
    "finish_sale": lambda request: request.close.position_id,
    "close_position": lambda request: request.position_id,
    "abandon_entry": lambda request: request.position_id,
    "seize_position": lambda position_id: position_id,
}
"""Activities whose request names the trade. A position is named after the intent that opens it."""
ENTRIES: Final = frozenset({"enter_position", "prepare_entry"})
"""Activities that begin a trade."""
ORDERS: Final = frozenset({"submit_order", "follow_order", "resolve_order", "cancel_order"})
"""Activities that name an order only: it belongs to the trade of the task that schedules them."""
OF_NO_TRADE: Final = frozenset({"watch_position", "await_turn"})
"""Activities of one position that wait for hours. Their statements would fill its trace."""


def trace_id_of(position_id: PositionId) -> int:
    """Return the trace id of a trade. Every process and every replay computes the same one."""
    return int.from_bytes(_digest(position_id)[:16]) or 1


def root_id_of(position_id: PositionId) -> int:
    """Return the id of the trade's first span, which the spans of all processes have as parent."""
    return int.from_bytes(_digest(position_id)[16:24]) or 1


def position_of(activity: str, arguments: tuple[Any, ...] | list[Any]) -> PositionId | None:
    """Return the position that the request of an activity names."""
    named = POSITIONS.get(activity)
    return None if named is None or not arguments else PositionId(named(arguments[0]))


def outcome_of(activity: str, result: object) -> str | None:
    """Return how the trade ended with this result of an activity; None if it goes on."""
    if activity == "abandon_entry":
        return "not bought"
    if isinstance(result, Entered):
        result = result.decision
    if isinstance(result, Finished):
        result = result.closed
    if isinstance(result, NoEntry):
        return "no entry"
    return "settled" if isinstance(result, TradeResult) else None


def _digest(position_id: PositionId) -> bytes:
    return sha256(_NAMED + position_id.encode()).digest()
