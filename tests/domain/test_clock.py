"""Market time as a linear function of real time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.clock import LIVE_CLOCK, MarketClock, in_seoul
from tests.support.builders import NOW

REAL = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
instants = st.timedeltas(timedelta(days=-2_000), timedelta(days=2_000)).map(lambda offset: REAL + offset)
speeds = st.integers(1, 2_000)


def test_live_market_time_is_real_time() -> None:
    assert LIVE_CLOCK.is_live
    assert LIVE_CLOCK.market_time(REAL) == REAL


def test_a_compressed_day_passes_faster() -> None:
    clock = MarketClock(REAL, NOW, speed=60)

    assert not clock.is_live
    assert clock.market_time(REAL + timedelta(seconds=2)) == NOW + timedelta(minutes=2)
    assert clock.real_duration(timedelta(minutes=1)) == timedelta(seconds=1)
    assert clock.market_duration(timedelta(seconds=1)) == timedelta(minutes=1)


def test_a_shifted_clock_is_not_live() -> None:
    assert not MarketClock(REAL, NOW).is_live


def test_seoul_is_nine_hours_ahead() -> None:
    assert in_seoul(NOW).hour == 10
    assert in_seoul(NOW) == NOW


@given(real_anchor=instants, market_anchor=instants, real=instants, speed=speeds)
def test_real_to_market_and_back_is_exact(
    real_anchor: datetime, market_anchor: datetime, real: datetime, speed: int
) -> None:
    clock = MarketClock(real_anchor, market_anchor, speed)
    near = real_anchor + (real - real_anchor) / 2_000

    assert clock.real_time(clock.market_time(near)) == near


@given(market=instants, speed=speeds)
def test_market_to_real_and_back_is_exact_to_the_microsecond_of_real_time(market: datetime, speed: int) -> None:
    clock = MarketClock(REAL, NOW, speed)

    error = abs(clock.market_time(clock.real_time(market)) - market)

    assert error <= timedelta(microseconds=1) * speed


@given(first=instants, second=instants, speed=speeds)
def test_market_time_never_runs_backwards(first: datetime, second: datetime, speed: int) -> None:
    clock = MarketClock(REAL, NOW, speed)
    earlier, later = (REAL + (instant - REAL) / 2_000 for instant in sorted((first, second)))

    assert clock.market_time(earlier) <= clock.market_time(later)
