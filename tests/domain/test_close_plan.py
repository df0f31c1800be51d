"""When selling begins: early enough for all holdings, earlier for thinly traded stocks (F41)."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import KST
from domain.close_plan import (
    LONGEST_THIN_LEAD,
    PARTICIPATION,
    CloseLeads,
    OwnStart,
    in_words,
    own_start,
    plan_session,
    sellable_quantity,
    time_to_sell_all,
    traded_per_minute,
)
from domain.market import PriceSample
from domain.money import Price, Quantity
from domain.session import CSAT_HOURS, FIRST_DAY_HOURS, Session, SessionPlan, session_of
from tests.domain.rate_limited_sales import seconds_to_sell
from tests.support.builders import MONDAY, NOW, a_plan, a_session

LIVE = CloseLeads(calls_per_second=18)
PAPER = CloseLeads(calls_per_second=1)
CSAT = session_of(date(2026, 11, 19), CSAT_HOURS)
FIRST_DAY = session_of(date(2027, 1, 4), FIRST_DAY_HOURS)


def at(text: str, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), KST)


def path(*points: tuple[str, int]) -> tuple[PriceSample, ...]:
    """Return a path of volumes at times of the session."""
    return tuple(PriceSample(at(text), Price(70_000), Quantity(volume)) for text, volume in points)


# --- The fleet


def test_entries_stop_half_an_hour_and_liquidation_starts_a_quarter_before_the_end() -> None:
    plan = a_plan()

    assert plan.entries_until == at("15:00")
    assert plan.liquidation_at == at("15:15")
    assert plan.because == "15 min before the end at 15:30"


@pytest.mark.parametrize(("positions", "real_seconds"), [(1, 1), (36, 2), (1_800, 51)])
@pytest.mark.parametrize("speed", [1, 4])
def test_all_that_are_due_have_begun_in_half_the_time_that_their_calls_take(
    positions: int, real_seconds: int, speed: int
) -> None:
    plan = plan_session(a_session(), LIVE, speed, positions)

    assert plan.begun_by is not None
    taken = plan.begun_by - plan.liquidation_at
    assert abs(taken - speed * timedelta(seconds=real_seconds)) <= speed * timedelta(seconds=0.03)


def test_who_has_not_begun_by_the_auction_begins_then_at_the_latest() -> None:
    plan = plan_session(a_session(), CloseLeads(liquidation=timedelta(minutes=10), calls_per_second=None), 10, 1)
    late = plan_session(a_session(), CloseLeads(liquidation=timedelta(0), least_real_time=timedelta(0)), 1)

    assert plan.begun_by == plan.session.auction_at
    assert late.begun_by == late.liquidation_at == late.session.ends_at


def test_entries_are_allowed_from_the_open_to_the_cut_off() -> None:
    plan = a_plan()

    assert not plan.entries_allowed_at(at("08:59"))
    assert plan.entries_allowed_at(at("09:00"))
    assert plan.entries_allowed_at(NOW)
    assert not plan.entries_allowed_at(at("15:00"))


@pytest.mark.parametrize(
    ("leads", "positions", "begins", "because"),
    [
        (LIVE, 1, "15:15", "15 min before the end at 15:30; 1 position needs 4 s at 18 calls/s"),
        (LIVE, 5, "15:15", "15 min before the end at 15:30; 5 positions need 8 s at 18 calls/s"),
        (LIVE, 1_000, "15:05", "1,000 positions need 14 min 30 s at 18 calls/s before the auction at 15:20"),
        (PAPER, 5, "15:15", "15 min before the end at 15:30; 5 positions need 1 min 21 s at 1 calls/s"),
        (PAPER, 30, "15:12", "30 positions need 7 min 51 s at 1 calls/s before the auction at 15:20"),
    ],
)
def test_many_positions_or_a_slow_account_begin_earlier_and_say_why(
    leads: CloseLeads, positions: int, begins: str, because: str
) -> None:
    plan = plan_session(a_session(), leads, 1, positions)

    assert plan.liquidation_at == at(begins)
    assert plan.because == because
    assert plan.entries_until == min(at("15:00"), at(begins))


@pytest.mark.parametrize(
    ("session", "few", "many"), [(CSAT, "16:15", "16:05"), (FIRST_DAY, "15:15", "15:05")], ids=["csat", "first day"]
)
def test_days_with_hours_of_their_own_are_planned_by_these(session: Session, few: str, many: str) -> None:
    assert plan_session(session, LIVE, 1, 5).liquidation_at == at(few, session.date)
    assert plan_session(session, LIVE, 1, 1_000).liquidation_at == at(many, session.date)


@pytest.mark.parametrize("misses", [0, 0.3, 1])
@pytest.mark.parametrize(
    ("leads", "positions"), [(LIVE, 5), (LIVE, 100), (LIVE, 1_000), (CloseLeads(calls_per_second=3), 100), (PAPER, 30)]
)
def test_selling_that_begins_by_the_plan_ends_before_the_auction(
    leads: CloseLeads, positions: int, misses: float
) -> None:
    plan = plan_session(a_session(), leads, 1, positions)
    assert leads.calls_per_second is not None

    takes = timedelta(seconds=seconds_to_sell(positions, leads.calls_per_second, misses))

    assert plan.liquidation_at + takes <= plan.session.auction_at


def test_a_quarter_of_an_hour_would_not_do_for_a_thousand() -> None:
    takes = timedelta(seconds=seconds_to_sell(1_000, 18, misses=1))

    assert at("15:15") + takes > at("15:20")


def test_a_compressed_day_liquidates_earlier_so_that_there_is_real_time_to_sell() -> None:
    plan = a_plan(speed=600)

    assert plan.liquidation_at == at("13:50")
    assert plan.entries_until == plan.liquidation_at


def test_what_the_budget_needs_is_real_time_that_a_compressed_day_multiplies() -> None:
    plan = plan_session(a_session(), LIVE, 240, 30)

    assert plan.session.auction_at - plan.liquidation_at >= time_to_sell_all(30, 18) * 240
    assert plan.because.startswith("30 positions need 29 s at 18 calls/s = 116 min at 240-fold speed")


def test_a_day_too_short_to_sell_in_allows_no_entries() -> None:
    plan = a_plan(speed=10_000)

    assert plan.liquidation_at == plan.session.opens_at
    assert not plan.entries_allowed_at(plan.session.opens_at)


@given(st.integers(1, 5_000), st.integers(0, 390), st.integers(0, 390), st.integers(1, 2_000), st.integers(1, 20))
def test_no_entry_is_allowed_once_liquidation_has_begun(
    speed: int, cutoff: int, lead: int, positions: int, calls_per_second: int
) -> None:
    leads = CloseLeads(timedelta(minutes=cutoff), timedelta(minutes=lead), calls_per_second=calls_per_second)
    session = a_session()

    plan = plan_session(session, leads, speed, positions)

    assert plan.entries_until <= plan.liquidation_at <= plan.session.ends_at
    assert session.ends_at - plan.liquidation_at >= min(
        leads.least_real_time * speed, session.ends_at - session.opens_at
    )
    assert session.auction_at - plan.liquidation_at >= min(
        time_to_sell_all(positions, calls_per_second) * speed, session.auction_at - session.opens_at
    )


# --- A thin position


def sold_alone(plan: SessionPlan, quantity: int, traded: Decimal) -> OwnStart | None:
    return own_start(plan.session, plan.liquidation_at, Quantity(quantity), traded)


@pytest.mark.parametrize(
    ("quantity", "traded", "begins", "why"),
    [
        (3_000, 1_200, "14:55", "thin: 3,000 shares at 120.0 a minute need 25 min"),
        (3_000, 3, "14:20", "thin: 3,000 shares at 0.3 a minute need 10,000 min and get 60"),
        (3_000, 0, "14:20", "thin: nothing seems to trade, 3,000 shares get 60 min"),
    ],
)
def test_a_thin_position_begins_before_the_fleet_and_says_why(
    quantity: int, traded: int, begins: str, why: str
) -> None:
    start = sold_alone(a_plan(), quantity, Decimal(traded))

    assert start is not None
    assert (start.at, start.why) == (at(begins), why)


def test_a_thick_position_begins_with_the_fleet() -> None:
    assert sold_alone(a_plan(), 70, Decimal(50_000)) is None


def test_no_position_begins_before_the_open() -> None:
    short = session_of(MONDAY, FIRST_DAY_HOURS)
    late = Session(short.date, short.auction_at - timedelta(minutes=20), short.auction_at, short.ends_at)

    start = sold_alone(plan_session(late, CloseLeads(), 1), 100, Decimal(0))

    assert start is not None
    assert start.at == late.opens_at


shares, rates = st.integers(1, 10**7), st.decimals(Decimal("0.01"), Decimal(10**6), places=2)


@given(shares, rates, st.integers(1, 1_000))
def test_an_own_start_is_between_the_earliest_and_the_fleets_and_gives_the_time_that_it_names(
    quantity: int, traded: Decimal, speed: int
) -> None:
    plan = plan_session(a_session(), LIVE, speed)

    start = sold_alone(plan, quantity, traded)

    earliest = max(plan.session.auction_at - LONGEST_THIN_LEAD, plan.session.opens_at)
    begins = plan.liquidation_at if start is None else start.at
    minutes = (plan.session.auction_at - begins) / timedelta(minutes=1)
    assert begins <= plan.liquidation_at
    assert begins >= min(earliest, plan.liquidation_at)
    assert begins <= earliest or minutes * float(traded * PARTICIPATION) >= quantity - 1


@given(rates, st.integers(0, 420))
def test_what_may_be_bought_is_not_due_to_be_sold_at_once(traded: Decimal, minute: int) -> None:
    plan, now = a_plan(), at("09:00") + timedelta(minutes=minute)

    quantity = sellable_quantity(plan.session, now, traded)

    if now < plan.entries_until and quantity:
        start = sold_alone(plan, quantity, traded)
        assert start is None or start.at > now
    if now >= plan.session.auction_at:
        assert quantity == 0


# --- Trading volume


def test_the_days_average_counts_from_the_open() -> None:
    assert traded_per_minute((), Quantity(60_000), a_session(), at("10:00")) == 1_000


def test_a_recent_lull_counts_more_than_a_busy_morning() -> None:
    recent = path(("14:30", 59_400), ("14:45", 59_700), ("14:59", 60_000))

    assert traded_per_minute(recent, Quantity(60_000), a_session(), at("15:00")) == 20


def test_a_recent_rush_does_not_count_more_than_the_day() -> None:
    recent = path(("09:30", 10_000), ("09:59", 60_000))

    assert traded_per_minute(recent, Quantity(60_000), a_session(), at("10:00")) == 1_000


def test_a_volume_that_fell_counts_as_nothing_traded() -> None:
    recent = path(("14:30", 70_000), ("14:45", 70_500), ("14:59", 70_900))

    assert traded_per_minute(recent, Quantity(60_000), a_session(), at("15:00")) == 0


def test_a_path_of_a_few_minutes_does_not_count() -> None:
    recent = path(("14:55", 60_000), ("15:00", 60_000))

    assert traded_per_minute(recent, Quantity(360_000), a_session(), at("15:00")) == 1_000


def test_the_first_minutes_do_not_make_a_rush_of_the_opening_auction() -> None:
    assert traded_per_minute((), Quantity(5_000), a_session(), at("09:00:10")) == 1_000


def test_before_the_open_nothing_is_known() -> None:
    assert traded_per_minute((), Quantity(5_000), a_session(), at("08:59")) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (6.2, "7 s"), (60, "1 min"), (725.2, "12 min 6 s"), (3_600, "60 min")]
)
def test_durations_are_shown_rounded_up(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
