"""Texts of a stream that are larger than any of KIS's: the session ends, or the text is skipped."""

import json
from collections.abc import AsyncIterator

import pytest

from broker.kis.stream_frames import FrameError, read_frame
from broker.kis.stream_line import LARGEST_TEXT
from domain.errors import StreamLostError
from domain.market import Quote
from domain.stream import Garbled
from tests.broker.frames import TRADE, trades
from tests.broker.parts import SAMSUNG
from tests.broker.stream_client import Client, Heard
from tests.broker.stream_server import StreamServer, a_stream_server


@pytest.fixture
async def server() -> AsyncIterator[StreamServer]:
    async with a_stream_server() as server:
        yield server


@pytest.fixture
async def heard(server: StreamServer) -> AsyncIterator[Heard]:
    async with Client(server.url).session() as heard:
        yield heard


async def test_a_text_over_the_bound_ends_the_session(server: StreamServer, heard: Heard) -> None:
    await server.says("x" * (LARGEST_TEXT + 1))

    with pytest.raises(StreamLostError, match="more than 1,000,000 bytes"):
        await heard.loses()


async def test_the_most_records_of_a_frame_are_all_read(server: StreamServer, heard: Heard) -> None:
    await server.says(trades(*([TRADE] * 999)))

    events = await heard.hears(999)

    assert [type(event) for event in events] == [Quote] * 999


@pytest.mark.parametrize("count", ["0", "1000", "99999999"])
async def test_a_frame_of_an_impossible_count_is_skipped(server: StreamServer, heard: Heard, count: str) -> None:
    await server.says(f"0|H0STCNT0|{count}|{TRADE}")
    await server.says(trades(TRADE))

    events = await heard.hears(2)

    assert [type(event) for event in events] == [Garbled, Quote]


def test_a_control_message_of_any_length_is_not_parsed() -> None:
    with pytest.raises(FrameError):
        read_frame('{"header":{"tr_id":"PINGPONG"},"x":"' + "x" * 20_000 + '"}')


async def test_compression_is_not_offered(server: StreamServer) -> None:
    async with Client(server.url).session():
        assert server.extensions == [""]


async def test_answers_without_a_question_register_nothing(server: StreamServer, heard: Heard) -> None:
    for number in range(3):
        body = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS"}
        await server.says(json.dumps({"header": {"tr_id": "H0STCNT0", "tr_key": f"00000{number}"}, "body": body}))
    await heard.session.register([SAMSUNG])
    await heard.has_registered(1)

    assert heard.session.registered == (SAMSUNG,)
