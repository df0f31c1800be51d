"""Who waits for news of a stock is woken by it, whichever attempt of whatever activity that is."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from domain.market import Symbol


class Bells:
    """One bell for each attempt that listens: two attempts of one watch can live in one process after an outage.

    Clear the bell, look, then wait for it: so nothing that rings meanwhile is missed.
    """

    def __init__(self) -> None:
        self._bells: dict[Symbol, list[asyncio.Event]] = defaultdict(list)

    @contextmanager
    def listening(self, symbol: Symbol) -> Iterator[asyncio.Event]:
        """Give the caller a bell that rings for this stock while the context lasts."""
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
        """Wake those who wait for news of this stock."""
        for bell in self._bells.get(symbol, ()):
            bell.set()

    def ring_all(self) -> None:
        """Wake everybody: something may have been missed, nobody knows of which stock."""
        for symbol in tuple(self._bells):
            self.ring(symbol)


class Spaced:
    """Does something at once, and once for all who want it again before a pause (real seconds) is over."""

    def __init__(self, act: Callable[[], None], pause: float) -> None:
        self._act = act
        self._pause = pause
        self._next_at = 0.0
        self._due: asyncio.TimerHandle | None = None

    def want(self) -> None:
        """Act now, or as soon as the pause is over."""
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
