"""The right to act on a symbol: a lease with a fencing token that rises with each acquisition."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Symbol

LEASE_DURATION: Final = timedelta(seconds=30)
"""Real time. Longer than the broker's HTTP time-out (8 s) plus the settle time of a lost order."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A symbol's lock as its holder knows it. Instants are real time (UTC, the database's clock)."""

    account_id: AccountId
    symbol: Symbol
    worker_id: WorkerId
    fencing_token: int
    acquired_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EntryAttempt:
    """An attempt to decide a buy, counted from one. A later one of the same intent shuts it out."""

    intent_id: IntentId
    number: int


@dataclass(frozen=True, slots=True)
class LockHeld:
    """Another worker holds the symbol until a real instant (UTC), unless it renews."""

    owner: WorkerId
    expires_at: datetime
    kind: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class OrphanFound:
    """No lease is live, but another worker has a position or order there: adopt all or nothing."""

    owner: WorkerId
    position_id: PositionId | None
    kind: Literal["orphan"] = "orphan"
