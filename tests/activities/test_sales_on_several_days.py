"""A position sold on several days, in part by the owner: each day's costs are rounded apart, as at the broker."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from activities.account.comparing import ReconcileRequest
from activities.entries import PreparedEntry
from activities.orders import SubmitRequest
from activities.selling import ExitRequest, PreparedExit, SoldByOthers
from activities.settling import CloseRequest, TradeResult
from domain.close_plan import CloseLeads, plan_session
from domain.day_costs import Brought
from domain.identity import WorkerId
from domain.ladder import Rung, Tries
from domain.market import Side
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose
from domain.position import ExitReason
from domain.session import session_date_of
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.activities.test_day_costs import LISTS
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR, RULES

REFUSED = Tries().after(Rung.BEST_BID, refused=True)
_PRICE: Final = 99_000
"""At this price two shares cost 27.8 won of commission, of which the broker charges 20."""


def the_owner_sells(desk: Desk, quantity: int) -> None:
    desk.simulation.force_price(SAMSUNG, _PRICE)
    order = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


async def notices(desk: Desk, entry: PreparedEntry) -> None:
    """Book what the owner sold, as the watch of a held position does."""
    position = await desk.holding(entry.position_id)
    left = await desk.does(desk.foreign_sales.noticed_by, position)
    booked = await desk.does(desk.foreign_sales.booked, position, left)
    assert booked.quantity < position.quantity


def an_exit(desk: Desk, entry: PreparedEntry, number: int = 2, **changes: Any) -> ExitRequest:
    session = CALENDAR.session_at_or_after(desk.pace.now())
    return replace(desk.exit_of(entry, number, session=session), **changes)


async def sells(desk: Desk, entry: PreparedEntry, number: int = 2, **changes: Any) -> None:
    desk.simulation.force_price(SAMSUNG, _PRICE)
    decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, entry, number, **changes))
    assert isinstance(decision, PreparedExit), decision
    await desk.submits(decision, OrderPurpose.EXIT)
    assert (await desk.follows(decision.intent_id)).filled_quantity == decision.quantity


async def ends(desk: Desk, entry: PreparedEntry, decision: SoldByOthers | None = None) -> TradeResult:
    """Book the trade as the workflow does."""
    about = (entry.lease, timedelta(0))
    if decision is None:
        return await desk.settles(CloseRequest(entry.position_id, ExitReason.OPERATOR, *about))
    others = (decision.brought, decision.by_day)
    return await desk.settles(CloseRequest(entry.position_id, ExitReason.FOREIGN_SALE, *about, *others))


async def buys_now(desk: Desk, worker: WorkerId) -> PreparedEntry:
    """Buy in the session of the clock."""
    plan = plan_session(CALENDAR.session_at_or_after(desk.pace.now()), CloseLeads(), 1)
    await desk.registers(worker)
    request = replace(desk.entry_request(worker=worker), plan=plan)
    entry = await desk.does(desk.entries.prepare_entry, request)
    assert isinstance(entry, PreparedEntry), entry
    submit = SubmitRequest(entry.intent_id, OrderPurpose.ENTRY, RULES.risk, plan)
    await desk.does(desk.orders.submit_order, submit)
    assert (await desk.follows(entry.intent_id)).filled_quantity == entry.quantity
    return entry


async def reconciled(desk: Desk) -> None:
    await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))


async def apart(desk: Desk) -> int:
    """Return the won by which the books and the broker's cash differ."""
    days = (PLAN.session.date, session_date_of(desk.pace.now()))
    trades = await desk.database.trades.between(ACCOUNT, *days)
    account = desk.broker_account
    return account.cash - account.opening_cash - sum(trade.net_pnl for trade in trades)


async def corrections(desk: Desk) -> int:
    count: int = await desk.database._pool.fetchval("SELECT count(*) FROM trade_corrections")
    return count


async def test_two_days_of_sales_of_one_position_are_rounded_apart(desk: Desk) -> None:
    """Our own, in two parts."""
    entry = await desk.buys()
    await sells(desk, entry, 1, tries=Tries(orders=2, offered=Quantity(2)))
    desk.passes(days=1)
    await sells(desk, entry)

    await ends(desk, entry)

    assert await apart(desk) == 0


async def test_what_the_owner_sold_yesterday_and_we_today_is_rounded_apart(desk: Desk) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, 2)
    await notices(desk, entry)
    desk.passes(days=1)
    await sells(desk, entry)

    await ends(desk, entry)
    await reconciled(desk)

    assert await apart(desk) == 0
    assert await corrections(desk) == 0


async def test_what_the_owner_sold_before_us_on_one_day_is_rounded_together(desk: Desk) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, 2)
    await notices(desk, entry)
    await sells(desk, entry)

    await ends(desk, entry)

    assert await apart(desk) == 0


async def test_the_owners_sales_on_several_days_are_rounded_apart(desk: Desk) -> None:
    entry = await desk.buys()
    for _ in range(2):
        the_owner_sells(desk, 2)
        await notices(desk, entry)
        desk.passes(days=1)
    await sells(desk, entry)

    await ends(desk, entry)

    assert await apart(desk) == 0


async def test_sales_of_two_days_that_are_noticed_together_are_rounded_apart(desk: Desk) -> None:
    entry = await desk.buys()
    for _ in range(2):
        the_owner_sells(desk, 2)
        desk.passes(days=1)
    await notices(desk, entry)
    await sells(desk, entry)

    await ends(desk, entry)

    assert await apart(desk) == 0


async def test_shares_that_the_owner_sold_to_the_last_one_are_rounded_by_day(desk: Desk) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, 4)
    desk.passes(days=1)
    the_owner_sells(desk, entry.quantity - 4)
    desk.passes(days=1)

    decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, entry, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    first = await ends(desk, entry, decision)
    again = await ends(desk, entry, decision)
    await reconciled(desk)

    assert first == again
    assert await apart(desk) == 0
    assert await corrections(desk) == 0


async def test_what_the_owner_sold_is_not_counted_twice_when_it_is_noticed_before_the_trade_is_booked(
    desk: Desk,
) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, entry.quantity)
    desk.passes(days=1)
    decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, entry, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    await reconciled(desk)
    assert (await desk.holding(entry.position_id)).quantity == 0

    await ends(desk, entry, decision)

    assert await apart(desk) == 0


async def test_a_corrected_amount_of_our_sale_leaves_the_owners_sale_on_its_day(desk: Desk) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, 2)
    await notices(desk, entry)
    desk.passes(days=1)
    desk.simulation.add_fault(kind="wrong_amount", path=LISTS, won=500, count=0)
    await sells(desk, entry)
    await ends(desk, entry)
    desk.simulation.clear_faults()
    assert await apart(desk) != 0

    await reconciled(desk)

    assert await corrections(desk) == 1
    assert await apart(desk) == 0


async def test_our_sale_that_was_booked_as_the_owners_leaves_the_owners_other_sale_on_its_day(desk: Desk) -> None:
    entry = await desk.buys()
    the_owner_sells(desk, 2)
    await notices(desk, entry)
    desk.passes(days=1)
    desk.simulation.force_price(SAMSUNG, _PRICE)
    decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, entry))
    assert isinstance(decision, PreparedExit)
    await desk.submits(decision, OrderPurpose.EXIT)
    shown = {"shares": 1_000_000, "number": desk.sent[-1].number}
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, count=0, **shown)
    await desk.follows(decision.intent_id)
    brought = Won(desk.sent[-1].amount)
    by_others = SoldByOthers(brought, by_day=(Brought(session_date_of(desk.pace.now()), brought),))
    await ends(desk, entry, by_others)
    desk.simulation.clear_faults()

    await reconciled(desk)

    assert await apart(desk) == 0


@pytest.mark.parametrize("is_carried", [False, True])
@pytest.mark.parametrize("the_owner_sells_both", [False, True])
async def test_two_positions_of_a_stock_share_the_rounding_of_the_owners_sales(
    desk: Desk, is_carried: bool, the_owner_sells_both: bool
) -> None:
    entry = await desk.buys()
    desk.passes(days=is_carried)
    the_owner_sells(desk, entry.quantity)
    decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, entry, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    await ends(desk, entry, decision)
    desk.passes(minutes=1)
    other = await buys_now(desk, WorkerId("worker-2"))
    if the_owner_sells_both:
        the_owner_sells(desk, other.quantity)
        decision = await desk.does(desk.selling.prepare_exit, an_exit(desk, other, tries=REFUSED))
        assert isinstance(decision, SoldByOthers)
        await ends(desk, other, decision)
    else:
        await sells(desk, other)
        await ends(desk, other)

    await reconciled(desk)

    assert await apart(desk) == 0
