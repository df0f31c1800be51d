"""Values of the market watch: what a worker wants watched, and what the watch has seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.identity import AccountId, PositionId, WorkerId
from domain.lock import Lease
from domain.market import Symbol
from domain.money import Price

SCANS: Final = -1
"""Number of the shard in which the scans of an account's workers are watched."""


@dataclass(frozen=True, slots=True)
class WatchWish:
    """A position that a worker wants watched under its lease; ``request`` is the worker's request as JSON."""

    lease: Lease
    position_id: PositionId
    workflow_id: str
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A stored wish. ``asked_at`` is its version: it changes with each wish."""

    account_id: AccountId
    worker_id: WorkerId
    position_id: PositionId
    symbol: Symbol
    fencing_token: int
    workflow_id: str
    request: dict[str, Any]
    asked_at: datetime
    is_sent: bool = False
    """Whether the first order of its sale is recorded: an attempt that has ended since sent it, or was about to."""


@dataclass(frozen=True, slots=True)
class ScanWish:
    """A worker that waits for an offer of candidates; ``request`` is the worker's request as JSON."""

    account_id: AccountId
    worker_id: WorkerId
    scan_id: str
    """The wait that an offer answers."""
    workflow_id: str
    run_id: str
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScanRow(ScanWish):
    """A stored wish. ``asked_at`` is since when the worker waits (real time)."""

    asked_at: datetime


@dataclass(frozen=True, slots=True)
class PriceMark:
    """The last and best price (won) of a held position, observed at a market instant."""

    position_id: PositionId
    last_price: Price
    high_water_mark: Price
    at: datetime
