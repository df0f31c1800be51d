"""The same guarantees on real sockets: whatever a server does to an order, exactly one request was sent."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

import broker.kis.wire
from broker.kis import KisBroker
from broker.kis.sockets import UNACKNOWLEDGED_FOR, kis_transport
from broker.protocol import AccessToken, MayLeave, always
from domain.errors import BrokerUnavailableError
from domain.lane import Lane
from domain.order import Accepted, Rejected, SubmitOutcome, Unknown
from tests.broker.parts import (
    NOON,
    SAMSUNG,
    Budget,
    Tokens,
    a_connection,
    an_intent,
    an_order_reply,
    market_now,
    with_timeout,
    with_url,
)

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ACCEPTED = an_order_reply().content


@dataclass
class Server:
    """A loopback server that reads each complete request and then acts as scripted."""

    behave: Behaviour
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b""
                )
                await reader.readexactly(int(length.partition(b":")[2] or 0))
                self.requests.append(head.split(b"\r\n")[0])
                await self.behave(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def submit(self, may_leave: MayLeave = always) -> SubmitOutcome:
        tokens = Tokens(stored=AccessToken("kept", NOON + timedelta(hours=12)))
        connection = with_url(a_connection(), f"http://127.0.0.1:{self.port}")
        async with KisBroker(connection, Budget(), tokens, market_now, kis_transport()) as client:
            return await client.submit(an_intent(), Lane.ENTRY, may_leave)


@asynccontextmanager
async def a_server(behave: Behaviour) -> AsyncIterator[Server]:
    server = Server(behave)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


async def answer(
    writer: asyncio.StreamWriter, content: bytes, length: int | None = None, status: str = "200 OK"
) -> None:
    size = len(content) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode() + content)
    await writer.drain()


async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(writer, ACCEPTED)


async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    transport: asyncio.WriteTransport = writer.transport
    transport.abort()


async def cut_off_the_reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(writer, ACCEPTED[:40], len(ACCEPTED))
    writer.close()


async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(writer, b"", 10_000)
    for _i in range(200):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def speak_another_protocol(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    await writer.drain()
    writer.close()


async def redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def gateway_failure(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(writer, b"<html>Bad Gateway</html>", status="502 Bad Gateway")


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.kis.wire, "ORDER_TIMEOUT", 0.3)


@pytest.mark.usefixtures("short_patience")
@pytest.mark.parametrize(
    "behave",
    [stay_silent, close, reset, cut_off_the_reply, dribble, speak_another_protocol, redirect, gateway_failure],
    ids=lambda behave: behave.__name__,
)
async def test_a_lost_reply_is_unknown_and_exactly_one_request_left(behave: Behaviour) -> None:
    async with a_server(behave) as server:
        outcome = await server.submit()
        await asyncio.sleep(0.05)

    assert isinstance(outcome, Unknown)
    assert server.requests == [b"POST /uapi/domestic-stock/v1/trading/order-cash HTTP/1.1"]


async def test_an_answered_order_left_once() -> None:
    async with a_server(accept) as server:
        outcome = await server.submit()

    assert isinstance(outcome, Accepted)
    assert len(server.requests) == 1


async def test_no_listener_means_not_sent() -> None:
    async with a_server(accept) as server:
        pass

    outcome = await server.submit()

    assert outcome == Rejected("NOT_SENT", "order-cash: ConnectError")
    assert server.requests == []


async def test_a_query_without_an_answer_ends_and_may_be_tried_again() -> None:
    tokens = Tokens(stored=AccessToken("kept", NOON + timedelta(hours=12)))
    async with a_server(dribble) as server:
        connection = with_url(a_connection(), f"http://127.0.0.1:{server.port}")
        async with KisBroker(with_timeout(connection, 0.2), Budget(), tokens, market_now, kis_transport()) as client:
            with pytest.raises(BrokerUnavailableError, match="Time"):
                await client.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(server.requests) == 1


@pytest.mark.usefixtures("short_patience")
async def test_giving_up_an_order_resets_its_connection() -> None:
    ends = list[BaseException | bytes]()
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            ends.append(await reader.read())
        except ConnectionError as end:
            ends.append(end)
        ended.set()

    async with a_server(wait_for_the_end) as server:
        await server.submit()
        async with asyncio.timeout(10):
            await ended.wait()

    assert [type(end) for end in ends] == [ConnectionResetError], "closing normally leaves the queue to the kernel"


async def test_every_connection_drops_what_is_unsent_when_it_ends() -> None:
    async with a_server(accept) as server, httpx.AsyncClient(transport=kis_transport()) as client:
        for _ in range(2):
            response = await client.get(f"http://127.0.0.1:{server.port}/")
            used: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
            linger = used.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
            kernel_waits = used.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert struct.unpack("ii", linger) == (1, 0)
            assert kernel_waits == UNACKNOWLEDGED_FOR * 1000


async def test_an_order_whose_window_closes_while_it_connects_has_not_left() -> None:
    answers = iter([True, False])

    async with a_server(accept) as server:
        outcome = await server.submit(lambda: next(answers))
        await asyncio.sleep(0.05)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert server.requests == []
