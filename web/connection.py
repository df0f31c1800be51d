"""The page's connection to a fleet: opened when it is needed, and again after it was lost."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

from fleet.fleet import Fleet

Opens = Callable[[], AbstractAsyncContextManager[Fleet]]

_CLOSES_WITHIN: Final = 2.0
"""Real seconds for the end of a connection; a database that is away does not answer."""


class Connection:
    """One connection for all pages. A host that starts again may have its servers at other ports."""

    def __init__(self, opens: Opens) -> None:
        self._opens = opens
        self._opened: AbstractAsyncContextManager[Fleet] | None = None
        self._fleet: Fleet | None = None
        self._lock = asyncio.Lock()

    async def fleet(self) -> Fleet:
        """Return the fleet.

        Raises:
            NothingRunsError, OSError: it cannot be reached now.
        """
        async with self._lock:
            if self._fleet is None:
                opened = self._opens()
                self._fleet = await opened.__aenter__()
                self._opened = opened
            return self._fleet

    async def drop(self) -> None:
        """Close the connection; the next use opens another."""
        async with self._lock:
            opened, self._opened, self._fleet = self._opened, None, None
            if opened is not None:
                with suppress(Exception):
                    async with asyncio.timeout(_CLOSES_WITHIN):
                        await opened.__aexit__(None, None, None)
