"""A broker with scripted REST, and a session of its stream whose events are collected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import httpx

from broker.kis import KisBroker
from broker.kis.stream import KisStream, StreamAddress
from broker.protocol import StreamEvent, StreamSession
from domain.identity import Environment
from tests.broker.parts import Budget, ScriptedKis, Tokens, a_connection, with_url

AT = datetime(2023, 6, 12, 0, 33, 54, tzinfo=UTC)
APPROVED = httpx.Response(200, json={"approval_key": "approved-1"})


class Client:
    """A broker with scripted REST, and its stream."""

    def __init__(self, url: str, environment: Environment = Environment.SIMULATED, silence: float = 5) -> None:
        self.kis, self.keys = ScriptedKis(), Tokens()
        self.kis.answers("Approval", APPROVED)
        connection = with_url(a_connection(environment), "http://127.0.0.1:9")
        broker = KisBroker(connection, Budget(), Tokens(), lambda: AT, httpx.MockTransport(self.kis))
        self.stream: KisStream = broker.stream(StreamAddress(url, "trader", silence), self.keys)

    def session(self) -> "AbstractAsyncContextManager[Heard]":
        return _heard(self.stream)


class Heard:
    """A session whose events are collected."""

    def __init__(self, session: StreamSession) -> None:
        self.session = session
        self.events: list[StreamEvent] = []
        self.ended = asyncio.ensure_future(self._hear())

    async def _hear(self) -> None:
        async for event in self.session.events():
            self.events.append(event)

    async def hears(self, count: int) -> list[StreamEvent]:
        async with asyncio.timeout(5):
            while len(self.events) < count and not self.ended.done():
                await asyncio.sleep(0.005)
        if self.ended.done():
            self.ended.result()
        return self.events

    async def has_registered(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.session.registered) != count:
                await asyncio.sleep(0.005)

    async def loses(self) -> None:
        async with asyncio.timeout(5):
            await self.ended


@asynccontextmanager
async def _heard(stream: KisStream) -> AsyncIterator[Heard]:
    async with stream.session() as session:
        heard = Heard(session)
        try:
            yield heard
        finally:
            heard.ended.cancel()
            await asyncio.gather(heard.ended, return_exceptions=True)
