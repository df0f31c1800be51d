"""Who waits for prices of one lane, so that one call to the broker serves all of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from domain.market import Symbol


class Askers:
    """Waiters of a lane: one call at a time, which includes what the others want."""

    def __init__(self) -> None:
        self.call: asyncio.Task[None] | None = None
        self.wanted: Counter[Symbol] = Counter()

    @contextmanager
    def waiting_for(self, symbols: Iterable[Symbol]) -> Iterator[None]:
        """Include these symbols in the next call while the context lasts."""
        wanted = Counter(symbols)
        self.wanted += wanted
        try:
            yield
        finally:
            self.wanted -= wanted
