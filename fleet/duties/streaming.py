"""Deliver the market stream to every hosting process: one process owns the session and forwards its events.

This module neither decides nor books: without a stream the same prices and fills arrive by polling.
"""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final

from activities.market.stream_consumer import Ears
from broker.protocol import MarketStream
from database.database import Database
from database.errors import DATABASE_FAULTS
from domain.errors import CredentialsRefusedError, StreamInUseError, TradingError
from domain.identity import AccountId
from domain.stream import Gap
from fleet.duties.attending import Attendance, Owner, StreamBounds
from fleet.together import first_to_end

logger = logging.getLogger("haru.stream")

_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_PAUSE_WHEN_REFUSED: Final = 60.0
_AGAIN_AFTER_A_FAULT: Final = 1.0
_LASTED_WELL: Final = 30.0
_GIVES_WAY_AFTER: Final = 3
_KEEPS_LEASE: Final = 3.0
"""Seconds between two attempts while a session may not be opened yet, so that the lease does not lapse meanwhile."""


class Streaming:
    """Keep this process supplied with stream events, whichever process owns the session; run it with ``keep``."""

    def __init__(
        self,
        account_id: AccountId,
        database: Database,
        stream: MarketStream,
        ears: Ears,
        bounds: StreamBounds | None = None,
    ) -> None:
        name = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:4]}"
        self._owner = Owner(name, account_id, database, bounds or StreamBounds())
        self._leases = database.stream_leases
        self._stream = stream
        self._ears = ears
        self._is_connected = False
        self._failures = 0

    async def keep(self) -> None:
        """Receive events until this process ends: as the session's owner, or through the owner."""
        await first_to_end(self._listen(), self._own())

    async def _listen(self) -> None:
        """Receive the events that the session's owner forwards."""
        while True:
            pause = await _survived(self._heard_from_others)
            await asyncio.sleep(pause)

    async def _heard_from_others(self) -> float:
        async with aclosing(self._owner.database.stream_news.heard(self._owner.name)) as heard:
            async for news in heard:
                if not self._is_connected:
                    self._ears.take(news)
        return _SHORTEST_PAUSE

    async def _own(self) -> None:
        """Open the session whenever this process may own it."""
        try:
            while True:
                pause = await _survived(self._own_turn)
                await asyncio.sleep(pause)
        finally:
            with suppress(*DATABASE_FAULTS):
                await self._leases.release(self._owner.account_id, self._owner.name)

    async def _own_turn(self) -> float:
        if not await self._leases.take(self._owner.account_id, self._owner.name):
            return self._owner.bounds.round
        wait = await self._leases.turn_to_open(self._owner.account_id, self._owner.name)
        if wait:
            logger.warning("stream_sessions_spent", extra={"again_in": wait.total_seconds()})
            return min(max(wait.total_seconds(), _SHORTEST_PAUSE), _KEEPS_LEASE)
        return await self._one_session()

    async def _one_session(self) -> float:
        """Run one session to its end and return how long (seconds) to wait before the next."""
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        try:
            async with self._stream.session() as session:
                opened_at = loop.time()
                await self._attend(Attendance(self._owner, session, self._ears))
        except TradingError as fault:
            self._failures = 1 if loop.time() - opened_at > _LASTED_WELL else self._failures + 1
            pause = self._pause_after(fault)
            logger.warning("stream_lost", extra={"cause": str(fault), "again_in": pause})
            await self._report_lost(fault)
            return pause
        return _SHORTEST_PAUSE

    async def _attend(self, attendance: Attendance) -> None:
        """Attend to a session. It begins and ends with a gap, so that consumers poll."""
        logger.info("stream_connected", extra={"owner": self._owner.name})
        attendance.deliver(Gap())
        self._is_connected = True
        try:
            await attendance.attend()
        finally:
            self._is_connected = False
            self._ears.take(Gap())

    def _pause_after(self, trouble: TradingError) -> float:
        match trouble:
            case CredentialsRefusedError():
                return _PAUSE_WHEN_REFUSED
            case StreamInUseError():
                return min(self._owner.bounds.pause_when_in_use * 2.0 ** min(self._failures - 1, 5), _LONGEST_PAUSE)
            case _:
                return min(_SHORTEST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    async def _report_lost(self, trouble: TradingError) -> None:
        owner = self._owner
        await self._leases.report_lost(owner.account_id, owner.name, str(trouble))
        await owner.database.stream_news.publish(owner.name, [Gap()])
        if self._failures >= _GIVES_WAY_AFTER:
            await self._leases.release(owner.account_id, owner.name)


async def _survived(act: Callable[[], Awaitable[float]]) -> float:
    """Return how long (seconds) to wait before the next turn. A bug here must not stop the watchers."""
    try:
        return await act()
    except DATABASE_FAULTS as fault:
        logger.warning("stream_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
        return _AGAIN_AFTER_A_FAULT
    except Exception:
        logger.exception("stream_failed")
        return _LONGEST_PAUSE
