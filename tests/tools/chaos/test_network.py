"""A cut network passes no data and refuses no connection; after repair it serves new connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tools.chaos.network import network_to


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path"
    server.close()


async def connected(way: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(way.rpartition(":")[2].partition("/")[0]))


async def test_what_is_said_during_a_cut_is_never_heard_and_the_connection_is_reset_after_it(echo: str) -> None:
    async with network_to({"broker": echo}) as (network, ways):
        assert ways["broker"] != echo
        assert ways["broker"].endswith("/path")
        reader, writer = await connected(ways["broker"])
        writer.write(b"before\n")
        assert await reader.readline() == b"before\n"

        network.cut()
        writer.write(b"meanwhile\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        late_reader, late_writer = await connected(ways["broker"])
        late_writer.write(b"late\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(late_reader.readline(), 0.2)

        network.restore()
        with suppress(ConnectionError):
            assert await reader.readline() == b""
        reader, writer = await connected(ways["broker"])
        writer.write(b"after\n")
        assert await reader.readline() == b"after\n"
        writer.close()
        late_writer.close()


async def test_a_part_that_is_down_ends_the_connection(echo: str) -> None:
    async with network_to({"broker": "127.0.0.1:1"}) as (_, ways):
        reader, writer = await connected(ways["broker"])

        assert await reader.read() == b""
        writer.close()


async def test_what_is_held_back_is_delivered_late_in_its_order_on_the_same_connection(echo: str) -> None:
    async with network_to({"broker": echo}) as (network, ways):
        reader, writer = await connected(ways["broker"])
        network.hold()
        writer.write(b"first\n")
        late_reader, late_writer = await connected(ways["broker"])
        late_writer.write(b"late\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        writer.write(b"second\n")

        network.deliver()

        assert [await reader.readline() for _ in range(2)] == [b"first\n", b"second\n"]
        assert await late_reader.readline() == b"late\n"
        writer.close()
        late_writer.close()
