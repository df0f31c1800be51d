"""Turns of work that many begin at the same instant: the first to come ends first."""

import asyncio
from contextlib import ExitStack
from typing import Final

_WITHIN: Final = 0.5
"""Real seconds that a caller waits at most for its turn, so that a slow one delays the others no longer."""


class Turns:
    """Lets ``at_once`` callers work at the same time, in the order in which they come.

    Without turns, fifty sales at a deadline take each statement in step, and none is sent before all are nearly ready.
    """

    def __init__(self, at_once: int, within: float = _WITHIN) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._within = within

    async def next(self) -> ExitStack:
        """Wait for a turn, but not longer than the bound; the turn ends when the returned stack is closed."""
        turn = ExitStack()
        try:
            async with asyncio.timeout(self._within):
                await self._free.acquire()
        except TimeoutError:
            return turn
        turn.callback(self._free.release)
        return turn
