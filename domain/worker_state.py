"""The states of a trading worker, and the value passed from one of its runs to the next."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.clock import LIVE_CLOCK, MarketClock
from domain.errors import InvalidTransitionError
from domain.identity import AccountId, WorkerId
from domain.money import NO_WON, Won
from domain.rules import TradingRules
from domain.session import SessionDate


class WorkerState(StrEnum):
    """What a trading worker is doing; shown in the Web UI, by query and in the ``workers`` table."""

    IDLE = "idle"
    SCANNING = "scanning"
    HOLDING = "holding"
    EXITING = "exiting"


_S: Final = WorkerState
_REACHABLE: Final = frozenset(
    {
        (_S.IDLE, _S.SCANNING),
        (_S.IDLE, _S.HOLDING),
        (_S.IDLE, _S.EXITING),
        (_S.SCANNING, _S.HOLDING),
        (_S.SCANNING, _S.EXITING),
        (_S.SCANNING, _S.IDLE),
        (_S.HOLDING, _S.EXITING),
        # Another party may sell our shares.
        (_S.HOLDING, _S.SCANNING),
        (_S.EXITING, _S.SCANNING),
        # Flat, or carrying unsold shares that were reported; the next session starts by finding them.
        (_S.EXITING, _S.IDLE),
    }
)


def entered(state: WorkerState, target: WorkerState) -> WorkerState:
    """Return the target if the state may become it, or is it already.

    Raises:
        InvalidTransitionError: the state cannot become the target.
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
