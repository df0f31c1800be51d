"""What a host notes of a day: each minute once, rules when they change, replies; never more than there is room for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from activities.market.coverage import Coverage
from activities.market.jumps import Jumps
from activities.market.prices import Prices
from activities.support.pace import RealPace
from activities.support.recorder import DayRecorder, Sending
from domain.clock import LIVE_CLOCK
from domain.jump import JumpBound
from domain.market import Market, Quote, Symbol
from domain.money import Price, Quantity
from domain.order import Rejected
from domain.rules import TradingRules
from domain.screening import Candidate, ScanReport
from tests.support.builders import an_intent

TEN: datetime = datetime(2026, 11, 30, 1, tzinfo=UTC)
SAMSUNG = Symbol("005930")


def a_quote(seconds: int, price: int, volume: int) -> Quote:
    seen = Quote(SAMSUNG, Price(price), TEN + timedelta(seconds=seconds), volume=Quantity(volume))
    return replace(seen, previous_close=Price(70_000), name="Samsung", market=Market.KOSPI)


def prices_with(recorder: DayRecorder) -> Prices:
    pace = RealPace(LIVE_CLOCK)
    return Prices(pace, Coverage(pace), Jumps(pace, JumpBound()), recorder)


def see(prices: Prices, *quotes: Quote) -> None:
    for quote in quotes:
        prices.take_answers((quote.symbol,), {quote.symbol: quote}, quote.observed_at)


def rows(recorder: DayRecorder, until: datetime | None = None) -> list[Any]:
    return [note.values["bar"] for note in recorder.take(until) if note.kind == "bar"]


def test_a_minute_is_noted_when_the_next_one_begins_or_the_day_is_taken() -> None:
    recorder = DayRecorder()
    prices = prices_with(recorder)
    see(prices, a_quote(0, 70_000, 100), a_quote(20, 70_300, 150), a_quote(40, 69_900, 180), a_quote(61, 70_100, 200))

    assert rows(recorder, TEN + timedelta(seconds=62)) == [[SAMSUNG, 600, 70_000, 70_300, 69_900, 69_900, 80]]
    assert rows(recorder, TEN + timedelta(seconds=62)) == []
    assert rows(recorder) == [[SAMSUNG, 601, 70_100, 70_100, 70_100, 70_100, 20]]
    assert rows(recorder) == []


def test_the_prices_of_a_minute_are_noted_in_sequence() -> None:
    recorder = DayRecorder()
    prices = prices_with(recorder)
    first, moment = a_quote(1, 70_000, 100), timedelta(milliseconds=20)
    again = replace(a_quote(3, 70_000, 120), observed_at=TEN + timedelta(seconds=3.5))
    see(prices, first, again, a_quote(20, 70_300, 150), a_quote(40, 69_900, 180), a_quote(59, 69_900, 190))
    hasty = replace(a_quote(59, 70_500, 195), observed_at=TEN + timedelta(seconds=40) + moment)
    see(prices, hasty, a_quote(61, 70_100, 200))

    (minute, quiet) = [note.values for note in recorder.take() if note.kind == "bar"]
    assert minute["ticks"] == [1_000, 70_000, 19_000, 300, 20_000, -400]
    assert "ticks" not in quiet, "its one price is the bar's"


def test_prices_in_quick_succession_are_thinned_out() -> None:
    recorder = DayRecorder()
    prices = prices_with(recorder)
    step = timedelta(milliseconds=10)
    see(prices, *(replace(a_quote(0, 70_000 + n % 7, 100 + n), observed_at=TEN + n * step) for n in range(100)))

    (bar,) = (note.values for note in recorder.take() if note.kind == "bar")
    assert len(bar["ticks"]) // 2 <= 20
    assert all(later >= 50 for later in bar["ticks"][2::2])


def test_a_scan_is_noted_with_what_it_found_and_a_failed_one_without() -> None:
    recorder = DayRecorder()
    found = Candidate(SAMSUNG, "Samsung", Price(70_000), Decimal(1), "momentum", "2", "rises")
    recorder.scan(TEN, TEN + timedelta(seconds=1.5), ScanReport(40, (found,)))
    recorder.scan(TEN, TEN, None)
    recorder.not_bought(SAMSUNG, TEN, "lock lost")

    assert [(note.kind, dict(note.values)) for note in recorder.take()] == [
        ("scan", {"since": 36_000.0, "at": 36_001.5, "found": [[SAMSUNG, 70_000, "momentum"]]}),
        ("scan", {"since": 36_000.0, "at": 36_000.0, "found": None}),
        ("not_bought", {"at": 36_000.0, "symbol": SAMSUNG, "why": "lock lost"}),
    ]


def test_a_quiet_minute_is_noted_once_it_is_over() -> None:
    recorder = DayRecorder()
    prices = prices_with(recorder)
    see(prices, a_quote(0, 70_000, 100))

    assert rows(recorder, TEN + timedelta(seconds=59)) == []
    assert len(rows(recorder, TEN + timedelta(seconds=60))) == 1
    see(prices, a_quote(70, 70_000, 110))
    assert len(rows(recorder)) == 1


def test_a_full_queue_drops_and_counts() -> None:
    recorder = DayRecorder(room=3)
    prices = prices_with(recorder)
    see(prices, *(a_quote(60 * minute, 70_000, 100 + minute) for minute in range(10)))

    assert len(recorder.take()) == 3
    assert recorder.dropped == 8
    assert prices.known[SAMSUNG].volume == 109


def test_rules_are_noted_when_they_change() -> None:
    recorder, rules = DayRecorder(), TradingRules()
    other = replace(rules, exits=replace(rules.exits, stop_loss=Decimal("0.05")))
    for given in (rules, rules, other):
        recorder.rules("worker-1", given, TEN)

    notes = recorder.take()
    assert [note.values["rules"]["exits.stop_loss"] for note in notes if note.kind == "rules"] == ["3%", "5%"]
    assert [dict(note.values) for note in notes if note.kind == "waits"] == [{"at": 36_000.0, "worker": "worker-1"}] * 3


def test_rules_are_noted_again_on_the_next_day() -> None:
    recorder = DayRecorder()
    for day in range(2):
        recorder.rules("worker-1", TradingRules(), TEN + timedelta(days=day))

    assert len({note.date for note in recorder.take() if note.kind == "rules"}) == 2


def test_a_reply_is_noted_with_the_age_of_the_price_that_decided() -> None:
    recorder = DayRecorder()
    see(prices_with(recorder), a_quote(0, 70_000, 100))
    intent = an_intent(decided_at=TEN + timedelta(seconds=7))
    recorder.order(intent, Sending(10.0, 12.5, 13.0), Rejected("APBK0919", "closed"))
    recorder.order(intent, Sending(10.0), Rejected("NOT_SENT", "no slot"))

    sent, unsent = (note.values for note in recorder.take() if note.kind == "order")
    assert (sent["age"], sent["waited"], sent["reply"], sent["why"]) == (7.0, 2.5, 0.5, "APBK0919 closed")
    assert (unsent["waited"], unsent["reply"]) == (None, None)


def test_a_fault_of_the_recording_reaches_no_trade() -> None:
    recorder = DayRecorder()
    recorder.order(None, Sending(0.0), Rejected("", ""))  # type: ignore[arg-type]

    assert recorder.dropped == 1
