"""Renewal of a shard and of its positions' leases, one statement a second, beside the loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Self

from activities.support.leases import Beside
from activities.watch.messages import ShardRequest
from domain.errors import TradingError
from domain.lock import Lease

if TYPE_CHECKING:
    from database.market_watches import MarketWatches

logger = logging.getLogger("haru.watch")

_EVERY: Final = 1.0
_ANSWERS_WITHIN: Final = 2.0


class ShardTakenError(TradingError):
    """A later attempt watches this shard."""


class ShardLeases:
    """Keeps the shard and the leases that ``held`` returns: ``async with ShardLeases(…) as leases:``.

    An unavailable database does not end a watch; only a later attempt does. ``bell`` is set when there is news.
    """

    def __init__(
        self,
        watches: "MarketWatches",
        request: ShardRequest,
        token: int,
        held: Callable[[], Sequence[Lease]],
        bell: asyncio.Event,
    ) -> None:
        self._watches = watches
        self._request = request
        self._token = token
        self._held = held
        self._bell = bell
        self._is_taken = False
        self._lost: frozenset[Lease] = frozenset()
        self._renewing = Beside(self._renew)

    async def __aenter__(self) -> Self:
        await self._renewing.begin(await self._renew())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._renewing.end()

    def lost(self) -> frozenset[Lease]:
        """Return the leases that have ended or have another holder, as of the last renewal.

        Raises:
            ShardTakenError: a later attempt has the shard.
        """
        if self._is_taken:
            raise ShardTakenError(f"shard {self._request.shard} has another watch")
        lost, self._lost = self._lost, frozenset()
        return lost

    async def _renew(self) -> float:
        about = (self._request.account_id, self._request.shard, self._token)
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                kept = await self._watches.keep(*about, self._held())
        except Exception as fault:  # noqa: BLE001 - retried in a second; 25 of these fit into a lease
            extra = {"shard": self._request.shard, "cause": f"{type(fault).__name__}: {fault}"}
            logger.warning("leases_not_renewed", extra=extra)
            return _EVERY
        if kept.lost or not kept.is_ours:
            self._is_taken, self._lost = not kept.is_ours, self._lost | kept.lost
            self._bell.set()
        return _EVERY
