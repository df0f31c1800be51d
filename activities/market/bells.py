"""Subscriptions by symbol: news of a stock wakes every activity attempt that waits for it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from domain.market import Symbol


class Bells:
    """One event per subscriber: after an outage, two attempts of one watch can run in the same process.

    Clear the event, check, then wait for it: no news in between is missed.
    """

    def __init__(self) -> None:
        self._bells: dict[Symbol, list[asyncio.Event]] = defaultdict(list)

    @contextmanager
    def listening(self, symbol: Symbol) -> Iterator[asyncio.Event]:
        """Yield an event that is set on news of this stock, while the context lasts."""
        bell = asyncio.Event()
        self._bells[symbol].append(bell)
        try:
            yield bell
        finally:
            left = [each for each in self._bells[symbol] if each is not bell]
            if left:
                self._bells[symbol] = left
            else:
                del self._bells[symbol]

    def ring(self, symbol: Symbol) -> None:
        """Wake the subscribers of this stock."""
        for bell in self._bells.get(symbol, ()):
            bell.set()

    def ring_all(self) -> None:
        """Wake all subscribers: news of an unknown stock may have been missed."""
        for symbol in tuple(self._bells):
            self.ring(symbol)


class Spaced:
    """Rate limit for an action: runs at once, then once for all requests during each pause (real seconds)."""

    def __init__(self, act: Callable[[], None], pause: float) -> None:
        self._act = act
        self._pause = pause
        self._next_at = 0.0
        self._due: asyncio.TimerHandle | None = None

    def want(self) -> None:
        """Act now, or when the pause ends."""
        loop = asyncio.get_running_loop()
        if self._due is not None:
            return
        if loop.time() < self._next_at:
            self._due = loop.call_at(self._next_at, self._do)
        else:
            self._do()

    def _do(self) -> None:
        self._due = None
        self._next_at = asyncio.get_running_loop().time() + self._pause
        self._act()
