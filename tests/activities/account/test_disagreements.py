"""Two clean comparisons in a row lift the entry lock of an earlier difference, and only that lock."""

from datetime import timedelta
from typing import Final

import pytest

from activities.account.comparing import How, Reconciled, ReconcileRequest
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.market import Side
from domain.money import Price, Quantity
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.account.test_session_books import books_of
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT

TODAY: Final = PLAN.session.date
SETTLED: Final = How()


async def compares(desk: Desk, how: How = SETTLED) -> Reconciled:
    return await books_of(desk).compare(ReconcileRequest(ACCOUNT), how)


async def shut(desk: Desk) -> tuple[str, ...]:
    return await desk.database.risk.closed_because(ACCOUNT, TODAY)


async def reopenings(desk: Desk) -> list[Event]:
    return [
        event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind == EventKind.ENTRIES_REOPENED
    ]


def lacks_a_share(desk: Desk, by: int = 1) -> None:
    desk.broker_account.holdings[SAMSUNG].quantity -= by


async def test_two_comparisons_that_agree_lift_what_a_difference_has_shut(desk: Desk) -> None:
    await desk.buys()
    lacks_a_share(desk)
    await compares(desk)
    assert len(await shut(desk)) == 1

    lacks_a_share(desk, by=-1)
    await compares(desk)
    assert len(await shut(desk)) == 1, "one comparison that agrees may be a lucky read"
    await compares(desk)

    assert await shut(desk) == ()
    (event,) = await reopenings(desk)
    assert (event.level, event.symbol) == (EventLevel.WARNING, SAMSUNG)


async def test_a_manual_sale_seconds_before_a_comparison_shuts_entries_only_until_it_is_booked(desk: Desk) -> None:
    entry = await desk.buys()
    sale = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(1), Price(0))
    desk.simulation.place_order(sale, by_hand=True)
    await compares(desk)
    assert len(await shut(desk)) == 1

    position = await desk.holding(entry.position_id)
    await desk.does(desk.foreign_sales.booked, position, await desk.foreign_sales.noticed_by(position))
    await compares(desk)
    await compares(desk)

    assert await shut(desk) == ()


async def test_a_difference_between_two_agreements_begins_the_count_again(desk: Desk) -> None:
    await desk.buys()
    for missing in (1, -1, 1, -1):
        lacks_a_share(desk, by=missing)
        await compares(desk)

    assert len(await shut(desk)) == 1
    await compares(desk)
    assert await shut(desk) == ()


async def test_each_stock_has_a_cause_of_its_own_and_no_other_cause_is_lifted(desk: Desk) -> None:
    await desk.buys()
    await desk.buys(HYNIX, worker=WorkerId("worker-2"))
    lacks_a_share(desk)
    desk.broker_account.holdings[HYNIX].quantity -= 1
    await compares(desk)
    await desk.database.risk.close_entries(ACCOUNT, TODAY, "the disk is full")
    assert len(await shut(desk)) == 3

    lacks_a_share(desk, by=-1)
    for _ in range(3):
        await compares(desk)

    others = await shut(desk)
    assert [HYNIX in others[0], others[1]] == [True, "the disk is full"]


async def test_a_stock_that_was_left_out_of_a_comparison_has_not_agreed(desk: Desk) -> None:
    await desk.buys()
    lacks_a_share(desk)
    await compares(desk)
    lacks_a_share(desk, by=-1)

    just_filled = How(settles_in=timedelta(hours=1))
    for _ in range(3):
        await compares(desk, just_filled)

    assert len(await shut(desk)) == 1


@pytest.mark.parametrize("symbol", [SAMSUNG, ""], ids=["of its own", "of an unknown stock"])
async def test_a_row_that_cannot_be_read_is_no_agreement(desk: Desk, symbol: str) -> None:
    await desk.buys()
    lacks_a_share(desk)
    await compares(desk)
    lacks_a_share(desk, by=-1)

    odd: dict[str, str | None] = {"pdno": symbol, "hldg_qty": ""}
    desk.simulation.add_fault(kind="extra_row", path="inquire-balance", count=0, fields=odd)
    for _ in range(3):
        await compares(desk)

    assert len(await shut(desk)) == 1


async def test_a_comparison_that_began_before_the_difference_was_recorded_does_not_count(desk: Desk) -> None:
    before = await desk.database.server.now()
    await desk.buys()
    lacks_a_share(desk)
    await compares(desk)

    for _ in range(3):
        await desk.database.disputes.agree(ACCOUNT, TODAY, SAMSUNG, before, desk.pace.now())

    assert len(await shut(desk)) == 1


async def test_a_look_that_writes_nothing_lifts_nothing(desk: Desk) -> None:
    await desk.buys()
    lacks_a_share(desk)
    await compares(desk)
    lacks_a_share(desk, by=-1)

    for _ in range(3):
        await books_of(desk).compare(ReconcileRequest(ACCOUNT, apply=False), SETTLED)

    assert len(await shut(desk)) == 1
