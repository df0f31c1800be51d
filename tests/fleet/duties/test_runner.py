"""The guarantees of the duty runner, each on a virtual clock with a duty that breaks them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest

from database.errors import AccountInUseError
from domain.clock import MarketClock
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import Environment
from fleet.duties.account import AccountDuty
from fleet.duties.duty import Duty, Terms
from fleet.duties.runner import DutyRunner
from fleet.fleet import Fleet
from tests.support.stepping import ACCOUNT, CALENDAR
from tests.support.virtual_time import VirtualLoop, run_virtually

Act = Callable[[], Awaitable[None]]


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Kept:
    """The event history in memory; ``fault`` is what the database answers instead."""

    events: list[Event] = field(default_factory=list)
    fault: Exception | None = None
    hangs: bool = False

    async def append(self, event: Event) -> bool:
        if self.fault is not None:
            raise self.fault
        if self.hangs:
            await hang()
        is_new = event.key not in {each.key for each in self.events}
        self.events += [event] * is_new
        return is_new


@dataclass
class Books:
    events: Kept = field(default_factory=Kept)


class Acting:
    """A duty that notes when its rounds begin, and then acts."""

    def __init__(self, act: Act | None = None, name: str = "acting", **terms: Any) -> None:
        self.terms = Terms(name, **terms)
        self.begun: list[float] = []
        self._act = act

    async def look(self) -> None:
        self.begun.append(now())
        if self._act is not None:
            await self._act()


class VirtualFleet(Fleet):
    """A fleet whose clock is the loop's. It begins at a full hour."""

    def real_now(self) -> datetime:
        return self.clock.real_anchor + timedelta(seconds=now())


def a_fleet(environment: Environment = Environment.SIMULATED, speed: int = 1) -> tuple[Fleet, Kept]:
    anchor, books = datetime(2026, 11, 23, 1, tzinfo=UTC), Books()
    clock = MarketClock(anchor, anchor, speed)
    return VirtualFleet(cast("Any", None), cast("Any", books), ACCOUNT, environment, clock, CALENDAR), books.events


def played(duties: Sequence[Duty], seconds: float, fleet: Fleet | None = None) -> Kept:
    """Run the duties for so many virtual seconds; return the events."""
    default, kept = a_fleet()

    async def play() -> None:
        running = asyncio.create_task(DutyRunner(fleet or default, duties).run())
        await asyncio.wait([running], timeout=seconds)
        running.cancel()
        await asyncio.wait([running])

    run_virtually(play())
    return kept


async def hang() -> None:
    await asyncio.Event().wait()


async def hang_and_ignore_a_cancellation() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    while not loop.is_over:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def fail() -> None:
    raise LookupError("a bug")


async def be_unavailable() -> None:
    raise ConnectionRefusedError


def pauses(begun: Sequence[float]) -> list[float]:
    return [round(after - before, 6) for before, after in pairwise(begun)]


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == message]


def test_a_round_follows_each_interval_and_up_to_a_tenth_earlier() -> None:
    first, second = Acting(), Acting(name="other")

    played([first, second], 1_000)

    assert all(4.5 <= pause <= 5.0 for pause in [first.begun[0], *pauses(first.begun)])
    assert len(set(pauses(first.begun))) > 100
    assert first.begun != second.begun


def test_a_duty_that_starts_at_once_does_not_wait_for_its_interval() -> None:
    duty = Acting(every=60.0, at_once=True)

    played([duty], 30)

    assert duty.begun == [0.0]


@pytest.mark.parametrize("act", [hang, hang_and_ignore_a_cancellation, fail, be_unavailable])
def test_a_duty_that_hangs_or_fails_delays_no_other(act: Act) -> None:
    broken, other = Acting(act, "broken"), Acting(name="other")

    played([broken, other, Acting(act, "also broken")], 600)

    assert len(other.begun) >= 120
    assert max(pauses(other.begun)) <= 5.0


def test_a_round_that_hangs_is_cancelled_reported_and_repeated(caplog: pytest.LogCaptureFixture) -> None:
    duty = Acting(hang, "hanging", within=20.0, level=EventLevel.CRITICAL)

    kept = played([duty], 600)

    (event,) = kept.events
    assert (event.kind, event.level, event.detail["duty"]) == (EventKind.DUTY_FAILED, EventLevel.CRITICAL, "hanging")
    assert str(event.detail["cause"]).endswith("has not ended after 20 s")
    assert len(logged(caplog, "hosting_duty_hung")) in {len(duty.begun), len(duty.begun) - 1}
    assert len(duty.begun) > 5
    assert pauses(duty.begun)[-1] >= 20 + 54


def test_a_round_that_ignores_its_cancellation_stays_the_only_one_of_its_duty(
    caplog: pytest.LogCaptureFixture,
) -> None:
    duty = Acting(hang_and_ignore_a_cancellation, within=20.0)

    kept = played([duty], 600)

    assert len(duty.begun) == 1
    assert len(logged(caplog, "hosting_duty_hung")) == 29
    assert [event.kind for event in kept.events] == [EventKind.DUTY_FAILED]


def test_a_duty_that_raises_is_reported_and_slows_down_to_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    duty = Acting(fail, "failing")

    kept = played([duty], 900)

    (event,) = kept.events
    assert str(event.detail["cause"]).endswith("failed: LookupError: a bug")
    assert event.level is EventLevel.ERROR
    for pause, longest in zip(pauses(duty.begun), (10, 20, 40, 60, 60, 60), strict=False):
        assert longest * 0.9 <= pause <= longest
    assert len(logged(caplog, "hosting_duty_failed")) == len(duty.begun)


def test_a_duty_that_is_rarer_than_a_minute_keeps_its_interval_when_it_fails() -> None:
    duty = Acting(fail, every=600.0)

    played([duty], 6_100)

    assert len(duty.begun) == 10


def test_a_duty_that_recovers_has_its_interval_again() -> None:
    async def fail_twice() -> None:
        if len(duty.begun) <= 2:
            await fail()

    duty = Acting(fail_twice)

    played([duty], 200)

    assert [pause > 5 for pause in pauses(duty.begun)[:4]] == [True, True, False, False]


def test_a_duty_that_cancels_itself_is_reported_and_does_not_end_the_host() -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    duty = Acting(cancel)

    kept = played([duty], 100)

    assert len(duty.begun) > 2
    assert "it cancelled itself" in str(kept.events[0].detail["cause"])


def test_a_fault_of_a_server_is_retried_after_the_interval_and_is_no_incident(
    caplog: pytest.LogCaptureFixture,
) -> None:
    duty = Acting(be_unavailable, "unlucky")

    kept = played([duty], 100)

    assert kept.events == []
    assert max(pauses(duty.begun)) <= 5.0
    assert len(logged(caplog, "hosting_duty_postponed")) == len(duty.begun)


def test_a_failure_that_the_books_cannot_record_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fleet, kept = a_fleet()
    kept.fault, duty = ConnectionRefusedError("away"), Acting(fail)

    played([duty], 100, fleet)

    assert len(logged(caplog, "duty_failure_not_recorded")) == len(duty.begun) > 2


def test_books_that_hang_do_not_hold_up_a_failing_duty(caplog: pytest.LogCaptureFixture) -> None:
    fleet, kept = a_fleet()
    kept.hangs, duty = True, Acting(fail)

    played([duty], 100, fleet)

    assert len(duty.begun) > 2
    assert len(logged(caplog, "duty_failure_not_recorded")) in {len(duty.begun), len(duty.begun) - 1}


def test_each_duty_that_fails_has_an_event_of_its_own() -> None:
    kept = played([Acting(fail, "one"), Acting(fail, "other")], 3_000)

    assert sorted(str(event.detail["duty"]) for event in kept.events) == ["one", "other"]


def test_a_failure_that_lasts_is_an_event_each_hour() -> None:
    assert len(played([Acting(fail)], 3 * 3_600 - 100).events) == 3


def test_an_error_that_ends_the_host_stops_all_duties() -> None:
    ended: list[str] = []

    async def lose_the_account() -> None:
        raise AccountInUseError("another fleet trades it")

    async def wait() -> None:
        try:
            await hang()
        finally:
            ended.append("other")

    fatal = Acting(lose_the_account, ends_host=AccountDuty.terms.ends_host)
    other = Acting(wait, at_once=True)
    with pytest.raises(AccountInUseError):
        run_virtually(DutyRunner(a_fleet()[0], [fatal, other]).run())

    assert ended == ["other"]


def test_the_same_error_of_another_duty_does_not_end_the_host() -> None:
    async def lose() -> None:
        raise AccountInUseError("another fleet trades it")

    duty = Acting(lose)

    kept = played([duty], 100)

    assert len(duty.begun) > 2
    assert len(kept.events) == 1


def test_duties_stop_in_reverse_order_each_after_the_one_before_has_ended() -> None:
    ended: list[str] = []

    def ending(name: str, seconds: float) -> Acting:
        async def act() -> None:
            try:
                await hang()
            finally:
                await asyncio.sleep(seconds)
                ended.append(name)

        return Acting(act, name, at_once=True)

    played([ending("account", 0.0), ending("host", 0.1), ending("reports", 0.8)], 50)

    assert ended == ["reports", "host", "account"]


def test_a_stop_does_not_wait_for_duties_that_ignore_it() -> None:
    async def play() -> float:
        duties = [Acting(hang_and_ignore_a_cancellation, str(number), at_once=True) for number in range(30)]
        running = asyncio.create_task(DutyRunner(a_fleet()[0], duties).run())
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.wait([running])
        return now() - 10

    assert run_virtually(play()) <= 6


@pytest.mark.parametrize("environment", Environment)
def test_a_duty_of_one_environment_runs_in_no_other(environment: Environment) -> None:
    duty, everywhere = Acting(name="of live", environments=frozenset({Environment.LIVE})), Acting(name="everywhere")

    played([duty, everywhere], 60, a_fleet(environment)[0])

    assert bool(duty.begun) == (environment is Environment.LIVE)
    assert everywhere.begun


def test_the_log_says_when_each_duty_last_succeeded(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "haru.hosting"):
        played([Acting(name="well"), Acting(fail, name="broken")], 700)

    texts = [str(vars(record)["seconds_ago"]) for record in logged(caplog, "duties_last_succeeded")]
    assert len(texts) == 3, "each five minutes, and at the end"
    for text in texts:
        ages = dict(pair.split("=") for pair in text.split())
        assert ages["broken"] == "never"
        assert int(ages["well"]) <= 5
