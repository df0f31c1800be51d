"""Reporting writes, such as a price mark or a worker's state: they may fail, and no decision waits for them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

logger = logging.getLogger("haru.reports")

Write: TypeAlias = Callable[[], Awaitable[object]]

PATIENCE: Final = 0.25
"""Real seconds that a caller waits for a write; a healthy database needs a hundredth of it."""
_MOST_CONNECTIONS: Final = 3
"""Maximum number of pool connections for reports; leases and orders need the rest."""
_EVENT_PAUSES: Final = (0.5, 2.0, 10.0, 30.0, 60.0)
"""Real seconds between the attempts to write an event, since alerts depend on events."""
_LOGS_EVERY: Final = 10.0


class Reports:
    """The reporting writes of one process. A failure is logged; a hanging write continues without its caller.

    Per subject one write runs at a time, and only the newest of the waiting writes follows it.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        """Real seconds that a caller waits."""
        self._newest: dict[tuple[str, str], Write] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._logged_at: dict[str, float] = {}

    async def write(self, kind: str, about: str, write: Write) -> None:
        """Write once, waiting only briefly."""
        await self._begin((kind, about), lambda: self._try(kind, write))

    async def append(self, key: str, write: Write) -> None:
        """Write an event, retrying for a while on failure; wait only briefly."""
        await self._begin(("event", key), lambda: self._try("event", write, _EVENT_PAUSES))

    async def aclose(self) -> None:
        """Cancel the writes in progress."""
        left = list(self._under_way.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _begin(self, key: tuple[str, str], write: Write) -> None:
        self._newest[key] = write
        if key in self._under_way:
            return
        task = self._under_way[key] = asyncio.create_task(self._work_off(key))
        done, _ = await asyncio.wait({task}, timeout=self.patience)
        for each in done:
            each.result()

    async def _work_off(self, key: tuple[str, str]) -> None:
        try:
            while (write := self._newest.pop(key, None)) is not None:
                await write()
        finally:
            del self._under_way[key]

    async def _try(self, kind: str, write: Write, pauses: Sequence[float] = ()) -> None:
        for pause in (0.0, *pauses):
            await asyncio.sleep(pause)
            try:
                async with self._room:
                    await write()
            except Exception as fault:  # noqa: BLE001 - an error in a report must not stop a sale
                self._log(kind, fault)
            else:
                return

    def _log(self, kind: str, fault: Exception) -> None:
        """Log a failure, each kind at most every ten seconds: it can occur twice a second per position."""
        now = asyncio.get_running_loop().time()
        if now - self._logged_at.get(kind, -_LOGS_EVERY) >= _LOGS_EVERY:
            self._logged_at[kind] = now
            logger.error("report_not_written", extra={"kind": kind, "cause": f"{type(fault).__name__}: {fault}"})
