"""Reads of the ledger beside a watch's loop: at each notification, and every few seconds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from activities.support.leases import Beside

logger = logging.getLogger("haru.watch")

_READ_EVERY: Final = 5.0
"""Real seconds between two reads without a notification."""
_AGAIN_AFTER: Final = 1.0


def kept_current(read: Callable[[], Awaitable[None]], called: asyncio.Event) -> Beside:
    """Return the task that reads again when called, and every few seconds."""

    async def again() -> float:
        try:
            async with asyncio.timeout(_READ_EVERY):
                await called.wait()
        except TimeoutError:
            pass
        called.clear()
        try:
            await read()
        except Exception as fault:  # noqa: BLE001 - what is known stays watched, and the next read follows
            logger.warning("wishes_not_read", extra={"cause": f"{type(fault).__name__}: {fault}"})
            return _AGAIN_AFTER
        return 0.0

    return Beside(again)
