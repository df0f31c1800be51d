"""A held position is watched under our lease, on trusted prices, until a rule says sell."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.watch.messages import WatchRequest
from domain.errors import StaleFencingTokenError
from domain.exits import ExitSignal
from domain.identity import WorkerId
from domain.market import MarketView
from domain.money import Rate
from domain.position import ExitReason, OpenPosition
from domain.rules import StrategyRules
from domain.session import session_date_of
from tests.activities.desk import PLAN, Desk, Eager
from tests.broker.parts import a_many_row, success
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, RULES


@pytest.fixture(autouse=True, params=["by an activity", "by the market watch"])
def how(desk: Desk, request: pytest.FixtureRequest) -> None:
    """Run each test with the watch of earlier versions, which recorded runs continue with, and with the present one."""
    desk.by_shard = request.param == "by the market watch"


def steady(desk: Desk) -> None:
    """Keep the price constant."""
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)


async def test_a_fall_below_the_stop_sells(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])

    signal: ExitSignal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    assert desk.pace.pauses == 2
    assert (await desk.holding(entry.position_id)).last_price == signal.price


async def test_the_time_of_a_purchase_stays_when_its_watch_starts_again(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    bought = (await desk.holding(entry.position_id)).opened_at
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04)])
    for _ in range(2):
        await desk.watches(entry)

        (row,) = await desk.database.workers.board(entry.lease.account_id, session_date_of(bought))
        assert row.last_event.startswith("bought")
        assert row.last_event_at == bought


async def test_no_strategy_is_asked_about_a_position_that_its_price_sells(desk: Desk) -> None:
    asked = list[OpenPosition]()

    class Asked(Eager):
        def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
            asked.append(position)
            return False

    desk.strategies = {"eager": Asked()}
    desk.rebuild()
    steady(desk)
    entry = await desk.buys()
    desk.price_moves(-0.04)
    desk.passes(seconds=5)

    assert (await desk.watches(entry)).reason is ExitReason.STOP_LOSS
    assert asked == []


async def test_an_open_trade_keeps_the_exit_rules_it_began_with(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    stricter = replace(RULES, version=2, exits=replace(RULES.exits, stop_loss=Rate("0.001"), take_profit=Rate("0.001")))
    desk.pace.meanwhile.extend([lambda: desk.price_moves(-0.01), lambda: None, lambda: desk.price_moves(-0.04)])

    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, stricter, PLAN.liquidation_at)
    signal = await desk.watches_for(request)

    assert signal.reason is ExitReason.STOP_LOSS
    assert desk.pace.pauses >= 3, "neither stricter rule has fired"
    assert (await desk.holding(entry.position_id)).rules_version == RULES.version


async def test_a_rise_to_the_target_sells(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(0.06))

    assert (await desk.watches(entry)).reason is ExitReason.TAKE_PROFIT


async def test_the_best_price_of_an_attempt_that_died_still_trails(desk: Desk) -> None:
    desk.by_shard = False  # the market watch keeps the best price in the ledger only
    steady(desk)
    entry = await desk.buys()
    best = round(desk.price() * 1.03)

    signal = await desk.watches(entry, heartbeat_details=[best])

    assert (signal.reason, signal.high_water_mark) == (ExitReason.TRAILING_STOP, best)


async def test_the_best_price_is_in_each_heartbeat_and_in_the_ledger(desk: Desk) -> None:
    desk.by_shard = False
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.extend([lambda: desk.price_moves(0.015), lambda: None, lambda: desk.price_moves(-0.06)])
    desk.heartbeats.clear()

    signal = await desk.watches(entry)

    marks = [details[0] for details in desk.heartbeats]
    assert marks == sorted(marks)
    assert signal.high_water_mark == marks[-1] > marks[0]
    assert (await desk.holding(entry.position_id)).high_water_mark == marks[-1]


async def test_a_price_that_has_grown_old_decides_nothing(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.price_moves(-0.1)
    desk.simulation.add_fault(kind="http_error", path="intstock-multprice", count=8)

    signal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    assert desk.pace.pauses >= 4


@pytest.mark.parametrize("absurd", ["0", "1", "9999999"])
async def test_an_absurd_price_decides_nothing(desk: Desk, absurd: str) -> None:
    steady(desk)
    entry = await desk.buys()
    limits = {"inter2_llam": "49100", "inter2_mxpr": "91100"}
    bad = success(output=[a_many_row(inter2_prpr=absurd, **limits)]).text
    desk.simulation.add_fault(kind="garbage", path="intstock-multprice", count=3, body=bad)
    desk.pace.meanwhile.extend([lambda: None] * 4 + [lambda: desk.price_moves(-0.04)])

    signal = await desk.watches(entry)

    assert not desk.pace.meanwhile
    assert signal.reason is ExitReason.STOP_LOSS
    assert (await desk.holding(entry.position_id)).high_water_mark < 200_000


async def test_a_lost_lease_ends_the_watch_for_good(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    with pytest.raises(StaleFencingTokenError):
        await desk.watches(entry)


async def test_a_watch_that_comes_after_another_has_sold_ends_for_good_too(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("worker-2"))

    with pytest.raises(StaleFencingTokenError):
        await desk.watches(entry)


async def test_the_lease_is_renewed_for_as_long_as_the_watch_lasts(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    before = await desk.database.locks.renew(entry.lease, timedelta(seconds=1))
    desk.pace.meanwhile.extend([lambda: None] * 30 + [lambda: desk.price_moves(-0.04)])

    await desk.watches(entry)

    after = await desk.database.locks.acquire(ACCOUNT, SAMSUNG, entry.lease.worker_id)
    assert before is not None
    assert getattr(after, "fencing_token", None) == entry.lease.fencing_token


@pytest.mark.parametrize("fault", ["", "http_error", "garbage", "refuse"])
async def test_the_deadline_needs_neither_rule_nor_price(desk: Desk, fault: str) -> None:
    steady(desk)
    entry = await desk.buys()
    if fault:
        desk.simulation.add_fault(kind=fault, path="quotations", count=0)
    desk.simulation.move_clock(PLAN.liquidation_at)
    before = desk.simulation.calls.total

    assert (await desk.watches(entry)).reason is ExitReason.DEADLINE
    assert desk.simulation.calls.total == before, "every call is a sale's now"


async def test_the_signal_says_what_was_seen_last(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.pace.meanwhile.append(lambda: desk.price_moves(-0.04))

    signal: ExitSignal = await desk.watches(entry)

    assert signal.seen is not None
    assert (signal.seen.price, signal.seen.bid > 0) == (signal.price, True)


async def test_at_the_deadline_the_watch_ends_at_that_moment_with_what_it_saw_before(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    deadline = desk.pace.now() + timedelta(seconds=1.2)
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, deadline)

    signal: ExitSignal = await desk.watches_for(request)

    assert (signal.reason, signal.decided_at) == (ExitReason.DEADLINE, deadline)
    assert signal.seen is not None
    assert deadline - signal.seen.observed_at < timedelta(seconds=0.5)


async def test_an_absurd_price_is_not_what_was_seen_last(desk: Desk) -> None:
    steady(desk)
    entry = await desk.buys()
    desk.simulation.add_fault(kind="garbage", path="quotations", count=0)
    desk.rebuild()
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, desk.pace.now() + timedelta(seconds=1))

    signal: ExitSignal = await desk.watches_for(request)

    assert (signal.reason, signal.seen) == (ExitReason.DEADLINE, None)


async def test_two_attempts_of_one_watch_do_not_end_each_other(desk: Desk) -> None:
    with desk.feed.watching(SAMSUNG):
        with desk.feed.watching(SAMSUNG):
            pass
        assert desk.feed._watched == {SAMSUNG: 1}
    assert desk.feed._watched == {}
