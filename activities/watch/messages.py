"""Requests and signals between a trading worker, the market watch and its workflow."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.exits import ExitSignal
from domain.identity import AccountId, IntentId, PositionId
from domain.lock import Lease
from domain.market import Symbol
from domain.rules import TradingRules
from domain.session import Session

EXIT_MESSAGE: Final = "exit"
"""Name of the trading worker's signal handler; both sides import it."""
HELD_MESSAGE: Final = "held"
"""Name of the market watch's signal handler."""
MARKET_WATCH: Final = "MarketWatchWorkflow"
"""Name of the workflow type; the activity that stores the first position of a shard starts it."""
MOST_IN_A_SHARD: Final = 100
"""Positions of one activity. Its attempt costs the server a heartbeat a second, whatever the number."""


@dataclass(frozen=True, slots=True)
class ShardRequest:
    """A shard of an account's held positions."""

    account_id: AccountId
    shard: int


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """End of the watch on a position: why to sell it, or None when another holder has its lease."""

    position_id: PositionId
    signal: ExitSignal | None = None
    fencing_token: int | None = None
    """The lease under which it was watched. A worker that holds the stock under another one has not lost that."""


def market_watch_id(request: ShardRequest) -> str:
    """Return the workflow id of a shard's watch."""
    return f"market-watch/{request.account_id}/{request.shard}"


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
