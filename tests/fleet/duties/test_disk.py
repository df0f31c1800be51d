"""A disk that fills: reported early, no buys, positions sold, and entries open again with free space."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from activities.support.host_gate import HostGate
from database.database import open_database
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from domain.position import ExitReason
from domain.room import LOG_TAKES, RoomLevels
from domain.session import session_date_of
from fleet.alerting.direct import DirectAlerts
from fleet.alerting.outbox import AlertRules
from fleet.duties.data_disk import DataDisk
from fleet.duties.disk import DiskDuty, shut_because
from fleet.fleet import Fleet
from fleet.starting import start_workers
from tests.database.books import Books
from tests.support.builders import some_rules
from tests.support.running_fleet import Hosted
from tests.support.small_disk import MEGABYTE, SmallDisk, small_disk

LEVELS = RoomLevels(scarce=48 * MEGABYTE, short=24 * MEGABYTE, last=12 * MEGABYTE, none=2 * MEGABYTE, calm=3)
BALLAST = 4 * MEGABYTE


class Direct(DirectAlerts):
    """Keeps the alerts that it receives."""

    def __init__(self) -> None:
        super().__init__(Environment.SIMULATED, (), AlertRules(str))
        self.given: list[Event] = []

    def send(self, event: Event) -> None:
        self.given.append(event)


@dataclass
class Watched:
    """A duty over a small disk."""

    fleet: Fleet
    disk: SmallDisk
    gate: HostGate = field(default_factory=HostGate)
    direct: Direct = field(default_factory=Direct)

    def __post_init__(self) -> None:
        self.data = DataDisk(self.disk.folder, ballast=BALLAST)
        self.duty = DiskDuty(self.fleet, self.data, self.gate, self.direct, LEVELS)

    async def at(self, megabytes: int) -> "Watched":
        """Leave so many bytes free, and run the check."""
        self.disk.leaves(megabytes * MEGABYTE)
        await self.duty.look()
        return self

    async def events(self) -> list[tuple[str, EventLevel]]:
        latest = await self.fleet.database.events.latest(self.fleet.account_id, 20)
        return [(event.kind, event.level) for event in reversed(latest)]

    async def shut(self) -> str:
        day = session_date_of(self.fleet.market_now())
        return "; ".join(await self.fleet.database.risk.closed_because(self.fleet.account_id, day))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 96) as mounted:
        yield mounted


async def test_scarce_room_is_reported_once_while_everything_is_still_bought(fleet: Fleet, disk: SmallDisk) -> None:
    watched = Watched(fleet, disk)

    for megabytes in (90, 47, 46, 60):
        await watched.at(megabytes)

    assert await watched.events() == [(EventKind.DISK_LOW, EventLevel.WARNING)]
    assert (await watched.shut(), watched.gate.closed_because) == ("", "")


async def test_short_room_shuts_entries_and_more_room_opens_them_again(fleet: Fleet, disk: SmallDisk) -> None:
    watched = await Watched(fleet, disk).at(23)
    assert await watched.shut() == watched.gate.closed_because == shut_because()

    await watched.at(31)
    assert await watched.shut() == shut_because(), "not before a third more is free"
    await watched.at(33)

    assert (await watched.shut(), watched.gate.closed_because) == ("", "")
    assert await watched.events() == [
        ("entries_shut", EventLevel.ERROR),
        (EventKind.DISK_LOW, EventLevel.ERROR),
        (EventKind.DISK_HAS_ROOM, EventLevel.INFO),
    ]


async def test_entries_that_were_shut_for_another_reason_stay_shut(fleet: Fleet, disk: SmallDisk) -> None:
    await fleet.database.risk.close_entries(fleet.account_id, session_date_of(fleet.market_now()), "market close")

    watched = await Watched(fleet, disk).at(23)
    assert await watched.shut() == f"market close; {shut_because()}"
    await watched.at(90)

    assert await watched.shut() == "market close"


def test_the_log_of_the_embedded_database_takes_no_more_than_is_reckoned_with(postgres_server: str) -> None:
    with psycopg.connect(postgres_server) as connection:
        (shown,) = connection.execute("SELECT pg_size_bytes(current_setting('max_wal_size'))").fetchone() or (0,)

    assert shown == LOG_TAKES


async def test_the_last_room_is_alerted_directly_and_the_ballast_kept_until_there_is_none(
    fleet: Fleet, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    watched = await Watched(fleet, disk).at(90)
    logs = disk.folder / "logs"
    logs.mkdir()
    (logs / "temporal.log.1").write_bytes(b"x" * MEGABYTE)

    await watched.at(11)
    assert await watched.shut() == shut_because()
    assert [event.level for event in watched.direct.given] == [EventLevel.CRITICAL]
    assert (watched.data.has_ballast(), list(logs.iterdir())) == (True, [])
    await watched.at(1)

    assert watched.data.free() == BALLAST + MEGABYTE
    assert len(watched.direct.given) == 1
    assert caplog.messages.count("disk_room_given_up") == 2
    assert "log_not_shortened" not in caplog.messages


async def test_after_the_last_room_entries_open_when_there_is_a_ballast_again(fleet: Fleet, disk: SmallDisk) -> None:
    watched = await Watched(fleet, disk).at(90)

    for megabytes in (0, 80, 80, 0, 80, 80):
        await watched.at(megabytes)
        assert await watched.shut() == watched.gate.closed_because == shut_because(), "a disk may fill in waves"
        assert not watched.data.has_ballast()
    for _ in range(2):
        await watched.at(80)

    assert (await watched.shut(), watched.gate.closed_because) == ("", "")
    assert watched.data.has_ballast()


async def test_a_ballast_is_not_kept_where_it_would_shut_entries(fleet: Fleet, disk: SmallDisk) -> None:
    watched = await Watched(fleet, disk).at(27)

    assert not watched.data.has_ballast()
    assert await watched.shut() == ""


async def test_with_the_last_room_what_is_held_is_sold_and_its_worker_pauses(hosted: Hosted, disk: SmallDisk) -> None:
    watched = Watched(hosted.fleet, disk)
    hosted.desk.candidates_from = timedelta(0)
    books = Books(hosted.fleet.database, hosted.fleet.account_id)
    bought = await books.held()
    await start_workers(hosted.fleet, 1, some_rules())
    async with asyncio.timeout(20):
        while hosted.desk.held is None:
            await asyncio.sleep(0.05)

    await watched.at(23)
    await watched.duty.sell()
    assert hosted.desk.reasons == []
    await watched.at(11)
    selling = asyncio.create_task(watched.duty.sell())
    async with asyncio.timeout(30):
        while not hosted.desk.reasons:
            await asyncio.sleep(0.05)
    await books.sold(bought)
    await selling

    assert hosted.desk.reasons == [ExitReason.OPERATOR]
    (worker,) = await hosted.fleet.database.workers.all_of(hosted.fleet.account_id)
    assert worker.paused


async def test_one_measurement_alone_sells_nothing(hosted: Hosted, disk: SmallDisk) -> None:
    watched = Watched(hosted.fleet, disk)
    hosted.desk.candidates_from = timedelta(0)
    await Books(hosted.fleet.database, hosted.fleet.account_id).held()
    await start_workers(hosted.fleet, 1, some_rules())
    async with asyncio.timeout(20):
        while hosted.desk.held is None:
            await asyncio.sleep(0.05)

    await watched.at(11)
    disk.leaves(90 * MEGABYTE)
    await watched.duty.sell()

    assert hosted.desk.reasons == []
    (worker,) = await hosted.fleet.database.workers.all_of(hosted.fleet.account_id)
    assert not worker.paused


async def test_outside_a_session_no_worker_is_commanded_to_sell(fleet: Fleet, disk: SmallDisk) -> None:
    night = replace(fleet, clock=replace(fleet.clock, market_anchor=fleet.clock.market_anchor + timedelta(hours=12)))
    await Books(fleet.database, fleet.account_id).held()
    watched = await Watched(night, disk).at(11)

    await watched.duty.sell()

    assert await watched.events() == [("entries_shut", EventLevel.ERROR), (EventKind.DISK_LOW, EventLevel.CRITICAL)]


async def test_books_that_cannot_be_written_do_not_keep_the_gate_open_or_the_alert_back(
    fleet: Fleet, database_url: str, disk: SmallDisk
) -> None:
    closed = await open_database(database_url, 1)
    await closed.aclose()
    watched = Watched(replace(fleet, database=closed), disk)

    with pytest.raises(Exception, match="pool is clos"):
        await watched.at(23)

    assert watched.gate.closed_because == shut_because()
    assert [event.kind for event in watched.direct.given] == [EventKind.DISK_LOW]
