"""A simulated day, recorded as a host records it and replayed: nothing differs; other rules give another day."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.market.minute_bars import MinuteBars
from activities.support.recorder import DayRecorder
from domain.bar import MinuteBar
from domain.clock import KST
from domain.errors import TradingError
from domain.market import Quote
from domain.money import Price, Quantity
from domain.rules import StrategyRules, TradingRules
from domain.session import Session, SessionDate
from history.store import BarStore
from lab.day import LabBooks, Order, play
from lab.exchange import open_exchange
from lab.market import LabMarket
from lab.parity.causes import Cause, Day, Evidence
from lab.parity.comparing import Comparison, compare
from lab.parity.replay import (
    NothingToReplayError,
    Replay,
    recorded_session,
    replayed,
    rules_in_force,
)
from lab.parity.seen import SeenDay, read_day, take
from lab.recording import RecordedSession, read_session
from runtime.recording import RecordingWriter
from simulator.day_path import DayPath
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

RULES = TradingRules(strategy=StrategyRules(names=("volatility_breakout",)))
ORDER = Order(RULES, workers=3, capital=50_000_000)


@pytest.fixture(scope="module")
def session() -> Session:
    found = CALENDAR.session_on(DAYS[0])
    assert found is not None
    return found


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[LabBooks]:
    found = LabBooks(database_url)
    yield found
    await found.aclose()


def watched(store: BarStore, played: RecordedSession, folder: Path) -> SeenDay:
    """Record what a host would have seen of a day: a price a second, references and rules."""
    exchange = open_exchange(played, ORDER.capital, CALENDAR, played.session.opens_at)
    market = LabMarket(played, exchange)
    recorder, minutes = DayRecorder(), MinuteBars()
    day = played.session.date
    for symbol, stock in store.day(day).stocks.items():
        reference = played.stocks[symbol].reference
        recorder.reference(reference, day)
        volume = 0
        quote = Quote(symbol, stock.previous_close, at_minute(day, 538), previous_close=stock.previous_close)
        recorder.price(see(minutes, quote), None)
        for bar in stock.bars:
            for second, price in enumerate(seen_prices(market.path(symbol), bar)):
                volume += bar.volume if second == 0 else 0
                at = at_minute(day, bar.minute) + timedelta(seconds=second)
                now = replace(quote, price=Price(price), observed_at=at, volume=Quantity(volume))
                recorder.price(see(minutes, now), minutes.latest(symbol))
    for number in (1, 2, 3):
        recorder.rules(f"worker-{number}", RULES, played.session.opens_at)
    RecordingWriter(recorder, folder, 30, lambda: played.session.ends_at).write(recorder.take())
    found = read_day(folder, day)
    assert found is not None
    assert (found.missing, found.problems, recorder.dropped) == (0, [], 0)
    return found


def see(minutes: MinuteBars, quote: Quote) -> Quote:
    minutes.add(quote)
    return quote


def seen_prices(path: DayPath, bar: MinuteBar) -> list[int]:
    """Return the price of each second of a minute; the closing auction has one."""
    first = (bar.minute - 540) * 60
    if first >= path.minutes * 60:
        return [bar.close]
    return [path.price_at(second) for second in range(first, first + 60)]


def at_minute(day: SessionDate, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=KST).astimezone(UTC)


def against(live: Day, replay: Replay, seen: SeenDay) -> Comparison:
    opens_at = CALENDAR.session_on(seen.day).opens_at  # type: ignore[union-attr] # it has been played
    about = {"workers": 3, "opens_at": opens_at, "would_buy": replay.market.would_buy}
    return compare(Evidence(live, replay.day, seen, replay.rules, replay.sources, **about))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_an_undisturbed_day_has_no_difference(books: LabBooks, session: Session, tmp_path: Path) -> None:
    store = a_store(tmp_path / "bars")
    played = read_session(store, session)
    ledger = (await play(books, played, ORDER, CALENDAR)).books.ledger
    live = Day(ledger.trades, tuple(each.record for each in ledger.orders))
    seen = watched(store, played, tmp_path / "recordings")

    found = recorded_session(seen, session, CALENDAR.session_before(session.date))
    replay = await replayed(books, found, replace(ORDER, rules=rules_in_force(seen, {})), CALENDAR, seen)
    same = against(live, replay, seen)
    assert live.trades
    assert (same.differences, len(same.pairs)) == ([], len(live.trades))

    lost = Day(live.trades[1:], live.orders)
    assert [each.cause for each in against(lost, replay, seen).differences] == [Cause.UNEXPLAINED]

    none = replace(ORDER, rules=rules_in_force(seen, {"risk.trades_per_worker": "1", "exits.stop_loss": "1%"}))
    other = await replayed(books, found, none, CALENDAR, seen)
    assert other.net != replay.net
    changed = against(live, other, seen)
    assert changed.causes[Cause.RULE]
    assert not changed.unexplained


def test_a_day_without_rules_or_stocks_is_refused(session: Session) -> None:
    empty = SeenDay(session.date)
    with pytest.raises(NothingToReplayError, match="no worker scanned"):
        rules_in_force(empty, {})
    with pytest.raises(NothingToReplayError, match="no recorded stock"):
        recorded_session(empty, session, CALENDAR.session_before(session.date))


def test_a_wrong_rule_is_refused(session: Session) -> None:
    recorder = DayRecorder()
    recorder.rules("worker-1", RULES, session.opens_at)
    seen = SeenDay(session.date)
    for note in recorder.take():
        take(seen, {"kind": note.kind, **note.values})
    assert rules_in_force(seen, {"exits.stop_loss": "2%"}).exits.stop_loss != RULES.exits.stop_loss
    with pytest.raises(TradingError, match=r"exits\.stop_los"):
        rules_in_force(seen, {"exits.stop_los": "2%"})
