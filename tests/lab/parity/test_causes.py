"""Each planted difference between a live day and its replay has the right cause; one without evidence has none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.bar import MinuteBar
from domain.events.entries import (
    MARKET_CLOSE,
    entries_reopened,
    entries_shut,
    kill_switch_lifted,
    kill_switch_pressed,
)
from domain.identity import IntentId, PositionId, WorkerId
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from domain.position import ClosedTrade, ExitReason
from domain.rule_changes import value_text
from domain.rules import TradingRules
from domain.session import session_date_of
from lab.parity.causes import Cause, Day, Evidence, minute_of
from lab.parity.comparing import compare
from lab.parity.seen import SeenDay, SeenOrder, SeenRules
from strategies import all_rule_values
from tests.support.builders import NOW, SAMSUNG, WORKER, a_closed_trade, an_intent, an_order

OPENED: datetime = NOW - timedelta(minutes=10)
OTHER = Symbol("000660")
RULES = TradingRules()


def a_bar(at: datetime, low: int = 69_000, high: int = 71_500, volume: int = 100) -> MinuteBar:
    return MinuteBar(minute_of(at), low, high, low, high, volume)


def seen_day(*symbols: Symbol) -> SeenDay:
    """Return a recording with a minute for each minute of an hour around the trade."""
    seen = SeenDay(session_date_of(NOW))
    for symbol in symbols or (SAMSUNG, OTHER):
        bars = [a_bar(NOW + timedelta(minutes=minute)) for minute in range(-40, 40)]
        seen.bars[symbol] = {bar.minute: bar for bar in bars}
    return seen


def a_trade(name: str, **changes: Any) -> ClosedTrade:
    return replace(a_closed_trade(), position_id=PositionId(name), **changes)


def entry_of(trade: ClosedTrade, **changes: Any) -> OrderRecord:
    intent = an_intent(
        intent_id=IntentId(f"{trade.position_id}.entry"),
        position_id=trade.position_id,
        symbol=trade.symbol,
        decided_at=changes.pop("decided_at", trade.opened_at),
        decision_price=trade.entry_decision_price,
    )
    return an_order(intent, **changes)


def exit_of(trade: ClosedTrade, **changes: Any) -> OrderRecord:
    intent = an_intent(
        Side.SELL,
        intent_id=IntentId(f"{trade.position_id}.exit"),
        position_id=trade.position_id,
        symbol=trade.symbol,
        purpose=OrderPurpose.EXIT,
        decided_at=changes.pop("decided_at", trade.closed_at),
        decision_price=trade.exit_decision_price,
    )
    return an_order(intent, **changes)


def a_day(*trades: ClosedTrade, orders: tuple[OrderRecord, ...] = ()) -> Day:
    usual = [order for trade in trades for order in (entry_of(trade), exit_of(trade))]
    named = {order.intent.intent_id for order in orders}
    return Day(trades, (*orders, *(each for each in usual if each.intent.intent_id not in named)))


def sending(order: OrderRecord, age: float = 0.1, waited: float | None = 0.0, reply: float = 0.1) -> SeenOrder:
    intent = order.intent
    about = (intent.intent_id, intent.symbol, intent.purpose.value, intent.decided_at, intent.decision_price)
    return SeenOrder(*about, age, waited, reply, "accepted", "")


LIVE, REPLAY = a_trade("live"), a_trade("replay")
SOLD_LATE = replace(LIVE, closed_at=NOW + timedelta(minutes=5))


def evidence(live: Day, replayed: Day, seen: SeenDay | None = None, **about: Any) -> Evidence:
    return Evidence(live, replayed, seen or seen_day(), RULES, **about)


def with_sending(order: OrderRecord, **about: Any) -> SeenDay:
    seen = seen_day()
    seen.orders[order.intent.intent_id] = sending(order, **about)
    return seen


def another_code() -> Evidence:
    stamp = replace(LIVE.strategy, source="a" * 64)
    return evidence(a_day(replace(LIVE, strategy=stamp)), a_day(), sources={"momentum": "b" * 64})


def a_changed_rule() -> Evidence:
    seen = seen_day()
    rules = {name: value_text(name, value) for name, value in all_rule_values(RULES).items()}
    noted = SeenRules(NOW - timedelta(minutes=1), WORKER, {**rules, "exits.stop_loss": "1%"}, {})
    seen.rules.append(noted)
    sold = replace(LIVE, exit_reason=ExitReason.STOP_LOSS)
    return evidence(a_day(sold), a_day(REPLAY), seen)


def a_refused_order() -> Evidence:
    refused = entry_of(LIVE, filled=0, status=OrderStatus.REJECTED)
    return evidence(Day((), (refused,)), a_day(REPLAY))


def a_rate_slot() -> Evidence:
    order = exit_of(SOLD_LATE, decided_at=NOW)
    return evidence(a_day(SOLD_LATE, orders=(order,)), a_day(REPLAY), with_sending(order, waited=290.0))


def a_slow_reply() -> Evidence:
    order = exit_of(SOLD_LATE, decided_at=NOW)
    return evidence(a_day(SOLD_LATE, orders=(order,)), a_day(REPLAY), with_sending(order, reply=280.0))


def a_stale_price() -> Evidence:
    return evidence(a_day(SOLD_LATE), a_day(REPLAY), with_sending(exit_of(SOLD_LATE), age=270.0))


def a_lost_tick() -> Evidence:
    seen = seen_day()
    for minute in range(4):
        del seen.bars[SAMSUNG][minute_of(NOW + timedelta(minutes=minute))]
    return evidence(a_day(SOLD_LATE), a_day(REPLAY), seen)


def a_queue() -> Evidence:
    order = exit_of(SOLD_LATE, decided_at=NOW)
    return evidence(a_day(SOLD_LATE, orders=(order,)), a_day(REPLAY))


def a_partial_fill() -> Evidence:
    small = replace(LIVE, quantity=Quantity(4), entry_amount=Won(280_000), exit_amount=Won(284_000))
    return evidence(a_day(small, orders=(entry_of(small, filled=4),)), a_day(REPLAY))


def a_busy_fleet() -> Evidence:
    busy = a_trade("other", symbol=OTHER, worker_id=WORKER)
    return evidence(a_day(busy), a_day(a_trade("other there", symbol=OTHER), REPLAY))


def a_stock_that_rests() -> Evidence:
    # The live day had sold the stock a minute before; the replay sold it half an hour earlier.
    early = a_trade("early", opened_at=OPENED - timedelta(minutes=30), closed_at=OPENED - timedelta(minutes=1))
    there = replace(early, position_id=PositionId("early there"), closed_at=OPENED - timedelta(minutes=1))
    return evidence(a_day(early), a_day(there, REPLAY), workers=5)


def a_price_inside_the_minute() -> Evidence:
    sold = replace(LIVE, closed_at=NOW + timedelta(seconds=20))
    return evidence(a_day(sold, orders=(exit_of(sold),)), a_day(REPLAY))


def a_gap_in_the_path(minutes: int = 3) -> Evidence:
    seen = seen_day()
    for minute in range(minutes):
        del seen.bars[SAMSUNG][minute_of(OPENED - timedelta(minutes=20 - minute))]
    return evidence(a_day(), a_day(REPLAY), seen, workers=5, would_buy=lambda _symbol, _at, _price: True)


def a_thin_book() -> Evidence:
    deep = replace(LIVE, exit_amount=Won(688_000))
    return evidence(a_day(deep), a_day(REPLAY))


@pytest.mark.parametrize(
    ("plant", "cause"),
    [
        (another_code, Cause.STRATEGY),
        (a_changed_rule, Cause.RULE),
        (a_refused_order, Cause.REFUSAL),
        (a_rate_slot, Cause.SLOT),
        (a_slow_reply, Cause.LATENCY),
        (a_stale_price, Cause.STALE),
        (a_lost_tick, Cause.TICK),
        (a_queue, Cause.QUEUE),
        (a_partial_fill, Cause.QUEUE),
        (a_busy_fleet, Cause.BUSY),
        (a_stock_that_rests, Cause.HELD),
        (a_price_inside_the_minute, Cause.MINUTE),
        (a_thin_book, Cause.BOOK),
        (a_gap_in_the_path, Cause.TICK),
    ],
)
def test_a_planted_difference_has_its_cause(plant: Callable[[], Evidence], cause: Cause) -> None:
    found = compare(plant())

    assert [each.cause for each in found.differences] == [cause]
    assert found.differences[0].evidence


def test_an_equal_day_has_no_difference() -> None:
    found = compare(evidence(a_day(LIVE), a_day(REPLAY)))

    assert (found.differences, len(found.pairs)) == ([], 1)


def test_a_trade_that_nothing_explains_stays_unexplained() -> None:
    only_live = compare(evidence(a_day(LIVE), a_day(), workers=5))
    only_replay = compare(evidence(a_day(), a_day(REPLAY), workers=5, would_buy=lambda _symbol, _at, _price: True))

    assert (only_live.unexplained, only_replay.unexplained) == (1, 1)


def test_a_quiet_minute_is_no_gap() -> None:
    assert compare(a_gap_in_the_path(minutes=1)).unexplained == 1


def test_a_minute_before_the_open_is_no_gap() -> None:
    found = compare(replace(a_gap_in_the_path(), opens_at=OPENED - timedelta(minutes=10)))

    assert found.unexplained == 1


def test_a_short_delay_does_not_explain_a_late_sale() -> None:
    seen = with_sending(exit_of(SOLD_LATE), reply=2.0)

    assert compare(evidence(a_day(SOLD_LATE), a_day(REPLAY), seen)).unexplained == 1


def test_an_impossible_fill_stays_unexplained() -> None:
    cheap = replace(LIVE, entry_amount=Won(600_000))

    found = compare(evidence(a_day(cheap), a_day(REPLAY)))
    assert [(each.what, each.cause) for each in found.differences] == [("entry price", Cause.UNEXPLAINED)]


def test_a_signal_at_the_live_price_explains_a_trade_between_two_looks() -> None:
    asked: list[Price] = []

    def would_buy(_symbol: Symbol, _at: datetime, price: Price) -> bool:
        asked.append(price)
        return True

    found = compare(evidence(a_day(LIVE), a_day(), workers=5, would_buy=would_buy))
    assert [each.cause for each in found.differences] == [Cause.MINUTE]
    assert asked == [LIVE.entry_decision_price]


def test_a_purchase_minutes_before_the_replay_s_is_explained_by_a_signal_at_its_price() -> None:
    later = replace(REPLAY, opened_at=OPENED + timedelta(minutes=7))
    alone = evidence(a_day(LIVE), a_day(later), workers=5)
    first = compare(replace(alone, would_buy=lambda _symbol, _at, _price: True)).differences[0]
    assert (first.what, first.cause) == ("entry time", Cause.MINUTE)
    assert compare(alone).differences[0].cause is Cause.UNEXPLAINED


def test_a_signal_after_the_market_close_began_is_explained() -> None:
    shut = entries_shut(LIVE.account_id, LIVE.session_date, MARKET_CLOSE, OPENED)
    closed = Day((), events=(shut,))
    there = evidence(closed, a_day(REPLAY), workers=5, would_buy=lambda _symbol, _at, _price: True)

    assert [each.cause for each in compare(there).differences] == [Cause.CLOSE]
    later = replace(shut, at=OPENED + timedelta(hours=1))
    assert compare(replace(there, live=Day((), events=(later,)))).unexplained == 1
    long_ago = replace(shut, at=OPENED - timedelta(hours=1))
    again = entries_reopened(LIVE.account_id, LIVE.session_date, SAMSUNG, "", OPENED - timedelta(minutes=30))
    assert compare(replace(there, live=Day((), events=(long_ago, again)))).unexplained == 1


def test_a_signal_under_the_kill_switch_is_explained_until_it_is_lifted() -> None:
    pressed = kill_switch_pressed(LIVE.account_id, "me", "", False, OPENED)
    there = evidence(Day((), events=(pressed,)), a_day(REPLAY), workers=5, would_buy=lambda _symbol, _at, _price: True)

    (found,) = compare(there).differences
    assert (found.cause, found.evidence.endswith("the kill switch is on")) == (Cause.REFUSAL, True)
    long_ago = replace(pressed, at=OPENED - timedelta(hours=1))
    lifted = kill_switch_lifted(LIVE.account_id, "me", "", True, OPENED - timedelta(minutes=30))
    assert compare(replace(there, live=Day((), events=(long_ago, lifted)))).unexplained == 1


def test_notes_that_a_killed_host_never_wrote_explain_what_nothing_else_does() -> None:
    alone = evidence(a_day(LIVE), a_day(), workers=5)
    assert compare(alone).unexplained == 1

    alone.seen.unwritten.append((OPENED - timedelta(minutes=1), OPENED + timedelta(minutes=1)))
    (found,) = compare(alone).differences
    assert (found.cause, found.evidence.count("it was killed")) == (Cause.DATA, 1)

    alone.seen.unwritten[:] = [(OPENED + timedelta(hours=1), OPENED + timedelta(hours=2))]
    assert compare(alone).unexplained == 1


def test_a_stock_that_was_not_recorded_is_named() -> None:
    found = compare(evidence(a_day(LIVE), a_day(), seen_day(OTHER), workers=5))

    assert [each.cause for each in found.differences] == [Cause.DATA]


def test_another_worker_name_is_no_difference() -> None:
    other = replace(LIVE, worker_id=WorkerId("worker-9"))

    assert compare(evidence(a_day(other), a_day(REPLAY))).differences == []
