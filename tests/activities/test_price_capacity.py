"""No buy makes held prices older than the exit rules allow, and no sale is ever stopped for that."""

from dataclasses import replace
from datetime import timedelta

from activities.entries import NoEntry
from activities.market_data import ScanRequest
from domain.capacity import PriceSupply
from domain.identity import WorkerId
from domain.order import OrderStatus
from domain.rules import ExecutionRules, UniverseRules
from tests.activities.desk import PLAN, Desk
from tests.activities.test_host_limits import hosted
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, RULES

RIVAL = WorkerId("worker-2")
ONE_CALL: ExecutionRules = replace(RULES.execution, greatest_quote_age=timedelta(seconds=1.8))
"""With one call a second for one stock, a second price could get older than this."""
BOTH = UniverseRules(0, (SAMSUNG, HYNIX))
SLOW = PriceSupply(streamed=2, slots=1, stocks_per_call=1)


async def crowded(desk: Desk) -> None:
    desk.supply = SLOW
    await hosted(desk, execution=ONE_CALL, universe=BOTH)


async def test_a_buy_beyond_the_price_capacity_is_denied_before_it_becomes_an_intent(desk: Desk) -> None:
    await crowded(desk)
    await desk.buys(SAMSUNG)

    decision = await desk.prepares(HYNIX, worker=RIVAL)

    why = "prices of 2 held stocks could get 2.8 s old; the exit rules need 1.8 s, so at most 1"
    assert decision == NoEntry((f"{HYNIX}: PRICES_TOO_OLD: {why}",))
    denied = (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[RIVAL]
    assert denied == {"PRICES_TOO_OLD": 1}


async def test_a_workers_own_stricter_bound_counts(desk: Desk) -> None:
    desk.supply = SLOW
    await hosted(desk)
    await desk.buys(SAMSUNG)

    assert isinstance(await desk.prepares(HYNIX, worker=RIVAL, execution=ONE_CALL), NoEntry)


async def test_a_buy_that_is_written_already_is_denied_as_it_is_sent(desk: Desk) -> None:
    entry = await desk.prepared(HYNIX, worker=RIVAL)
    await desk.buys(SAMSUNG)
    await crowded(desk)

    record = await desk.submits(entry)

    assert record.status is OrderStatus.DENIED
    (denied,) = await desk.database.events.latest(ACCOUNT, 1)
    assert denied.detail["denial"] == "PRICES_TOO_OLD"


async def test_a_worker_that_may_not_buy_does_not_scan(desk: Desk) -> None:
    await crowded(desk)
    await desk.buys(SAMSUNG, RIVAL)
    await desk.registers()
    desk.simulation.move_clock(PLAN.entries_until - timedelta(seconds=30))
    calls = desk.simulation.calls.total

    await desk.does(desk.market_data.find_candidates, ScanRequest(ACCOUNT, WORKER, RULES, PLAN))

    assert (await desk.database.events.denials_on(ACCOUNT, PLAN.session.date))[WORKER] == {"PRICES_TOO_OLD": 1}
    assert desk.simulation.calls.total == calls


async def test_while_the_stream_is_live_its_stocks_count_as_fresh(desk: Desk) -> None:
    await crowded(desk)
    await desk.database.stream_leases.take(ACCOUNT, "host")
    await desk.database.stream_leases.report(ACCOUNT, "host", [SAMSUNG, HYNIX])
    await desk.buys(SAMSUNG)

    await desk.buys(HYNIX, RIVAL)
    await desk.database.stream_leases.report_lost(ACCOUNT, "host", "cut")

    assert isinstance(await desk.prepares(worker=WorkerId("worker-3")), NoEntry)


async def test_what_is_held_beyond_the_capacity_is_sold(desk: Desk) -> None:
    mine, theirs = await desk.buys(SAMSUNG), await desk.buys(HYNIX, RIVAL)
    desk.supply = SLOW
    await hosted(
        desk, universe=BOTH, execution=replace(RULES.execution, greatest_quote_age=timedelta(milliseconds=100))
    )

    assert (await desk.sells(mine)).status is OrderStatus.FILLED
    assert (await desk.sells(theirs)).status is OrderStatus.FILLED
