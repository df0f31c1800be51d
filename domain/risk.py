"""The review before every buy: what has been lost and done today against what the rules allow."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Quantity, Won


class Denial(StrEnum):
    """Why we ourselves do not buy."""

    KILL_SWITCH_ON = "KILL_SWITCH_ON"
    ENTRIES_CLOSED = "ENTRIES_CLOSED"
    OUTSIDE_ENTRY_HOURS = "OUTSIDE_ENTRY_HOURS"
    WORKER_LOSS_LIMIT_REACHED = "WORKER_LOSS_LIMIT_REACHED"
    FLEET_LOSS_LIMIT_REACHED = "FLEET_LOSS_LIMIT_REACHED"
    TRADE_COUNT_REACHED = "TRADE_COUNT_REACHED"
    COOLING_DOWN = "COOLING_DOWN"
    SYMBOL_COOLING_DOWN = "SYMBOL_COOLING_DOWN"
    CAPITAL_EXCEEDED = "CAPITAL_EXCEEDED"
    LEASE_LOST = "LEASE_LOST"


@dataclass(frozen=True, slots=True)
class RiskSnapshot:
    """What the ledger knows of an account and one worker in a session. PnL is net, in won; market time (UTC)."""

    account_id: AccountId
    worker_id: WorkerId
    kill_switch_on: bool
    entries_closed_because: str
    worker_pnl: Won
    fleet_pnl: Won
    worker_trades: int
    last_loss_at: datetime | None
    symbols_cooling_down: frozenset[Symbol] = frozenset()


@dataclass(frozen=True, slots=True)
class EntryProposal:
    """A buy that wants approval: amount in won, at a market instant (UTC)."""

    symbol: Symbol
    quantity: Quantity
    amount: Won
    at: datetime


@dataclass(frozen=True, slots=True)
class Approved:
    """The buy may be sent."""

    kind: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class Denied:
    """The buy may not be sent; ``detail`` carries the numbers."""

    denial: Denial
    detail: str
    kind: Literal["denied"] = "denied"


Review = Approved | Denied
