"""A host's death and time without a watch become events, written by another host or by the next one that starts."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.host_limits import HostLimits, ceiling_of
from domain.rules import TradingRules
from fleet.duties.host import HostDuty
from fleet.fleet import Fleet
from reporting.reading import read_day
from reporting.sentences import command_line_words, words
from tests.database.books import Books


def grow_silent(database_url: str, seconds: int) -> None:
    """Age every host's last heartbeat."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE hosts SET seen_at = seen_at - make_interval(secs => %s)", (seconds,))


async def events_of(fleet: Fleet, kind: str) -> list[Event]:
    return [event for event in await fleet.database.events.latest(fleet.account_id, 50) if event.kind == kind]


async def test_a_host_that_falls_silent_is_reported_once_by_another(fleet: Fleet, database_url: str) -> None:
    lost, one, two = (HostDuty(fleet) for _ in range(3))
    await lost.look()
    grow_silent(database_url, 95)
    for duty in (one, two):
        await duty.look()
        duty._well_since = -1e9  # its own heartbeats have succeeded for long enough
    for duty in (one, two, one):
        await duty.look()

    (event,) = await events_of(fleet, EventKind.HOST_DIED)
    assert event.level is EventLevel.ERROR
    assert 95 <= int(event.detail["seconds"]) <= 120
    assert words("ko").say(str(event.detail["why"])) != event.detail["why"]


async def test_a_death_while_shares_are_held_is_critical(fleet: Fleet, database_url: str) -> None:
    await Books(fleet.database, fleet.account_id).held()
    lost, other = HostDuty(fleet), HostDuty(fleet, timedelta(seconds=30))
    await lost.look()
    grow_silent(database_url, 60)
    await other.look()
    other._well_since = -1e9
    await other.look()

    (event,) = await events_of(fleet, EventKind.HOST_DIED)
    assert event.level is EventLevel.CRITICAL


async def test_the_last_host_names_the_shares_that_nothing_watches_after_it(fleet: Fleet) -> None:
    await Books(fleet.database, fleet.account_id).held()
    last, other = HostDuty(fleet), HostDuty(fleet)
    limits = HostLimits(ceiling_of(TradingRules()), True, frozenset(), timedelta(minutes=15))
    for host in (last, other):
        await host.declare(limits)

    assert await last.farewell() == []
    await other.leave()
    named, consequence, resume = await last.farewell()

    assert re.fullmatch(r"No longer watched: \S+ .+ ×[\d,]+ \(worker-1\)\.", named)
    assert "No stop" in consequence
    assert "python worker.py" in resume
    assert all(command_line_words("ko").say_parts(line) != line for line in (named, consequence, resume))


async def test_a_host_without_shares_says_nothing(fleet: Fleet) -> None:
    assert await HostDuty(fleet).farewell() == []


async def test_a_host_that_cannot_read_its_books_says_so(fleet: Fleet) -> None:
    await fleet.database.aclose()

    assert (await HostDuty(fleet).farewell())[0].startswith("PostgreSQL is unreachable: shares may be held")


async def test_a_host_that_leaves_has_not_died_and_one_that_was_taken_for_dead_lives_again(
    fleet: Fleet, database_url: str
) -> None:
    gone, frozen, other = HostDuty(fleet), HostDuty(fleet), HostDuty(fleet, timedelta(seconds=30))
    for duty in (gone, frozen):
        await duty.look()
    await gone.leave()
    grow_silent(database_url, 60)
    await other.look()
    other._well_since = -1e9
    await other.look()
    await frozen.look()

    assert len(await events_of(fleet, EventKind.HOST_DIED)) == 1
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT host_id, ended_at IS NULL, died FROM hosts").fetchall()
    assert {host: (lives, died) for host, lives, died in rows} == {
        gone.host_id: (False, False),
        frozen.host_id: (True, False),
        other.host_id: (True, False),
    }


async def test_after_an_outage_of_postgresql_living_hosts_are_not_taken_for_dead(
    fleet: Fleet, database_url: str
) -> None:
    one, two = HostDuty(fleet), HostDuty(fleet)
    for duty in (one, two):
        await duty.look()
    grow_silent(database_url, 120)
    one._well_since = None  # its last heartbeat failed
    await one.look()
    await two.look()
    one._well_since = -1e9
    await one.look()

    assert await events_of(fleet, EventKind.HOST_DIED) == []


@pytest.mark.parametrize(("seconds", "reported"), [(25, False), (75, True)])
async def test_held_shares_without_a_watch_for_long_are_an_incident_of_the_day(
    fleet: Fleet, database_url: str, seconds: int, *, reported: bool
) -> None:
    held = await Books(fleet.database, fleet.account_id).held()
    lapsed_until = datetime.now(UTC)  # noqa: TID251 - the lapse is in real time
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO lease_lapses (account_id, symbol, worker_id, fencing_token, since, until)"
            " VALUES (%s, %s, %s, 1, %s, %s)",
            (
                fleet.account_id,
                held.intent.symbol,
                held.intent.worker_id,
                lapsed_until - timedelta(seconds=seconds),
                lapsed_until,
            ),
        )
    duty = HostDuty(fleet)
    for _ in range(2):
        await duty.look()
    await HostDuty(fleet).look()

    found = await events_of(fleet, EventKind.TIME_UNWATCHED)
    assert [(event.symbol, event.detail["seconds"]) for event in found] == [(held.intent.symbol, seconds)] * reported
    if reported:
        day = await read_day(fleet.database, fleet.account_id, fleet.plan_of_the_day(fleet.market_now()).session)
        assert EventKind.TIME_UNWATCHED in {event.kind for event in day.events}
