"""The right to act on a symbol: a lease with a fencing token that rises with each acquisition."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.identity import AccountId, WorkerId
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

    def is_live_at(self, now: datetime) -> bool:
        """Tell whether the lease still holds at a real instant."""
        return now < self.expires_at
