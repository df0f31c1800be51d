"""The states of a trading worker, and what crosses from one of its runs to the next."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.clock import LIVE_CLOCK, MarketClock
from domain.identity import AccountId, WorkerId
from domain.money import NO_WON, Won
from domain.rules import TradingRules


class WorkerState(StrEnum):
    """What a trading worker is doing; shown in the Web UI, by query and in the ``workers`` table."""

    IDLE = "idle"
    SCANNING = "scanning"
    HOLDING = "holding"
    EXITING = "exiting"


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """One frozen value that crosses continue-as-new: who the worker is, its rules, and its operator's orders."""

    account_id: AccountId
    worker_id: WorkerId
    rules: TradingRules
    clock: MarketClock = LIVE_CLOCK
    paused: bool = False
    stopping: bool = False
    cycles: int = 0
    realised_pnl: Won = NO_WON
    """Net won since the worker was first started."""
    handled_commands: tuple[str, ...] = field(default=())
    """Ids of the latest operator commands, so that a repeated one is answered and not done twice."""
