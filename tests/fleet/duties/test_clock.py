"""A clock that drifts from the broker's at run time: reported, and entries stay closed until it agrees again (F44)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from activities.support.host_gate import HostGate
from broker.kis import KisBroker
from broker.kis.skew import shown_in
from broker.kis.wire import Wire
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.session import session_date_of
from fleet.clocks import system_now
from fleet.duties.clock import SHUT_BECAUSE, ClockDuty
from fleet.fleet import Fleet
from tests.broker.parts import Budget, Tokens, a_connection, market_now


class Host:
    """A broker's host that answers only with the time, by a clock that can be wrong."""

    def __init__(self) -> None:
        self.behind = timedelta(0)

    def __call__(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(404, headers={"Date": format_datetime(system_now() - self.behind, usegmt=True)})


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
async def broker(host: Host) -> AsyncIterator[KisBroker]:
    connection = replace(a_connection(), real_time=system_now)
    async with KisBroker(connection, Budget(), Tokens(), market_now, httpx.MockTransport(host)) as broker:
        yield broker


async def asks(broker: KisBroker, times: int = 3) -> None:
    for _ in range(times):
        await broker.read_clock()


async def shut_because(fleet: Fleet) -> tuple[str, ...]:
    return await fleet.database.risk.closed_because(fleet.account_id, session_date_of(fleet.market_now()))


@pytest.mark.parametrize(("seconds", "side"), [(70, "ahead of"), (-70, "behind")])
async def test_a_clock_that_is_off_shuts_entries_until_it_is_right_again(
    fleet: Fleet, broker: KisBroker, host: Host, seconds: int, side: str
) -> None:
    host.behind = timedelta(seconds=seconds)
    await asks(broker)
    duty = ClockDuty(fleet, broker, HostGate())

    await duty.look()
    await duty.look()

    assert await shut_because(fleet) == (SHUT_BECAUSE,)
    reported = [
        event for event in await fleet.database.events.latest(fleet.account_id, 10) if event.kind == EventKind.CLOCK_OFF
    ]
    assert [event.level for event in reported] == [EventLevel.CRITICAL]
    assert f" s {side} the broker's" in str(reported[0].detail["cause"])

    host.behind = timedelta(0)
    await duty.look()
    await duty.look()

    assert await shut_because(fleet) == ()


async def test_another_machine_with_a_right_clock_does_not_let_this_one_buy(
    fleet: Fleet, broker: KisBroker, host: Host
) -> None:
    host.behind = timedelta(seconds=70)
    await asks(broker)
    ours, theirs = HostGate(), HostGate()
    await ClockDuty(fleet, broker, ours).look()
    connection = replace(a_connection(), real_time=system_now)
    async with KisBroker(connection, Budget(), Tokens(), market_now, httpx.MockTransport(Host())) as right:
        await asks(right)
        await ClockDuty(fleet, right, theirs).look()

    assert (ours.objection, theirs.objection) == (SHUT_BECAUSE, "")
    host.behind = timedelta(0)
    duty = ClockDuty(fleet, broker, ours)
    await duty.look()
    await duty.look()
    assert ours.objection == ""


async def test_a_few_seconds_are_tolerated(fleet: Fleet, broker: KisBroker, host: Host) -> None:
    host.behind = timedelta(seconds=8)
    await asks(broker)

    await ClockDuty(fleet, broker, HostGate()).look()

    assert await shut_because(fleet) == ()
    assert timedelta(seconds=6) < broker.clock_skew <= timedelta(seconds=8)


async def test_one_odd_date_is_no_skew(fleet: Fleet, broker: KisBroker, host: Host) -> None:
    await asks(broker)
    host.behind = timedelta(hours=1)
    await asks(broker, times=1)

    await ClockDuty(fleet, broker, HostGate()).look()

    assert broker.clock_skew == timedelta(0)
    assert await shut_because(fleet) == ()


async def test_every_reply_counts_not_only_those_to_a_question_for_the_time(host: Host) -> None:
    host.behind = timedelta(seconds=70)
    wire = Wire(replace(a_connection(), real_time=system_now), httpx.MockTransport(host))

    for _ in range(3):
        assert wire.clocks.skew == timedelta(0)
        await wire.post_token()

    assert timedelta(seconds=68) < wire.clocks.skew <= timedelta(seconds=70)
    await wire.aclose()


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -0900", "yesterday", ""])
def test_a_date_that_is_no_instant_shows_no_clock_and_raises_nothing(date: str) -> None:
    assert shown_in(httpx.Response(200, headers={"Date": date})) is None
