"""What proves that a sale sold more than its list shows: holdings and order notices; other reads are repeated (F42)."""

from typing import Any

import pytest

from activities.selling import PreparedExit
from domain.ladder import Wait
from domain.market import Side
from domain.money import Price, Quantity
from domain.stream import NoticeKind, OrderNotice
from tests.activities.account.test_late_fills import LISTS, reconciled, verified
from tests.activities.account.test_short_sales import (
    BALANCE,
    LATE,
    OWNERS,
    next_sale,
    partly_sold,
    sold_but_for_late_shares,
    the_owner_buys,
    withdrawn_sale,
)
from tests.activities.desk import Desk
from tests.activities.test_orders import THIN
from tests.support.builders import SAMSUNG

READS = 4


def heard(desk: Desk, number: str, *fills: tuple[int, int]) -> None:
    """Notify this process of fills (shares and price in won) of a sale; without any, that all of it was filled."""
    order = next(each for each in desk.sent if each.number == number)
    for shares, price in fills or [(order.filled, 70_000)]:
        notice = OrderNotice(NoticeKind.FILLED, SAMSUNG, Side.SELL, number, None, Quantity(shares), Price(price))
        desk.notices.hear(notice, desk.pace.now())


async def test_a_list_that_hides_shares_of_the_booked_buy_too_hides_no_sale(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk, of_all_orders=True)
    the_owner_buys(desk)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, Wait)
    assert desk.broker_account.holdings[SAMSUNG].quantity == OWNERS


async def test_shares_of_a_buy_that_the_list_hides_are_sold_and_none_of_the_owners(desk: Desk) -> None:
    desk.simulation.add_fault(kind="hide_fills", path=LISTS, shares=1, count=0)
    entry = await desk.prepared()
    await desk.submits(entry)
    bought = (await desk.follows(entry.intent_id)).filled_quantity
    the_owner_buys(desk)
    assert (await desk.sells(entry)).filled_quantity == bought - 1

    rest = await desk.sells(entry, 3)

    assert rest.intent.quantity == 1
    assert desk.broker_account.holdings[SAMSUNG].quantity == OWNERS
    desk.simulation.clear_faults()
    await reconciled(desk)
    assert await verified(desk) == []


async def test_one_balance_that_shows_too_little_keeps_no_share_from_being_offered(desk: Desk) -> None:
    entry = await withdrawn_sale(desk)
    desk.simulation.add_fault(kind="odd_row", path=BALANCE, row=SAMSUNG, fields={"hldg_qty": "1"})

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert (decision.quantity, desk.pace.pauses) == (entry.quantity, 1)


async def test_an_empty_balance_keeps_no_share_from_being_offered(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    desk.simulation.add_fault(kind="empty_balance", path=BALANCE, count=0)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == LATE


async def test_an_order_notice_is_believed_where_the_balance_is_late(desk: Desk) -> None:
    entry, record = await sold_but_for_late_shares(desk)
    assert record.ref is not None
    half = (entry.quantity // 2, 70_000)
    heard(desk, record.ref.number, half, half)
    desk.simulation.add_fault(kind="lag_balance", path=BALANCE, seconds=600, count=0)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, Wait)
    assert desk.pace.pauses == 0


async def test_notices_count_where_the_broker_does_not_answer(desk: Desk) -> None:
    entry, record = await sold_but_for_late_shares(desk)
    assert record.ref is not None
    heard(desk, record.ref.number)
    desk.simulation.add_fault(kind="refuse", path=LISTS, count=0)

    assert isinstance(await next_sale(desk, entry), Wait)


async def test_notices_of_a_part_count_for_that_part_and_once_each(desk: Desk) -> None:
    entry, record = await sold_but_for_late_shares(desk)
    assert record.ref is not None
    heard(desk, record.ref.number, (entry.quantity - 10, 70_000), (9, 69_900), (9, 69_900))
    desk.simulation.add_fault(kind="lag_balance", path=BALANCE, seconds=600, count=0)

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "empty_balance", "path": BALANCE},
        {"kind": "lag_balance", "path": BALANCE, "seconds": 600},
        {"kind": "refuse", "path": BALANCE},
        {"kind": "refuse", "path": LISTS},
    ],
    ids=lambda fault: f"{fault['kind']} {fault['path']}",
)
async def test_holdings_that_prove_nothing_are_read_again(desk: Desk, fault: dict[str, Any]) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    the_owner_buys(desk)
    desk.simulation.add_fault(**fault, count=2)

    assert isinstance(await next_sale(desk, entry), Wait)


async def test_a_buy_of_the_owner_that_the_list_shows_late_hides_no_sale(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    the_owner_buys(desk)
    desk.simulation.add_fault(kind="hide_orders", path=LISTS, number=desk.sent[-1].number, count=2)

    assert isinstance(await next_sale(desk, entry), Wait)
    assert desk.broker_account.holdings[SAMSUNG].quantity == OWNERS


async def test_shares_that_came_without_an_order_keep_no_sale_back(desk: Desk) -> None:
    entry = await withdrawn_sale(desk)
    desk.broker_account.holdings[SAMSUNG].quantity += OWNERS

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert (decision.quantity, desk.pace.pauses) == (entry.quantity, READS - 1)


async def test_holdings_that_lack_shares_and_then_prove_nothing_are_believed(desk: Desk) -> None:
    entry, _ = await sold_but_for_late_shares(desk)
    the_owner_buys(desk)
    desk.simulation.add_fault(kind="empty_balance", path=BALANCE, skip=1, count=0)

    assert isinstance(await next_sale(desk, entry), Wait)


async def test_a_row_that_cannot_be_read_keeps_no_sale_back(desk: Desk) -> None:
    entry = await withdrawn_sale(desk)
    desk.broker_account.holdings[SAMSUNG].quantity -= 1
    desk.simulation.add_fault(
        kind="odd_row", path=LISTS, count=0, row=desk.sent[0].number, fields={"tot_ccld_qty": "?"}
    )

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert (decision.quantity, desk.pace.pauses) == (entry.quantity, READS - 1)


async def test_a_notice_that_comes_twice_keeps_no_share_back(desk: Desk) -> None:
    entry, order = await partly_sold(desk)
    notice = OrderNotice(NoticeKind.FILLED, THIN, Side.SELL, order.number, None, Quantity(order.filled), Price(14_000))
    for _ in range(2):
        desk.notices.hear(notice, desk.pace.now())

    decision = await next_sale(desk, entry)

    assert isinstance(decision, PreparedExit)
    assert decision.quantity == (await desk.holding(entry.position_id)).quantity
