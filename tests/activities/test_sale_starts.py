"""Those that are due at once begin one after the other, a little faster than the broker lets them through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from activities.sale_start import SaleStart, SaleStarts
from domain.clock import MarketClock
from tests.builders import an_open_position
from tests.stepping import CALENDAR, kst

DEADLINE = kst("2026-11-23 15:15")


@dataclass
class StandingPace:
    """A clock that stands where it is put."""

    clock: MarketClock
    now_is: datetime = DEADLINE

    def now(self) -> datetime:
        return self.now_is


def starts_of(pace: StandingPace, calls_per_second: int | None = 18) -> SaleStarts:
    return SaleStarts(pace, CALENDAR, calls_per_second)  # type: ignore[arg-type]


def a_start(starts: SaleStarts) -> SaleStart:
    return starts.of(an_open_position(), DEADLINE)


def pace_at(speed: int = 1) -> StandingPace:
    return StandingPace(MarketClock(DEADLINE, DEADLINE, speed))


def test_nobody_begins_before_the_deadline_and_the_first_at_it() -> None:
    start = a_start(starts_of(pace_at()))

    assert start.begins_at(DEADLINE - timedelta(seconds=1)) == DEADLINE
    assert start.begins_at(DEADLINE) == DEADLINE


def test_those_that_are_due_at_once_take_turns_and_keep_them() -> None:
    starts = starts_of(pace_at())
    due = [a_start(starts) for _ in range(100)]

    turns = [each.begins_at(DEADLINE) for each in due]

    assert [each.begins_at(DEADLINE) for each in due] == turns
    assert {later - turn for turn, later in pairwise(turns)} == {timedelta(seconds=1) / 36}


def test_in_a_compressed_day_the_turns_are_as_far_apart_in_real_time() -> None:
    starts = starts_of(pace_at(speed=60))

    first, second = (a_start(starts).begins_at(DEADLINE) for _ in range(2))

    assert second - first == 60 * (timedelta(seconds=1) / 36)


def test_who_is_due_later_waits_for_nobody() -> None:
    pace = pace_at()
    starts = starts_of(pace)
    a_start(starts).begins_at(DEADLINE)
    pace.now_is += timedelta(seconds=1)

    assert a_start(starts).begins_at(pace.now_is) == pace.now_is


def test_without_a_known_rate_all_begin_at_once() -> None:
    starts = starts_of(pace_at(), None)

    assert {a_start(starts).begins_at(DEADLINE) for _ in range(3)} == {DEADLINE}
