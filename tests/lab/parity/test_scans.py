"""What the recorded scans, waits and orders say of a purchase that only the replay made; a real difference stays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from domain.bar import MinuteBar
from domain.events.entries import kill_switch_lifted, kill_switch_pressed
from domain.events.machines import database_was_away
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Price, Won
from domain.order import OrderStatus
from lab.parity.causes import Cause, Day, Evidence, minute_of
from lab.parity.comparing import compare
from lab.parity.seen import NotBought, SeenDay, SeenScan
from tests.lab.parity.test_causes import (
    LIVE,
    OPENED,
    OTHER,
    REPLAY,
    a_day,
    a_trade,
    entry_of,
    evidence,
    seen_day,
)
from tests.support.builders import SAMSUNG, WORKER

SECOND: Final = timedelta(seconds=1)
SOON: Final = OPENED + 20 * SECOND


def always(_symbol: Symbol, _at: datetime, _price: Price) -> bool:
    return True


def scanned(*scans: SeenScan, live: Day | None = None, waits: Mapping[str, list[datetime]] | None = None) -> Evidence:
    """Return a day on which only the replay bought, at ``OPENED``, and the strategies saw a signal all the time."""
    seen = seen_day()
    seen.scans += scans
    seen.waits |= waits if waits is not None else {WORKER: [OPENED - timedelta(minutes=5)]}
    return evidence(live or Day(()), a_day(REPLAY), seen, workers=1, would_buy=always)


def a_scan(at: datetime, *found: Symbol) -> SeenScan:
    return SeenScan(at - SECOND, at, {symbol: Price(70_000) for symbol in found})


def no_scan() -> Evidence:
    return scanned(a_scan(OPENED - timedelta(minutes=10)), a_scan(OPENED + timedelta(minutes=10)))


def a_killed_host() -> Evidence:
    found = no_scan()
    found.seen.unwritten.append((OPENED - timedelta(minutes=5), OPENED - timedelta(minutes=4)))
    return found


def a_host_that_began() -> Evidence:
    found = no_scan()
    found.seen.begun.append(OPENED + timedelta(minutes=3))
    return found


def a_database_that_was_away() -> Evidence:
    found = no_scan()
    away = database_was_away(LIVE.account_id, 30, OPENED)
    return replace(found, live=replace(found.live, events=(away,)))


def busy_workers() -> Evidence:
    found = no_scan()
    found.seen.waits[WORKER] = [OPENED + timedelta(minutes=9)]
    return found


def silent_broker() -> Evidence:
    return scanned(SeenScan(OPENED, SOON, None))


def better_stocks() -> Evidence:
    return scanned(a_scan(SOON, OTHER, SAMSUNG))


def a_worker_that_came_during_the_scan() -> Evidence:
    waits = {WORKER: [OPENED - timedelta(minutes=5)], "worker-2": [SOON - SECOND / 2]}
    return scanned(a_scan(SOON, OTHER, SAMSUNG), waits=waits)


def an_order_under_way() -> Evidence:
    unknown = replace(entry_of(LIVE), status=OrderStatus.UNKNOWN)
    order = replace(unknown, intent=replace(unknown.intent, decided_at=OPENED - timedelta(minutes=2), symbol=OTHER))
    return scanned(a_scan(OPENED - timedelta(minutes=9)), live=Day((), (order,)))


def a_late_order() -> Evidence:
    late = replace(LIVE, opened_at=OPENED + 70 * SECOND)
    order = entry_of(late, decided_at=OPENED + 69 * SECOND)
    return scanned(a_scan(OPENED + 60 * SECOND, SAMSUNG), live=a_day(late, orders=(order,)))


def refused(why: str) -> Callable[[], Evidence]:
    def planted() -> Evidence:
        found = scanned(a_scan(SOON, SAMSUNG))
        found.seen.not_bought.append(NotBought(SOON + SECOND, SAMSUNG, why))
        return found

    return planted


def a_passing_signal() -> Evidence:
    """A signal at the start of the minute that has gone when the live day scans."""

    def at_first(_symbol: Symbol, at: datetime, _price: Price) -> bool:
        return at < OPENED + 10 * SECOND

    return replace(scanned(a_scan(SOON)), would_buy=at_first)


def a_signal_on_one_tick() -> Evidence:
    def at_its_price(_symbol: Symbol, _at: datetime, price: Price) -> bool:
        return price >= 69_000

    return replace(scanned(a_scan(SOON)), would_buy=at_its_price)


@pytest.mark.parametrize(
    ("plant", "cause"),
    [
        (a_killed_host, Cause.NO_SCAN),
        (a_host_that_began, Cause.NO_SCAN),
        (a_database_that_was_away, Cause.NO_SCAN),
        (busy_workers, Cause.BUSY),
        (silent_broker, Cause.NO_SCAN),
        (better_stocks, Cause.BUSY),
        (a_worker_that_came_during_the_scan, Cause.BUSY),
        (an_order_under_way, Cause.BUSY),
        (a_late_order, Cause.LATENCY),
        (refused("lock lost"), Cause.HELD),
        (refused("offered too late: scanned 80 s ago"), Cause.LATENCY),
        (refused("quote stale"), Cause.STALE),
        (refused("the price has moved: at 71,000, scanned at 70,000"), Cause.MINUTE),
        (refused("momentum no longer signals a buy at 70,000"), Cause.MINUTE),
        (refused("FLEET_LOSS: 2,000,000 won lost"), Cause.REFUSAL),
        (a_passing_signal, Cause.MINUTE),
        (a_signal_on_one_tick, Cause.MINUTE),
    ],
)
def test_a_planted_difference_has_its_cause(plant: Callable[[], Evidence], cause: Cause) -> None:
    (found, *more) = compare(plant()).differences

    assert found.cause is cause
    assert found.evidence
    assert not [each for each in more if each.cause is Cause.UNEXPLAINED]


def test_a_stock_that_was_found_for_a_free_worker_and_not_bought_stays_unexplained() -> None:
    assert compare(scanned(a_scan(SOON, SAMSUNG))).unexplained == 1
    assert compare(scanned(a_scan(SOON, SAMSUNG, OTHER))).unexplained == 1, "the other one has a later place"


def test_a_signal_that_the_scans_did_not_find_stays_unexplained() -> None:
    assert compare(scanned(a_scan(SOON))).unexplained == 1
    assert compare(scanned(a_scan(SOON), a_scan(SOON + 2 * SECOND, OTHER))).unexplained == 1


def test_a_scan_proves_that_a_worker_was_free() -> None:
    """The recording lost the note of a wait, or the ledger an order's end: the scan ran nevertheless."""
    busy = an_order_under_way()
    assert compare(busy).differences[0].cause is Cause.BUSY
    busy.seen.scans.append(a_scan(OPENED + SECOND))
    busy.seen.scans.sort(key=lambda each: each.at)

    assert compare(busy).unexplained == 1


def test_an_order_that_ended_before_its_worker_waited_again_keeps_no_one_busy() -> None:
    busy = an_order_under_way()
    busy.seen.waits[WORKER].append(OPENED - timedelta(minutes=1))

    assert compare(busy).unexplained == 1


def test_a_fleet_that_does_not_scan_without_a_reason_stays_unexplained() -> None:
    assert compare(no_scan()).unexplained == 1


def test_a_fill_between_two_ticks_is_named_and_one_far_from_them_is_not() -> None:
    seen = seen_day()
    minute = minute_of(OPENED)
    seen.bars[SAMSUNG] = {minute: MinuteBar(minute, 70_000, 70_500, 70_000, 70_500, 100)}
    seen.ticks[SAMSUNG] = {minute: [(0, 70_000), (30_000, 70_500)]}
    paid = {cost: replace(LIVE, entry_amount=Won(cost * 10)) for cost in (69_600, 69_000)}
    causes = {
        cost: compare(evidence(a_day(trade), a_day(REPLAY), seen)).differences[0].cause for cost, trade in paid.items()
    }
    assert causes == {69_600: Cause.TICK, 69_000: Cause.UNEXPLAINED}


def test_a_purchase_under_a_kill_switch_proves_that_it_was_lifted() -> None:
    """The lift may have no event in market time."""
    pressed = kill_switch_pressed(LIVE.account_id, "me", "", False, OPENED - timedelta(hours=1))
    lifted = kill_switch_lifted(LIVE.account_id, "me", "", True, OPENED + timedelta(days=8))
    bought = a_trade("other", symbol=OTHER, opened_at=OPENED - timedelta(minutes=30), worker_id=WorkerId("worker-9"))
    bought = replace(bought, closed_at=OPENED - timedelta(minutes=20))
    live = replace(a_day(bought), events=(pressed, lifted))

    found = compare(evidence(live, a_day(REPLAY), workers=5, would_buy=always))
    assert found.unexplained == 1
    shut = replace(live, trades=(), orders=())
    assert compare(evidence(shut, a_day(REPLAY), workers=5, would_buy=always)).causes[Cause.REFUSAL] == 1


def test_purchases_minutes_apart_have_the_cause_of_the_earlier_one() -> None:
    later = replace(LIVE, opened_at=OPENED + timedelta(minutes=8), closed_at=LIVE.closed_at)
    seen = seen_day()
    seen.scans += [SeenScan(OPENED, SOON, None), a_scan(OPENED + timedelta(minutes=7))]
    found = compare(evidence(a_day(later), a_day(REPLAY), seen, workers=5, would_buy=always))

    assert (found.differences[0].what, found.differences[0].cause) == ("entry time", Cause.NO_SCAN)


def test_a_difference_is_unexplained_although_the_recording_is_full() -> None:
    seen: SeenDay = seen_day()
    seen.scans += [a_scan(OPENED + number * SECOND) for number in range(0, 70, 2)]
    seen.waits |= {f"worker-{number}": [OPENED - timedelta(minutes=5)] for number in range(1, 6)}

    assert compare(evidence(a_day(), a_day(REPLAY), seen, workers=5, would_buy=always)).unexplained == 1
