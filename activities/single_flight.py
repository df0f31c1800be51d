"""One question at a time: who asks what is being asked already shares its answer, or its failure."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Questions under way in this process, by their key."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    async def answer(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return what is answered to a question; an asker that is cancelled takes nothing from the others.

        Raises:
            Exception: what the question raised, the same for all who share it.
        """
        asking = self._under_way.get(key)
        if asking is None:
            asking = self._under_way[key] = asyncio.create_task(ask())
            asking.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(asking)

    def _forget(self, key: K, done: asyncio.Task[V]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # every asker may be gone; then no one else retrieves it
