"""Requests and signals between a trading worker, the market watch and its workflow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.exits import ExitSignal
from domain.identity import AccountId, IntentId, PositionId
from domain.lock import Lease
from domain.market import Symbol
from domain.rules import TradingRules
from domain.screening import Candidate
from domain.session import Session
from domain.watch import SCANS

EXIT_MESSAGE: Final = "exit"
"""Name of the trading worker's signal handler; both sides import it."""
OFFER_MESSAGE: Final = "offer"
"""Name of the trading worker's handler for offers."""
HELD_MESSAGE: Final = "held"
"""Name of the market watch's signal handler."""
MARKET_WATCH: Final = "MarketWatchWorkflow"
"""Name of the workflow type; the activity that stores the first position of a shard starts it."""
SCANS_NAME: Final = "scans"
"""How the id of the scans' watch ends."""
MOST_IN_A_SHARD: Final = 100
"""Positions of one activity. Its attempt costs the server a heartbeat a second, whatever the number."""


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A shard of an account's held positions, or with the number ``SCANS`` the scans of its workers."""

    account_id: AccountId
    shard: int

    @property
    def title(self) -> str:
        """Return what is watched, for display."""
        return SCANS_NAME if self.shard == SCANS else f"shard {self.shard}"


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """End of the watch on a position: why to sell it, or None when another holder has its lease."""

    position_id: PositionId
    signal: ExitSignal | None = None
    fencing_token: int | None = None
    """The lease under which it was watched. A worker that holds the stock under another one has not lost that."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a scan has found for a waiting worker: a hint, which the worker checks again under its own lock."""

    scan_id: str
    """The wait that it answers; an offer for another one has no effect."""
    scanned_at: datetime
    """Market time."""
    candidates: tuple[Candidate, ...] = ()
    orphan: Symbol | None = None


def market_watch_id(request: ShardRequest) -> str:
    """Return the workflow id of a shard's watch."""
    name = SCANS_NAME if request.shard == SCANS else request.shard
    return f"market-watch/{request.account_id}/{name}"


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """Id of the sale's first order, the same for every attempt, and the session whose ladder prices it."""

    intent_id: IntentId
    session: Session


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """Position to watch, its lease, and the market instant at which it must be sold anyway."""

    position_id: PositionId
    symbol: Symbol
    lease: Lease
    rules: TradingRules
    deadline: datetime
    first: FirstOrder | None = None
    """The order that the watch sends when a rule fires. None, as in earlier histories: it only returns its signal."""
