"""A heartbeat beside the work: an activity may wait for its turn at the broker without being taken for dead."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from temporalio import activity

_BEAT: Final = 0.5
_LONGEST_SILENCE: Final = 30.0
"""Seconds without progress after which the heart stops, so that a hung loop is still found out."""
WHOLE_LIST: Final = 300.0
"""The same for a look at the whole day: a paper account reads a page a second, and its day may have a hundred pages."""


class Heart:
    """``async with Heart() as heart:`` beats twice a second for as long as ``heart.progress(…)`` keeps being called.

    ``silence`` are the seconds without it that are still believed; None: those of a few calls.
    """

    def __init__(self, *details: Any, silence: float | None = None) -> None:
        self._details = details
        self._silence = _LONGEST_SILENCE if silence is None else silence
        self._progressed_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # What is over within half a second costs the server no heartbeat: its time-out has only just begun to count.
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
        """Tell that the work goes on; the details reach the next attempt if this one dies."""
        self._details = details
        self._progressed_at = asyncio.get_running_loop().time()
        activity.heartbeat(*details)

    async def _beat(self) -> None:
        while asyncio.get_running_loop().time() - self._progressed_at < self._silence:
            await asyncio.sleep(_BEAT)
            activity.heartbeat(*self._details)
