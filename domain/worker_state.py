"""The states of a trading worker, and the value passed from one of its runs to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.clock import LIVE_CLOCK, MarketClock
from domain.errors import InvalidTransitionError
from domain.identity import AccountId, WorkerId
from domain.money import NO_WON, Won
from domain.rules import TradingRules
from domain.session import SessionDate


class WorkerState(StrEnum):
    """What a trading worker is doing; shown in the Web UI, by query and in the ``workers`` table."""

    IDLE = "idle"  # → scanning, holding, exiting
    SCANNING = "scanning"  # → holding, exiting, idle
    HOLDING = "holding"  # → scanning, exiting
    EXITING = "exiting"  # → scanning, idle


class WorkerEvent(StrEnum):
    """What can happen to a trading worker."""

    OPEN_SESSION = "open_session"
    FIND_POSITION = "find_position"
    FILL_ENTRY = "fill_entry"
    BEGIN_EXIT = "begin_exit"
    FILL_EXIT = "fill_exit"
    WIND_DOWN = "wind_down"
    END_SESSION = "end_session"


_S, _E = WorkerState, WorkerEvent
TRANSITIONS: Final[Mapping[tuple[WorkerState, WorkerEvent], WorkerState]] = MappingProxyType(
    {
        (_S.IDLE, _E.OPEN_SESSION): _S.SCANNING,
        (_S.IDLE, _E.FIND_POSITION): _S.HOLDING,
        (_S.IDLE, _E.WIND_DOWN): _S.EXITING,
        (_S.SCANNING, _E.FILL_ENTRY): _S.HOLDING,
        (_S.SCANNING, _E.WIND_DOWN): _S.EXITING,
        (_S.SCANNING, _E.END_SESSION): _S.IDLE,
        (_S.HOLDING, _E.BEGIN_EXIT): _S.EXITING,
        (_S.HOLDING, _E.WIND_DOWN): _S.EXITING,
        # Another party may sell our shares.
        (_S.HOLDING, _E.FILL_EXIT): _S.SCANNING,
        (_S.EXITING, _E.FILL_EXIT): _S.SCANNING,
        # The close, a stop and the kill switch all reach a worker that is already selling.
        (_S.EXITING, _E.WIND_DOWN): _S.EXITING,
        # Flat, or carrying unsold shares that were reported; the next session starts by finding them.
        (_S.EXITING, _E.END_SESSION): _S.IDLE,
    }
)


_REACHABLE: Final = frozenset((state, target) for (state, _), target in TRANSITIONS.items())


def entered(state: WorkerState, target: WorkerState) -> WorkerState:
    """Return the target if one event leads there, or if the state is unchanged.

    Raises:
        InvalidTransitionError: no event leads from the state to the target.
    """
    if state is not target and (state, target) not in _REACHABLE:
        raise InvalidTransitionError(f"a worker that is {state} cannot become {target}")
    return target


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """One frozen value passed through continue-as-new: the worker's identity, its rules and its operator's commands."""

    account_id: AccountId
    worker_id: WorkerId
    rules: TradingRules
    clock: MarketClock = LIVE_CLOCK
    paused: bool = False
    stopping: bool = False
    closed_session: SessionDate | None = None
    """The session whose close has already been ordered: no entry may follow in it."""
    cycles: int = 0
    realised_pnl: Won = NO_WON
    """Net won since the worker was first started."""
    handled_commands: tuple[str, ...] = field(default=())
    """Ids of the latest operator commands, so that a repeated command is answered but not executed twice."""
