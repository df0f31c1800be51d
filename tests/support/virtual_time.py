"""Run asyncio code on a clock that jumps to the next timer, so that a test of an hour takes no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """A selector that never waits: the time of a wait passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is left to run: the test waits for ever")
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for code without sockets, threads and processes."""

    def __init__(self) -> None:
        self.is_over = False
        """Whether the test has ended. A stand-in that ignores cancellations ends then."""
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the loop began."""
        return self._jumping.now


def run_virtually(act: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a virtual clock that begins at zero."""

    async def until_over() -> T:
        try:
            return await act
        finally:
            loop.is_over = True

    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(until_over())
