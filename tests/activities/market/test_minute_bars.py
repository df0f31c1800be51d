"""One-minute bars from observed prices, and what a strategy is shown of the day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.market.minute_bars import MinuteBars
from domain.lane import Lane
from domain.market import MinuteBar, Quote
from domain.money import Price, Quantity
from domain.session import SessionPhase, TradingCalendar
from tests.activities.desk import Desk
from tests.support.builders import NOW, SAMSUNG, a_quote, a_view

START = NOW.replace(second=0, microsecond=0)


def seen(seconds: float, price: int, volume: int) -> Quote:
    return a_quote(price, observed_at=START + timedelta(seconds=seconds), volume=Quantity(volume))


def bars_of(*quotes: Quote) -> tuple[MinuteBar, ...]:
    bars = MinuteBars()
    for quote in quotes:
        bars.add(quote)
    return bars.of(SAMSUNG)


def test_a_bar_has_the_prices_of_its_minute_and_the_shares_since_the_last_observation() -> None:
    bars = bars_of(seen(1, 70_000, 500), seen(20, 70_400, 600), seen(40, 69_900, 650), seen(61, 70_000, 700))

    assert bars == (
        MinuteBar(START, Price(70_000), Price(70_400), Price(69_900), Price(69_900), Quantity(150)),
        replace(
            bars[0],
            at=START + timedelta(minutes=1),
            high=Price(70_000),
            low=Price(70_000),
            close=Price(70_000),
            volume=Quantity(50),
        ),
    )


def test_a_minute_without_an_observation_has_no_bar_and_its_shares_come_with_the_next() -> None:
    bars = bars_of(seen(1, 70_000, 500), seen(200, 70_100, 900))

    assert [(bar.at - START, bar.volume) for bar in bars] == [(timedelta(0), 0), (timedelta(minutes=3), 400)]


def test_a_host_that_saw_the_stock_before_its_first_trade_counts_that_trade() -> None:
    before = seen(-30, 70_000, 0)

    assert [bar.volume for bar in bars_of(before, seen(1, 70_000, 500), seen(2, 70_000, 600))] == [600]
    yesterday = replace(seen(0, 70_000, 900), observed_at=START - timedelta(days=1))
    assert [bar.volume for bar in bars_of(yesterday, before, seen(1, 70_000, 500))] == [500]
    assert [bar.volume for bar in bars_of(yesterday, seen(1, 70_000, 950))] == [0]


def test_before_the_first_trade_there_is_no_bar_and_a_new_day_starts_empty() -> None:
    assert bars_of(seen(1, 70_000, 0)) == ()
    assert len(bars_of(seen(1, 70_000, 500), seen(24 * 3600 + 1, 70_000, 100))) == 1


async def test_a_strategy_sees_todays_minutes_the_last_days_and_the_session(desk: Desk) -> None:
    await desk.feed.learn_references([SAMSUNG], Lane.SCAN)
    view = None
    for _ in range(3):
        view = await desk.feed.view(SAMSUNG, timedelta(0), Lane.SCAN)
        await desk.pace.pause(timedelta(minutes=1))

    assert view is not None
    assert [bar.at.second for bar in view.minutes] == [0, 0, 0]
    assert view.minutes[-1].close == view.quote.price
    assert 10 <= len(view.days) <= 15
    assert view.reference is not None
    assert view.days[-1].close == view.reference.previous_close
    assert (view.days[-1].high, view.days[-1].low) == (view.reference.previous_high, view.reference.previous_low)
    assert [bar.date for bar in view.days] == sorted(bar.date for bar in view.days)
    assert view.phase is SessionPhase.CONTINUOUS
    assert view.open_for == timedelta(hours=1, minutes=2)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_day_without_a_session_is_closed(is_open: bool) -> None:
    view = a_view()
    calendar = TradingCalendar(frozenset() if is_open else frozenset({view.quote.observed_at.date()}))
    session = calendar.session_on(view.quote.observed_at.date())

    assert (type(view)(view.quote, None, (), (), session).phase is SessionPhase.CLOSED) is not is_open
