"""A lease that its holder keeps while it acts."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from activities.pace import Every
from domain.errors import StaleFencingTokenError
from domain.identity import IntentId
from domain.lock import LEASE_DURATION, Lease

if TYPE_CHECKING:
    from activities.pace import Pace
    from database.locks import Locks

RENEWAL: Final = LEASE_DURATION / 3
"""Real time between two renewals."""


async def renew(locks: "Locks", lease: Lease, pause: timedelta = timedelta(0)) -> None:
    """Let the lease last its full time again, after a pause (real time) in which nobody will renew it.

    Raises:
        StaleFencingTokenError: another worker has the symbol now.
    """
    if await locks.renew(lease, LEASE_DURATION + pause) is None:
        raise StaleFencingTokenError(f"{lease.symbol} is held by another worker now")


class LeaseOfAnOrder:
    """Kept for as long as somebody sees to the order: others would take its shares for left alone, and wait as well."""

    def __init__(self, locks: "Locks", pace: "Pace", intent_id: IntentId, followers: Lease | None = None) -> None:
        self._locks = locks
        self._intent_id = intent_id
        self._followers = followers
        self._renewal = Every(pace, RENEWAL, RENEWAL)

    async def keep(self) -> None:
        """Let the lease last its full time again, if it is time: the follower's own, else the order's worker's."""
        if not self._renewal.is_due():
            return
        if self._followers is None or await self._locks.renew(self._followers) is None:
            await self._locks.keep_for(self._intent_id)
