"""Deduplicated requests: concurrent callers share one result or error."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Pending requests of this process by key."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    async def answer(self, key: K, ask: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the result for a key; a cancelled caller does not cancel the others.

        Raises:
            Exception: the error of the request, the same for all callers.
        """
        asking = self._under_way.get(key)
        if asking is None:
            asking = self._under_way[key] = asyncio.create_task(ask())
            asking.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(asking)

    def _forget(self, key: K, done: asyncio.Task[V]) -> None:
        self._under_way.pop(key, None)
        _retrieved(done)


class NextFlight(Generic[V]):
    """One request for many callers: a result serves only those who asked before the request began."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, V]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[V] | None = None
        self._next: asyncio.Task[V] | None = None

    async def answer(self) -> V:
        """Return the result of a request that begins now or later; a cancelled caller does not cancel the others.

        Raises:
            Exception: the error of the request, the same for all callers.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._under_way))
            self._next.add_done_callback(_retrieved)
        return await asyncio.shield(self._next)

    async def _after(self, earlier: asyncio.Task[V] | None) -> V:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._under_way, self._next = self._next, None
        return await self._ask()


def _retrieved(done: "asyncio.Task[Any]") -> None:
    """Retrieve the failure of a request whose callers are all gone."""
    if not done.cancelled():
        done.exception()
