"""The seeded market: same seed, same prices; on the grid; tradable days."""

from datetime import date, timedelta
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.clock import kst_instant
from simulator.day_path import Edit
from simulator.exchange import Exchange, Snapshot
from simulator.krx.prices import STOCK_GRID
from simulator.krx.units import Price, Symbol
from simulator.listings import LISTINGS, MOST_LISTINGS, first_listings
from tests.simulator.market_day import CALENDAR, SAMSUNG

SYMBOLS = sorted(LISTINGS)
NOON = kst_instant("2026-11-23 12:00:00")
WHOLE = Exchange(7, CALENDAR)


def see(symbol: Symbol = SAMSUNG, at: str = "2026-11-23 12:00:00", exchange: Exchange = WHOLE) -> Snapshot:
    return exchange.snapshot(symbol, kst_instant(at))


@given(st.sampled_from(SYMBOLS), st.integers(0, 5 * 86_400))
@settings(max_examples=40, deadline=None)
def test_every_price_is_on_the_grid_and_inside_the_limits(symbol: Symbol, seconds: int) -> None:
    seen = WHOLE.snapshot(symbol, NOON + timedelta(seconds=seconds))

    assert STOCK_GRID.is_on_grid(seen.price)
    assert seen.limits.contains(seen.price)
    if seen.totals.volume:
        assert seen.totals.low_price <= seen.price <= seen.totals.high_price
        assert seen.totals.low_price <= seen.totals.open_price <= seen.totals.high_price


def test_the_same_seed_gives_the_same_day_for_any_first_reader() -> None:
    early, late = Exchange(7, CALENDAR), Exchange(7, CALENDAR)
    see(at="2026-11-20 10:00:00", exchange=early)

    assert see(exchange=early) == see(exchange=late)


def test_what_is_forced_upon_one_exchange_changes_no_bar_of_another() -> None:
    forced, untouched = Exchange(7, CALENDAR), Exchange(7, CALENDAR)
    session = forced.shown_session(NOON)
    place = forced.sessions.position(session)
    before = forced.day(SAMSUNG, place)

    forced.edit(SAMSUNG, NOON, Edit(0, Price(int(see().price * 1.02) // 1000 * 1000)))

    assert forced.day(SAMSUNG, place) == forced.path(SAMSUNG, session).summary() != before
    assert untouched.day(SAMSUNG, place) == untouched.path(SAMSUNG, session).summary() == before


def test_another_seed_gives_another_day() -> None:
    assert see(exchange=Exchange(8, CALENDAR)).totals != see().totals


@given(st.sampled_from(SYMBOLS), st.integers(0, 23_000), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_volume_turnover_and_range_only_grow(symbol: Symbol, start: int, step: int) -> None:
    opens = kst_instant("2026-11-23 09:00:00")
    before = WHOLE.snapshot(symbol, opens + timedelta(seconds=start)).totals
    after = WHOLE.snapshot(symbol, opens + timedelta(seconds=start + step)).totals

    assert after.volume >= before.volume
    assert after.turnover >= before.turnover
    assert after.high_price >= before.high_price
    assert after.low_price <= before.low_price


@given(st.sampled_from(SYMBOLS), st.integers(0, 379), st.integers(0, 59))
@settings(max_examples=100, deadline=None)
def test_a_begun_minute_knows_the_range_of_its_seconds(symbol: Symbol, minute: int, inside: int) -> None:
    natural = WHOLE.path(symbol, see().session).natural
    prices = [natural.price_at(minute * 60 + second) for second in range(inside + 1)]

    begun = natural.begun_bar(minute, inside)

    assert begun[:4] == (prices[0], max(prices), min(prices), prices[-1])


def test_the_close_is_the_next_days_base_over_a_weekend() -> None:
    friday, monday = see(at="2026-11-20 16:00:00"), see(at="2026-11-23 08:45:00")

    assert monday.base == friday.price == monday.price
    assert monday.totals.volume == 0


def test_a_sunday_shows_fridays_close() -> None:
    assert see(at="2026-11-22 12:00:00").session.date == date(2026, 11, 20)


def test_a_good_share_of_stocks_breaks_out_and_some_go_on_and_some_turn() -> None:
    outcomes = [_outcome(symbol) for symbol in SYMBOLS]

    assert len(outcomes) >= 40
    assert sum(outcome != "quiet" for outcome in outcomes) >= 12
    assert outcomes.count("went_on") >= 5
    assert outcomes.count("turned") >= 3


def _outcome(symbol: Symbol) -> str:
    session = CALENDAR.session_on(date(2026, 11, 23))
    assert session is not None
    path, before = WHOLE.path(symbol, session), WHOLE.previous_day(symbol, session)
    level = path.price_at(0) + (before.high_price - before.low_price) / 2
    bars = [path.bar(minute) for minute in range(path.minutes)]
    entry = next((minute for minute, bar in enumerate(bars) if bar.high >= level), None)
    if entry is None:
        return "quiet"
    for bar in bars[entry + 1 :]:
        if bar.low <= level * 0.97:
            return "turned"
        if bar.high >= level * 1.04:
            return "went_on"
    return "held"


def test_a_forced_price_holds_drifts_and_carries_over_to_the_next_day() -> None:
    exchange = Exchange(7, CALENDAR)
    before = see(exchange=exchange)

    exchange.edit(SAMSUNG, NOON, Edit(0, before.limits.clamp(before.base), drift=-0.001))

    assert see(exchange=exchange).price == before.base
    assert see(at="2026-11-23 12:10:00", exchange=exchange).price == pytest.approx(before.base * 0.99, rel=0.002)
    closed = see(at="2026-11-23 16:00:00", exchange=exchange).price
    assert see(at="2026-11-24 09:30:00", exchange=exchange).base == closed


def test_a_halt_freezes_the_price_over_days_until_it_is_lifted() -> None:
    exchange = Exchange(7, CALENDAR)
    exchange.freeze(SAMSUNG, NOON)

    frozen = see(exchange=exchange)
    next_day = see(at="2026-11-24 11:00:00", exchange=exchange)
    exchange.resume(SAMSUNG, kst_instant("2026-11-24 11:00:00"))

    assert see(at="2026-11-23 15:00:00", exchange=exchange).totals.volume == frozen.totals.volume
    assert next_day.price == frozen.price
    assert next_day.totals.volume == 0
    assert see(at="2026-11-24 11:05:00", exchange=exchange).totals.volume > 0


def test_a_halt_that_is_lifted_after_the_close_leaves_the_close_as_it_was() -> None:
    exchange = Exchange(7, CALENDAR)
    exchange.freeze(SAMSUNG, NOON)
    closed = see(at="2026-11-23 15:35:00", exchange=exchange)

    exchange.resume(SAMSUNG, kst_instant("2026-11-23 17:00:00"))

    assert see(at="2026-11-23 15:35:00", exchange=exchange) == closed
    assert see(at="2026-11-24 09:30:00", exchange=exchange).base == closed.price
    assert see(at="2026-11-24 09:30:00", exchange=exchange).totals.volume > 0


def test_a_jump_of_half_a_year_is_cheap() -> None:
    exchange = Exchange(7, CALENDAR)
    started = process_time()

    see(at="2026-06-01 10:00:00", exchange=exchange)
    see(at="2026-12-01 10:00:00", exchange=exchange)

    assert process_time() - started < 1


def test_more_stocks_can_be_listed_and_trade_like_the_known_ones() -> None:
    everything = first_listings(MOST_LISTINGS)
    exchange = Exchange(7, CALENDAR, everything.values())

    assert first_listings(len(LISTINGS)) == dict(LISTINGS)
    assert len(everything) == len({listing.name for listing in everything.values()}) == MOST_LISTINGS
    for symbol in list(everything)[-5:]:
        seen = see(symbol, exchange=exchange)
        assert STOCK_GRID.is_on_grid(seen.price)
        assert STOCK_GRID.is_on_grid(everything[symbol].price)
        assert seen.totals.turnover > 50_000_000


@pytest.mark.parametrize("count", [0, MOST_LISTINGS + 1])
def test_a_number_of_stocks_that_cannot_be_listed_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="choose 1 to"):
        first_listings(count)
