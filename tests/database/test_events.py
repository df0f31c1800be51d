"""The event book and the counts of the scans."""

from datetime import timedelta

from database.database import Database
from domain.event import Event, EventLevel
from domain.event_kind import AnyKind, EventKind, kind_of
from domain.identity import WorkerId
from domain.session import SessionDate
from domain.summary import FLEET
from tests.support.builders import ACCOUNT, MONDAY, NOW, SAMSUNG, WORKER

OTHER = WorkerId("worker-2")


def an_event(kind: AnyKind = EventKind.STREAM_AWAY, key: str = "") -> Event:
    """Return an event."""
    return Event(ACCOUNT, kind, EventLevel.WARNING, NOW, MONDAY, WORKER, SAMSUNG, {"seconds": 7, "cause": "끊김"}, key)


async def test_events_come_back_newest_first(database: Database) -> None:
    first, second = an_event(), Event(ACCOUNT, EventKind.HOST_DIED, EventLevel.INFO, NOW - timedelta(hours=1))
    assert await database.events.append(first)
    assert await database.events.append(second)

    assert await database.events.latest(ACCOUNT, 10) == (second, first)
    assert await database.events.latest(ACCOUNT, 1) == (second,)


async def test_an_event_with_a_key_is_kept_once(database: Database) -> None:
    assert await database.events.append(an_event(key="silence/1"))
    assert not await database.events.append(an_event(key="silence/1"))

    assert await database.events.counts(ACCOUNT, MONDAY, EventKind.STREAM_AWAY) == 1


async def test_events_without_a_key_are_all_kept(database: Database) -> None:
    await database.events.append(an_event())
    await database.events.append(an_event())

    assert await database.events.counts(ACCOUNT, MONDAY, EventKind.STREAM_AWAY) == 2
    assert await database.events.counts(ACCOUNT, MONDAY, EventKind.STREAM_TAKEN) == 0


async def test_dropped_stocks_add_up_over_scans_and_workers(database: Database) -> None:
    await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 30, {"thin_volume": 3, "no_signal": 20})
    await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 30, {"thin_volume": 2})
    await database.events.add_scan(ACCOUNT, MONDAY, OTHER, 30, {"no_signal": 5})
    await database.events.add_scan(ACCOUNT, SessionDate(MONDAY - timedelta(days=3)), OTHER, 30, {"no_signal": 9})

    assert await database.events.dropped_on(ACCOUNT, MONDAY) == {
        FLEET: {"no_signal": 25, "thin_volume": 5},
        WORKER: {"no_signal": 20, "thin_volume": 5},
        OTHER: {"no_signal": 5},
    }
    assert await database.events.scans_on(ACCOUNT, MONDAY) == {FLEET: (3, 90), WORKER: (2, 60), OTHER: (1, 30)}


async def test_a_repeated_scan_counts_once(database: Database) -> None:
    for _ in range(2):
        await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 30, {"no_signal": 5}, key="run-1/7")
    await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 30, {"no_signal": 1}, key="run-1/8")

    assert (await database.events.dropped_on(ACCOUNT, MONDAY))[FLEET] == {"no_signal": 6}


async def test_a_scan_that_drops_nothing_is_counted(database: Database) -> None:
    await database.events.add_scan(ACCOUNT, MONDAY, WORKER, 0, {})

    assert await database.events.dropped_on(ACCOUNT, MONDAY) == {}


async def test_a_kind_of_another_version_is_read_as_it_stands(database: Database) -> None:
    await database.events.append(an_event(kind_of("of_another_version")))

    (event,) = await database.events.latest(ACCOUNT, 1)

    assert (event.kind, event.level) == ("of_another_version", EventLevel.WARNING)
