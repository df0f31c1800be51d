"""Sessions that connect and disconnect: pings and notices do not depend on the duration of a market check."""

import asyncio

import pytest

from simulator.settings import StreamSettings
from simulator.stream.stream import Stream
from tests.simulator.streaming import a_listener, a_venue


async def a_long_look(_: Stream) -> float:
    """Report that a market check took a minute, so that the next one is several minutes away."""
    return 60.0


async def test_a_session_that_follows_another_during_a_long_rest_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "_show_the_market", a_long_look)
    async with a_venue(stream=StreamSettings(ping_interval=0.1)) as venue:
        async with await a_listener(venue) as first:
            assert "PINGPONG" in await first.text()
        while (await venue.http.get(f"{venue.url()}/control/stream")).json()["sessions"]:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)

        async with await a_listener(venue) as second:
            assert "PINGPONG" in await second.text()
