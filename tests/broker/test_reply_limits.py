"""Replies that a broker never sends, over real sockets: each fails only its own call, in limited memory and time."""

import asyncio
import json
import sys
from datetime import timedelta

import httpx
import pytest

import broker.kis.wire
from broker.kis import KisBroker
from broker.kis.approval import ApprovalKeeper
from broker.kis.auth import TokenKeeper
from broker.kis.parsing import DEEPEST, MOST_ROWS, MOST_VALUES
from broker.kis.sockets import kis_transport
from broker.kis.wire import Wire
from broker.protocol import AccessToken
from domain.errors import BrokerProtocolError, BrokerUnavailableError, TradingError
from domain.lane import Lane
from domain.order import Unknown
from security.bounded_http import LARGEST_REPLY
from tests.broker.hostile_server import (
    ATTACKS,
    Attack,
    brotli,
    chunks_of_one_byte,
    deflate_bomb,
    endless_chunks,
    endless_without_length,
    gzip_bomb,
    hostile,
    hundred_megabytes,
    interim_flood,
    nested,
    rows_of_text,
    ten_million_rows,
    two_encodings,
)
from tests.broker.parts import (
    NOON,
    SAMSUNG,
    Budget,
    ScriptedKis,
    Tokens,
    a_connection,
    an_intent,
    market_now,
    with_url,
)

HUNGRY = (
    *(gzip_bomb, deflate_bomb, two_encodings, hundred_megabytes, endless_chunks, chunks_of_one_byte),
    *(endless_without_length, ten_million_rows),
)
MOST_GROWN_MB = 300
"""Memory limit (MB) of fourteen concurrent replies; fourteen gzip bombs took 1,650 MB when they were unpacked."""


def a_client(url: str, tokens: Tokens | None = None) -> KisBroker:
    kept = tokens or Tokens(AccessToken("kept", NOON + timedelta(hours=12)))
    return KisBroker(with_url(a_connection(), url), Budget(), kept, market_now, kis_transport())


@pytest.fixture
def less_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attack that never ends takes the whole time limit of its call."""
    monkeypatch.setattr(broker.kis.wire, "ORDER_TIMEOUT", 2.0)


@pytest.mark.usefixtures("less_patience")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_an_order_with_a_hostile_reply_is_unknown_and_left_once(attack: Attack) -> None:
    async with hostile(attack) as server, a_client(server.url) as client:
        outcome = await client.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Unknown)
    assert len(outcome.cause) < 400
    assert len(server.requests) == 1


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_a_query_with_a_hostile_reply_ends_with_an_error_of_ours(attack: Attack) -> None:
    async with hostile(attack) as server, a_client(server.url) as client:
        with pytest.raises((BrokerUnavailableError, BrokerProtocolError)) as caught:
            await client.instrument_status(SAMSUNG, Lane.SCAN)

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("attack", [gzip_bomb, endless_chunks, nested], ids=lambda attack: attack.__name__)
async def test_a_hostile_reply_instead_of_a_token_or_key_ends_with_an_error_of_ours(attack: Attack) -> None:
    async with hostile(attack) as server:
        wire = Wire(with_url(a_connection(), server.url), kis_transport())
        for keeper in (TokenKeeper(wire, Budget(), Tokens()).token, ApprovalKeeper(wire, Budget(), Tokens()).key):
            with pytest.raises(TradingError):
                await keeper()
        await wire.aclose()

    assert len(server.requests) == 2


@pytest.mark.parametrize("attack", [gzip_bomb, brotli, rows_of_text], ids=lambda attack: attack.__name__)
async def test_a_reply_that_breaks_a_bound_names_the_bound(attack: Attack) -> None:
    async with hostile(attack) as server, a_client(server.url) as client:
        with pytest.raises(BrokerUnavailableError, match=r"inquire-price: ReplyRefusedError .*(compressed|more than)"):
            await client.instrument_status(SAMSUNG, Lane.SCAN)

    assert b"accept-encoding: identity" in server.requests[0].lower()


@pytest.mark.slow
@pytest.mark.parametrize("attack", HUNGRY, ids=lambda attack: attack.__name__)
async def test_fourteen_hostile_replies_at_once_take_little_memory(attack: Attack) -> None:
    async with hostile(attack) as server:
        command = (sys.executable, "-m", "tests.broker.reply_eater", server.url, "14")
        eater = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await eater.communicate()

    eaten = json.loads(said)
    assert sum(eaten["endings"].values()) == 14
    assert "value" not in eaten["endings"]
    assert eaten["grown_mb"] < MOST_GROWN_MB


async def test_the_clock_is_read_whatever_the_page_is() -> None:
    async def endless_page_with_a_date(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\nDate: Mon, 23 Nov 2026 03:00:00 GMT\r\nContent-Encoding: gzip\r\n\r\n")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()

    async with hostile(endless_page_with_a_date) as server, a_client(server.url) as client:
        reading = await client.read_clock()

    assert reading.shown == NOON


async def test_interim_replies_leave_the_loop_its_turns() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with hostile(interim_flood) as server, a_client(server.url) as client:
        counting = asyncio.ensure_future(count_turns())
        with pytest.raises(BrokerUnavailableError):
            await client.instrument_status(SAMSUNG, Lane.SCAN)
        counting.cancel()

    assert turns > 10


@pytest.mark.parametrize(
    "content",
    [
        b'{"rt_cd":"0","x":[' + b"1," * MOST_VALUES + b"1]}",
        b'{"rt_cd":"0","x":[' + b'"",' * MOST_ROWS + b'""]}',
        b'{"rt_cd":"0","x":[' + b"{}," * (2 * MOST_ROWS) + b"{}]}",
        b'{"rt_cd":"0","x":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
        b'{"rt_cd":"0","x":"' + b"x" * LARGEST_REPLY + b'"}',
    ],
    ids=["values", "rows", "objects", "levels", "bytes"],
)
async def test_each_bound_of_a_reply_is_kept(broker: KisBroker, kis: ScriptedKis, content: bytes) -> None:
    kis.answers("order-cash", httpx.Response(200, content=content))
    kis.answers("inquire-price", httpx.Response(200, content=content))

    outcome = await broker.submit(an_intent(), Lane.ENTRY)

    assert isinstance(outcome, Unknown)
    assert "more than" in outcome.cause or "deeper" in outcome.cause
    with pytest.raises(BrokerUnavailableError, match=r"more than|deeper"):
        await broker.instrument_status(SAMSUNG, Lane.SCAN)
