"""Leases that are renewed in the background while their holder works."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from activities.support.pace import Every
from domain.errors import StaleFencingTokenError
from domain.identity import IntentId
from domain.lock import LEASE_DURATION, Lease

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.locks import Locks

logger = logging.getLogger("haru.leases")

RENEWAL: Final = LEASE_DURATION / 3
"""Real time between two renewals."""
_RENEWAL_BY_FOLLOWER: Final = timedelta(seconds=3)
"""Several fit into the time for which a watch hands a lease over (``HANDED_OVER_WITHIN``): it may do so repeatedly."""
_AGAIN_AFTER: Final = 1.0
"""Seconds until the retry of a failed renewal; several retries fit into a lease."""
_ANSWERS_WITHIN: Final = 2.0


async def renew(locks: "Locks", lease: Lease, pause: timedelta = timedelta(0)) -> None:
    """Extend the lease to its full duration, plus a pause (real time) without renewals.

    Raises:
        StaleFencingTokenError: another worker has the symbol now.
    """
    if await locks.renew(lease, LEASE_DURATION + pause) is None:
        raise StaleFencingTokenError(f"{lease.symbol} is held by another worker now")


class Beside:
    """Repeats a background task while the context lasts; each run returns the seconds until the next one."""

    def __init__(self, act: Callable[[], Awaitable[float]]) -> None:
        self._act = act
        self._task: asyncio.Task[None] | None = None

    async def begin(self, first_after: float) -> None:
        self._task = asyncio.create_task(self._repeat(first_after))

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _repeat(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            pause = await self._act()


class KeptLease:
    """Renews a lease in the background: ``async with KeptLease(…) as lease:``.

    The work calls ``lease.check()`` when ``bell`` is set. An unavailable or read-only database does not end a watch;
    only another holder of the lease does.
    """

    def __init__(self, locks: "Locks", lease: Lease, bell: asyncio.Event) -> None:
        self._locks = locks
        self._lease = lease
        self._bell = bell
        self._lost: StaleFencingTokenError | None = None
        self._renewing = Beside(self._renew)

    async def __aenter__(self) -> Self:
        """Renew at once.

        Raises:
            StaleFencingTokenError: another worker has the symbol now.
        """
        first = await self._renew()
        self.check()
        await self._renewing.begin(first)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._renewing.end()

    def check(self) -> None:
        """Raise if another worker is known to have the symbol.

        Raises:
            StaleFencingTokenError: another worker has it now.
        """
        if self._lost is not None:
            raise self._lost

    async def _renew(self) -> float:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                await renew(self._locks, self._lease)
        except StaleFencingTokenError as lost:
            self._lost = lost
            self._bell.set()
        except Exception as fault:  # noqa: BLE001 - retried soon, and a sale renews the lease itself
            extra = {"symbol": self._lease.symbol, "cause": f"{type(fault).__name__}: {fault}"}
            logger.warning("lease_not_renewed", extra=extra)
            return _AGAIN_AFTER
        return RENEWAL.total_seconds()


class LeaseOfAnOrder:
    """Renews the lease while an order is being followed, so no other worker treats its shares as orphaned.

    ``async with`` also renews during broker calls, which can outlast the lease: a list may have many pages.
    """

    def __init__(self, locks: "Locks", pace: "Pace", intent_id: IntentId, followers: Lease | None = None) -> None:
        self._locks = locks
        self._intent_id = intent_id
        self._followers = followers
        self._renewal = Every(pace, _RENEWAL_BY_FOLLOWER)
        self._keeping = Beside(self._keep_beside)

    async def __aenter__(self) -> Self:
        await self._keeping.begin(_AGAIN_AFTER)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._keeping.end()

    async def keep(self) -> None:
        """Renew the lease when due: the follower's own, else that of the order's worker."""
        if not self._renewal.is_due():
            return
        if self._followers is None or await self._locks.renew(self._followers) is None:
            await self._locks.keep_for(self._intent_id)

    async def _keep_beside(self) -> float:
        try:
            await self.keep()
        except Exception as fault:  # noqa: BLE001 - the work hits the same fault, and its attempt fails with it
            extra = {"intent_id": self._intent_id, "cause": f"{type(fault).__name__}: {fault}"}
            logger.warning("lease_not_renewed", extra=extra)
        return _AGAIN_AFTER
