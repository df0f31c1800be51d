"""Background heartbeat: an activity that waits for its turn at the broker is not considered dead."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from temporalio import activity

_BEAT: Final = 0.5
_LONGEST_SILENCE: Final = 30.0
"""Seconds without progress after which heartbeats stop, so that a hung loop is detected."""
WHOLE_LIST: Final = 300.0
"""The same for a read of a whole day: a paper account reads one page a second, and a day may have a hundred pages."""


class Heart:
    """Send a heartbeat twice a second while the work makes progress: ``async with Heart() as heart:``.

    Heartbeats stop after ``silence`` seconds without ``heart.progress(…)``; None: the duration of a few calls.
    """

    def __init__(self, *details: Any, silence: float | None = None) -> None:
        self._details = details
        self._silence = _LONGEST_SILENCE if silence is None else silence
        self._progressed_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # Work that ends within half a second sends no heartbeat: its timeout has only just started.
        self._progressed_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def progress(self, *details: Any) -> None:
        """Report progress; the next attempt receives the details if this one dies."""
        self._details = details
        self._progressed_at = asyncio.get_running_loop().time()
        activity.heartbeat(*details)

    def is_alive(self, *details: Any) -> None:
        """Report progress without a heartbeat of its own: the next regular one carries the details."""
        self._details = details
        self._progressed_at = asyncio.get_running_loop().time()

    async def _beat(self) -> None:
        while asyncio.get_running_loop().time() - self._progressed_at < self._silence:
            await asyncio.sleep(_BEAT)
            activity.heartbeat(*self._details)
