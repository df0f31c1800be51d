"""Dead-man's switch: ping an address each minute while all is well. Missing pings raise the alarm."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import httpx

from database.errors import DATABASE_FAULTS
from domain.market import Symbol
from fleet.duties.duty import Terms
from fleet.duties.reach import answers
from fleet.fleet import Fleet
from security.bounded_http import ask_for_status

logger = logging.getLogger("haru.alerts")

_WITHIN: Final = 10.0
_REDIRECTS: Final = 5

Unwatched = Callable[[], Awaitable[Collection[Symbol]]]


class Heartbeat:
    """Ping for one host. ``unwatched`` returns the stocks whose shares no worker guards."""

    terms = Terms("dead_mans_switch", every=60.0, at_once=True)

    def __init__(self, fleet: Fleet, url: str, unwatched: Unwatched) -> None:
        self._fleet = fleet
        self._url = url
        self._unwatched = unwatched

    async def look(self) -> None:
        """Ping once if all is well. A failed ping is logged and repeated with the next round."""
        await self.beat()

    async def beat(self) -> bool:
        """Ping once if all is well; return whether the address accepted it."""
        if trouble := await self._trouble():
            logger.warning("heartbeat_withheld", extra={"cause": trouble})
            return False
        try:
            async with asyncio.timeout(_WITHIN), httpx.AsyncClient(timeout=_WITHIN) as http:
                response = await ask_for_status(http, self._url, redirects=_REDIRECTS)
        except (httpx.HTTPError, TimeoutError, OSError) as fault:
            logger.warning("heartbeat_not_delivered", extra={"cause": type(fault).__name__})
            return False
        if not response.is_success:
            logger.warning("heartbeat_not_delivered", extra={"cause": f"HTTP {response.status_code}"})
        return response.is_success

    async def _trouble(self) -> str:
        """Return the first problem; empty when PostgreSQL and Temporal answer and every holding is watched."""
        fleet, now = self._fleet, self._fleet.market_now()
        session = fleet.plan_of_the_day(now).session
        try:
            async with asyncio.timeout(_WITHIN):
                unwatched = await self._unwatched()
                if not await answers(fleet):
                    return "Temporal does not answer"
        except (*DATABASE_FAULTS, TimeoutError) as fault:
            return f"PostgreSQL does not answer: {type(fault).__name__}"
        is_open = session.opens_at <= now < session.ends_at
        return f"held but not watched: {', '.join(sorted(unwatched))}" if unwatched and is_open else ""
