"""No key, token or order goes to a server that is neither KIS's nor proves to be our simulator."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import broker.kis.proof
from broker.kis import KisBroker
from broker.kis.stream_line import open_line
from broker.protocol import AccessToken
from domain.errors import BrokerUnavailableError, EnvironmentMismatchError, StreamLostError
from domain.hosts import PROOF_PATH, proof_of
from domain.lane import Lane
from domain.order import Rejected
from tests.broker.parts import (
    ACCOUNT,
    APP_KEY,
    APP_SECRET,
    NOON,
    SAMSUNG,
    Budget,
    Tokens,
    a_connection,
    an_intent,
    market_now,
    with_timeout,
    with_url,
)
from tests.simulator.streaming import a_venue

PRIVATE = ("kept-token", APP_KEY, APP_SECRET, ACCOUNT)
Says = Callable[[str, str], bytes]
"""A server's answer to the path and body of a request."""


@dataclass
class Stranger:
    """A server that records its requests, by connection."""

    says: Says
    port: int = 0
    heard: list[list[str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[str] = []
        self.heard.append(mine)
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(length[0].partition(":")[2]) if length else 0)
                mine.append(head + body.decode())
                writer.write(self.says(head.split()[1], body.decode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def requests(self) -> list[str]:
        return [request for connection in self.heard for request in connection]

    def asked_for(self, path: str) -> int:
        return sum(request.split()[1] == path for request in self.requests)


@asynccontextmanager
async def a_stranger(says: Says, port: int = 0) -> AsyncIterator[Stranger]:
    stranger = Stranger(says)
    server = await asyncio.start_server(stranger.serve, "127.0.0.1", port)
    stranger.port = server.sockets[0].getsockname()[1]
    try:
        yield stranger
    finally:
        server.close()


def reply(body: str, status: str = "200 OK", header: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n{header}\r\n"
    return (head + body).encode()


def a_broker(port: int) -> KisBroker:
    tokens = Tokens(stored=AccessToken("kept-token", NOON + timedelta(hours=12)))
    connection = with_timeout(with_url(a_connection(), f"http://127.0.0.1:{port}"), 2)
    return KisBroker(connection, Budget(), tokens, market_now)


def like_a_simulator(path: str, body: str) -> bytes:
    """Prove to be the simulator and accept everything."""
    if path == PROOF_PATH:
        return reply(json.dumps({"proof": proof_of(json.loads(body)["challenge"])}))
    order = {"KRX_FWDG_ORD_ORGNO": "06010", "ODNO": "0000123456", "ORD_TMD": "120001"}
    return reply(json.dumps({"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", "output": order}))


STRANGERS: dict[str, Says] = {
    "a page": lambda *_: reply("<html>hello</html>"),
    "not found": lambda *_: reply("{}", "404 Not Found"),
    "KIS's gateway": lambda *_: reply('{"rt_cd":"1","msg_cd":"EGW00201","msg1":""}', "500 Internal Server Error"),
    "an echo": lambda _, body: reply(body),
    "the challenge as proof": lambda _, body: reply(body.replace("challenge", "proof")),
    "an old proof": lambda *_: reply(json.dumps({"proof": proof_of("yesterday")})),
    "the proof with an error": lambda path, body: like_a_simulator(path, body).replace(b"200 OK", b"403 Forbidden"),
    "no text": lambda *_: reply('{"proof": 7}'),
    "other letters": lambda *_: reply('{"proof": "\u0661"}'),
    "a list": lambda *_: reply("[1]"),
    "endless": lambda *_: reply(" " * 100_000),
    "a redirect": lambda *_: reply("", "307 Temporary Redirect", "Location: http://127.0.0.1:9/control/proof\r\n"),
}


@pytest.mark.parametrize("name", STRANGERS)
async def test_a_stranger_gets_neither_key_nor_order(name: str) -> None:
    async with a_stranger(STRANGERS[name]) as stranger, a_broker(stranger.port) as client:
        with pytest.raises(EnvironmentMismatchError, match="does not prove to be a simulator"):
            await client.check_access(Lane.RESOLVE)
        with pytest.raises(BrokerUnavailableError, match="NoSimulatorError"):
            await client.instrument_status(SAMSUNG, Lane.SCAN)
        outcome = await client.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert stranger.asked_for(PROOF_PATH) == len(stranger.requests) == 3
    assert not any(private in request for private in PRIVATE for request in stranger.requests)


async def test_a_server_that_drips_its_proof_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker.kis.proof, "_PROVES_WITHIN", 0.3)

    def drips(*_: str) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n "

    async with a_stranger(drips) as stranger, a_broker(stranger.port) as client:
        with pytest.raises(BrokerUnavailableError, match="ConnectError"):
            await client.check_access(Lane.RESOLVE)
        assert isinstance(await client.submit(an_intent(), Lane.ENTRY), Rejected)

    assert stranger.asked_for(PROOF_PATH) == len(stranger.requests) == 2


async def test_a_server_that_takes_the_simulators_place_gets_nothing() -> None:
    def hangs_up(path: str, body: str) -> bytes:
        said = like_a_simulator(path, body)
        return said if path == PROOF_PATH else said.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

    async with a_stranger(hangs_up) as first:
        client = a_broker(first.port)
        assert (await client.submit(an_intent(), Lane.ENTRY)).kind == "accepted"
    async with client, a_stranger(STRANGERS["a page"], first.port) as second:
        outcome = await client.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "NOT_SENT"
    assert second.asked_for(PROOF_PATH) == len(second.requests) == 1


async def test_each_connection_asks_once() -> None:
    async with a_stranger(like_a_simulator) as server, a_broker(server.port) as client:
        for _ in range(3):
            await client.submit(an_intent(), Lane.ENTRY)
        assert server.asked_for(PROOF_PATH) == 1
        await asyncio.gather(*(client.submit(an_intent(), Lane.ENTRY) for _ in range(4)))

    carried_orders = [sent for sent in server.heard if any("order-cash" in request for request in sent)]
    assert server.asked_for(PROOF_PATH) >= len(carried_orders)


async def test_our_simulator_proves_itself() -> None:
    async with a_venue() as venue, a_broker(int(venue.url().rpartition(":")[2])) as client:
        await client._wires[0].check_simulator()
        reply = await venue.http.post(f"{venue.url()}{PROOF_PATH}", json={"challenge": "a"})
        wrong = await venue.http.post(f"{venue.url()}{PROOF_PATH}", json=["a"])

    assert (reply.status_code, reply.json()) == (200, {"proof": proof_of("a")})
    assert wrong.status_code == 400


async def test_a_simulator_that_is_away_may_come_back(unused_port: int) -> None:
    async with a_broker(unused_port) as client:
        with pytest.raises(BrokerUnavailableError):
            await client.check_access(Lane.RESOLVE)
        async with a_stranger(like_a_simulator, unused_port):
            assert (await client.submit(an_intent(), Lane.ENTRY)).kind == "accepted"


async def test_the_stream_follows_no_redirect_and_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[str] = []

    async def hear(connection: ServerConnection) -> None:
        await connection.wait_closed()

    def elsewhere(_: ServerConnection, request: Request) -> None:
        visited.append(request.path)

    async with serve(hear, "127.0.0.1", 0, process_request=elsewhere) as other:
        target = f"ws://127.0.0.1:{next(iter(other.sockets)).getsockname()[1]}/stolen"

        def redirects(connection: ServerConnection, _: Request) -> Response:
            response = connection.respond(302, "")
            response.headers["Location"] = target
            return response

        async with serve(hear, "127.0.0.1", 0, process_request=redirects) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
                monkeypatch.setenv(name, target.replace("ws", "http", 1))
            with pytest.raises(StreamLostError, match="InvalidStatus"):
                async with open_line(f"ws://127.0.0.1:{port}/tryitout", 5):
                    pass

    assert visited == []


async def test_rest_takes_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_stranger(like_a_simulator) as proxy, a_stranger(like_a_simulator) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with a_broker(server.port) as client:
            assert (await client.submit(an_intent(), Lane.ENTRY)).kind == "accepted"

    assert proxy.heard == []
