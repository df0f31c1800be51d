"""Subscriptions by symbol: news of a stock wakes every activity attempt that waits for it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from domain.market import Symbol


class Bell(Protocol):
    """What news sets: an event, or a subscriber's own note of the stock."""

    def set(self) -> None:
        """Note that there is news."""
        ...


class SharedBell:
    """The bell of one stock among many that share an event; ``moved`` collects the stocks with news."""

    def __init__(self, symbol: Symbol, moved: set[Symbol], news: asyncio.Event) -> None:
        self._symbol = symbol
        self._moved = moved
        self._news = news

    def set(self) -> None:
        """Note the stock, and wake the subscriber."""
        self._moved.add(self._symbol)
        self._news.set()


class Bells:
    """One bell per subscriber: after an outage, two attempts of one watch can run in the same process.

    Clear the event, check, then wait for it: no news in between is missed.
    """

    def __init__(self) -> None:
        self._bells: dict[Symbol, list[Bell]] = defaultdict(list)

    @contextmanager
    def listening(self, symbol: Symbol, own: Bell | None = None) -> Iterator[asyncio.Event]:
        """Yield an event that is set on news of this stock, while the context lasts; or set the subscriber's own."""
        event = asyncio.Event()
        bell = own or event
        self._bells[symbol].append(bell)
        try:
            yield event
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
