"""Clock differences: seconds are reported, more than ten refuse the start, a broker without a clock stops no host."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from broker.kis import KisBroker
from database.database import Database, open_database
from domain.clock import ClockReading
from domain.errors import BrokerProtocolError, BrokerUnavailableError
from fleet.clocks import broker_skew, check_clocks, database_skew, system_now
from fleet.errors import ClockSkewError
from tests.broker.parts import Budget, Tokens, a_connection, market_now

NOON = datetime(2026, 11, 23, 3, tzinfo=UTC)


class WithClock:
    """A broker whose clock is off by a given amount."""

    def __init__(self, ahead: float) -> None:
        self._ahead = timedelta(seconds=ahead)

    async def read_clock(self) -> ClockReading:
        now = system_now()
        return ClockReading(now, now + self._ahead, now)


class WithoutClock:
    """A broker that cannot be reached."""

    async def read_clock(self) -> ClockReading:
        raise BrokerUnavailableError("away")


def off_by(seconds: float) -> Callable[[], datetime]:
    return lambda: system_now() + timedelta(seconds=seconds)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize(
    ("asked", "answered", "step", "skew"),
    [
        (0, 0.2, 0, 0),
        (-1, 1, 0, 0),
        (5, 5.2, 0, 5),
        (-5.2, -5, 0, -5),
        (0.9, 1.1, 1, 0),
        (3, 3.2, 1, 2),
    ],
)
def test_a_reading_claims_no_more_than_it_proves(asked: float, answered: float, step: float, skew: float) -> None:
    at = [NOON + timedelta(seconds=seconds) for seconds in (asked, answered)]

    reading = ClockReading(at[0], NOON, at[1], timedelta(seconds=step))

    assert reading.skew == timedelta(seconds=skew)


async def test_clocks_in_step_pass(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await check_clocks(database, WithClock(ahead=1))

    assert not caplog.records


@pytest.mark.parametrize("seconds", [-12, 12])
async def test_more_than_ten_seconds_from_postgres_is_refused_with_the_fix(database: Database, seconds: int) -> None:
    with pytest.raises(ClockSkewError, match=r"1[12]\.\d s (ahead of|behind) PostgreSQL.*set the clock by NTP"):
        await check_clocks(database, WithClock(ahead=0), off_by(seconds))


async def test_more_than_ten_seconds_from_the_broker_is_refused(database: Database) -> None:
    with pytest.raises(ClockSkewError, match=r"11\.0 s behind the broker"):
        await check_clocks(database, WithClock(ahead=11))


async def test_a_few_seconds_are_only_reported(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await check_clocks(database, WithClock(ahead=5), off_by(-5))

    warnings = [record for record in caplog.records if record.message == "clock_skew"]
    assert len(warnings) == 2


async def test_a_broker_that_is_away_stops_no_worker_and_is_reported(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await check_clocks(database, WithoutClock())

    assert [record.message for record in caplog.records] == ["broker_clock_unread"]


async def test_the_databases_own_clock_is_read(database: Database) -> None:
    assert (await database_skew(database)).by == timedelta(0)
    assert await database.server.version() >= 15


@asynccontextmanager
async def kis_that_shows(header: str) -> AsyncIterator[KisBroker]:
    """A broker on a real socket whose every reply carries a header line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 404 Not Found\r\n{header}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connection = replace(a_connection(), trading_url=url, real_time=system_now)
    async with server, KisBroker(connection, Budget(), Tokens(), market_now, httpx.AsyncHTTPTransport()) as broker:
        yield broker


async def test_the_brokers_date_is_read_whatever_it_answers() -> None:
    late = format_datetime(system_now() + timedelta(seconds=30), usegmt=True)

    async with kis_that_shows(f"Date: {late}\r\n") as broker:
        skew = await broker_skew(broker)

    assert skew.is_intolerable
    assert timedelta(seconds=-31) < skew.by < timedelta(seconds=-28)


@pytest.mark.parametrize("header", ["", "Date: noon\r\n"])
async def test_a_reply_without_a_time_is_no_time(header: str) -> None:
    async with kis_that_shows(header) as broker:
        with pytest.raises(BrokerProtocolError, match="no Date"):
            await broker.read_clock()
