"""The replay follows the prices that were seen in each minute, and knows what the day was before the first one."""

from datetime import date, timedelta
from typing import Any, Final

import pytest

from domain.bar import MinuteBar
from domain.market import Symbol
from domain.session import Session, SessionDate
from lab.exchange import open_exchange
from lab.market import LabMarket
from lab.parity.replay import recorded_session
from lab.parity.seen import SeenDay
from lab.parity.ticks import live_looks
from lab.recording import RecordedSession
from tests.lab.parity.test_causes import LIVE, entry_of, exit_of, sending
from tests.lab.recorded_days import CALENDAR

DAY: Final = SessionDate(date(2026, 11, 23))
SAMSUNG: Final = Symbol("005930")
TICKS: Final = [(2_000, 70_100), (2_400, 70_200), (30_000, 69_900)]


@pytest.fixture
def session() -> Session:
    found = CALENDAR.session_on(DAY)
    assert found is not None
    return found


def seen_day(first: int = 540, **about: Any) -> SeenDay:
    """Return two minutes of a stock, the second with ticks."""
    seen = SeenDay(DAY)
    seen.bars[SAMSUNG] = {
        first: MinuteBar(first, 70_000, 70_000, 70_000, 70_000, 100),
        first + 1: MinuteBar(first + 1, 70_100, 70_200, 69_900, 69_900, 300),
    }
    seen.ticks[SAMSUNG] = {first + 1: TICKS}
    seen.stocks[SAMSUNG] = {"market": "kospi", "base": 70_000, "name": "Samsung", **about}
    seen.references[SAMSUNG] = {"days": [], "last": [70_000, 71_000, 69_000, 9_000]}
    return seen


def market_of(seen: SeenDay, session: Session) -> LabMarket:
    found: RecordedSession = recorded_session(seen, session, CALENDAR.session_before(DAY))
    return LabMarket(found, open_exchange(found, 10_000_000, CALENDAR, session.opens_at))


def test_each_second_has_the_last_price_seen_by_then(session: Session) -> None:
    path = market_of(seen_day(), session).path(SAMSUNG)

    prices = [path.price_at(60 + second) for second in range(60)]
    assert prices[:3] == [70_000, 70_000, 70_200], "the minute begins with the price that a host had"
    assert (prices[29], prices[30], prices[59]) == (70_200, 69_900, 69_900)
    assert path.totals_at(60 + 10)[:3] == (70_000, 70_200, 70_000)


def test_strategies_see_the_prices_between_two_minutes(session: Session) -> None:
    market = market_of(seen_day(), session)
    at = session.opens_at + timedelta(seconds=100)
    samples = [(each.at - session.opens_at, each.price) for each in market.view(market.quote(SAMSUNG, at)).recent]

    assert samples[1:] == [
        (timedelta(seconds=60), 70_000),
        (timedelta(seconds=62), 70_200),
        (timedelta(seconds=90), 69_900),
        (timedelta(seconds=100), 69_900),
    ]


def test_a_stock_that_was_first_seen_later_keeps_what_the_day_was_by_then(session: Session) -> None:
    market = market_of(seen_day(600, so_far=[68_500, 71_000, 68_000, 5_000]), session)
    quote = market.quote(SAMSUNG, session.opens_at + timedelta(minutes=60))

    assert (quote.open_price, quote.high_price, quote.low_price) == (68_500, 71_000, 68_000)
    assert quote.volume >= 5_000
    unknown = market_of(seen_day(600), session)
    assert unknown.quote(SAMSUNG, session.opens_at + timedelta(minutes=60)).open_price == 70_000


def test_the_replay_looks_when_the_fleet_decided(session: Session) -> None:
    seen, bought, sold = SeenDay(DAY), entry_of(LIVE), exit_of(LIVE)
    for order in (sold, bought):
        seen.orders[order.intent.intent_id] = sending(order)
    looks = live_looks(seen, session.opens_at)

    seconds = [int((order.intent.decided_at - session.opens_at).total_seconds()) for order in (bought, sold)]
    assert looks.entries == [(seconds[0], LIVE.symbol)]
    assert looks.exits == {LIVE.symbol: [seconds[1]]}
