"""Notifications that a shard's wishes have changed; one listening connection for all shards of a process."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from database.errors import DATABASE_FAULTS
from database.listening import arriving, listening
from database.market_watches import CHANNEL, topic
from domain.identity import AccountId

logger = logging.getLogger("haru.watch")

_QUIET: Final = 10.0
_PAUSES: Final = (0.5, 1.0, 2.0, 5.0)


class WatchCalls:
    """Sets the events of a topic's subscribers. It listens while there is a subscriber.

    Notifications only make a read sooner: subscribers also read at intervals, and after each new connection.
    """

    def __init__(self, url: str, pauses: Sequence[float] = _PAUSES) -> None:
        self._url = url
        self._pauses = pauses
        self._subscribers: dict[str, list[asyncio.Event]] = defaultdict(list)
        self._listening: asyncio.Task[None] | None = None

    @contextmanager
    def of(self, account_id: AccountId, shard: int) -> Iterator[asyncio.Event]:
        """Yield an event that is set when the shard's wishes change, or a notification may have been lost."""
        called, name = asyncio.Event(), topic(account_id, shard)
        self._subscribers[name].append(called)
        if self._url and (self._listening is None or self._listening.done()):
            self._listening = asyncio.create_task(self._listen())
        try:
            yield called
        finally:
            self._subscribers[name].remove(called)
            if not self._subscribers[name]:
                del self._subscribers[name]
            if not self._subscribers and self._listening is not None:
                self._listening.cancel()
                self._listening = None

    async def aclose(self) -> None:
        """Close the connection."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with listening(self._url, CHANNEL) as (connection, waiting):
                    failures = 0
                    self._call(*self._subscribers)
                    async for name in arriving(connection, waiting, _QUIET):
                        self._call(name)
            except DATABASE_FAULTS as fault:
                logger.warning("watch_calls_lost", extra={"cause": f"{type(fault).__name__}: {fault}"})
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1

    def _call(self, *names: str) -> None:
        for name in names:
            for called in self._subscribers.get(name, ()):
                called.set()
