"""The joined steps on real books: each attempt continues from what they say, and repeats nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.cycles import Cycle, CycleRequest
from activities.entries import PreparedEntry
from activities.joined import Finished, FinishRequest
from activities.orders import FollowRequest
from activities.scanning import ScanningActivities
from activities.selling import PreparedExit
from activities.settling import StillHeld, TradeResult
from domain.errors import TradingError
from domain.identity import IntentId
from domain.order import OrderPurpose, OrderStatus
from tests.activities.desk import PLAN, Desk
from tests.activities.test_overtaking_fills import LATE, close_of
from tests.activities.test_overtaking_fills import sold_out_but_for_a_late_fill as sold_out_late
from tests.support.builders import WORKER
from tests.support.stepping import ACCOUNT, RULES
from tests.trials.planted_bugs.joined_scenes import joined_of
from tests.trials.planted_bugs.swapping import swapped


async def finishes(desk: Desk, entry: PreparedEntry, sale: IntentId) -> Finished:
    follow = FollowRequest(sale, timedelta(seconds=5))
    return await desk.does(joined_of(desk).finish_sale, FinishRequest(follow, close_of(entry)))


async def sale_of(desk: Desk, entry: PreparedEntry, attempt: int = 2) -> IntentId:
    """Send a sale at market, and do not look at it."""
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, attempt))
    assert isinstance(decision, PreparedExit), decision
    await desk.submits(decision, OrderPurpose.EXIT)
    return decision.intent_id


async def test_a_filled_sale_is_booked_once_however_often_the_attempt_repeats(desk: Desk) -> None:
    entry = await desk.buys()
    sale = await sale_of(desk, entry)

    first = await finishes(desk, entry, sale)
    second = await finishes(desk, entry, sale)

    assert isinstance(first.closed, TradeResult)
    assert first == second
    assert first.order is None
    (trade,) = await desk.database.trades.on(ACCOUNT, PLAN.session.date)
    assert trade.net_pnl == first.closed.net_pnl
    assert len(desk.sent) == 2


async def test_an_attempt_after_the_fill_was_booked_books_the_trade(desk: Desk) -> None:
    entry = await desk.buys()
    sale = await sale_of(desk, entry)
    assert (await desk.follows(sale)).status is OrderStatus.FILLED  # and the process dies here

    assert isinstance((await finishes(desk, entry, sale)).closed, TradeResult)
    assert len(desk.sent) == 2


async def test_an_order_without_a_buyer_returns_to_the_workflow_and_books_nothing(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.set_conditions(entry.symbol, no_bids=True)
    sale = await sale_of(desk, entry)

    finished = await finishes(desk, entry, sale)

    assert finished.order is not None
    assert finished.order.is_active
    assert finished.closed is None
    assert await desk.database.trades.on(ACCOUNT, PLAN.session.date) == ()


async def test_late_shares_of_the_buy_are_reported_instead_of_booked(desk: Desk) -> None:
    entry, listed = await sold_out_late(desk)
    sales = [
        order.intent.intent_id
        for order in await desk.database.orders.of_position(entry.position_id)
        if order.intent.purpose is OrderPurpose.EXIT
    ]
    await desk.database.orders.book(entry.intent_id, listed, desk.pace.now())

    finished = await finishes(desk, entry, sales[-1])

    assert finished.closed == StillHeld(entry.position_id, LATE)  # type: ignore[arg-type]
    assert finished.order is not None


async def begins(desk: Desk, **changes: Any) -> Cycle:
    request = CycleRequest(ACCOUNT, WORKER, "workflow", joins_steps=True, rules=RULES, scan_id="run/1")
    return await desk.does(desk.cycles.begin_cycle, replace(request, **changes))


async def wishes(desk: Desk) -> list[str]:
    return [row.scan_id for row in await desk.database.scan_wishes.of_account(ACCOUNT)]


async def test_a_worker_that_may_enter_waits_for_an_offer_from_the_start_of_its_run(desk: Desk) -> None:
    first, second = await begins(desk), await begins(desk)

    assert first.waits_for_offer
    assert second.waits_for_offer
    assert await wishes(desk) == ["run/1"]


@pytest.mark.parametrize("changes", [{"joins_steps": False}, {"rules": None}], ids=["earlier version", "paused"])
async def test_a_worker_that_must_not_enter_stores_no_wish(desk: Desk, changes: dict[str, Any]) -> None:
    cycle = await begins(desk, **changes)

    assert not cycle.waits_for_offer
    assert await wishes(desk) == []


async def test_a_worker_that_holds_shares_stores_no_wish(desk: Desk) -> None:
    await desk.buys()

    cycle = await begins(desk)

    assert cycle.held is not None
    assert not cycle.waits_for_offer
    assert await wishes(desk) == []


async def test_a_run_begins_although_its_wish_cannot_be_stored(desk: Desk) -> None:
    async def fails(*_: Any) -> None:
        raise TradingError("Temporal is away")

    with swapped(ScanningActivities, "begin_scan", fails):
        cycle = await begins(desk)

    assert cycle.joins_steps
    assert not cycle.waits_for_offer
