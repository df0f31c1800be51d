"""The days of others' sales of our shares: kept with what they brought, and given back for a sale that was ours."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.day_costs import Brought
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.money import Quantity, Won
from domain.order import OrderRecord
from domain.position import ExitReason
from domain.session import SessionDate
from tests.database.books import Books
from tests.support.builders import ACCOUNT, MONDAY, NOW

TUESDAY = SessionDate(MONDAY + timedelta(days=1))
GONE = Event(ACCOUNT, EventKind.SOLD_BY_HAND, EventLevel.ERROR, NOW, MONDAY)


def on_monday(shares: int) -> Brought:
    return Brought(MONDAY, Won(shares * 70_000))


def on_tuesday(shares: int) -> Brought:
    return Brought(TUESDAY, Won(shares * 80_000))


async def left(books: Books, bought: OrderRecord, shares: int, *by_day: Brought) -> None:
    position = await books.database.positions.get(bought.intent.position_id)
    assert position is not None
    assert await books.database.positions.take_away(position, Quantity(shares), GONE, by_day)


async def days_of(books: Books, bought: OrderRecord) -> tuple[int, Sequence[Brought]]:
    position_id = bought.intent.position_id
    position = await books.database.positions.get(position_id)
    assert position is not None
    return position.taken_amount, await books.database.sales_by_others.of(position_id)


async def test_what_the_owner_sold_is_kept_by_day(books: Books) -> None:
    bought = await books.held()

    await left(books, bought, 7, on_monday(3))
    await left(books, bought, 4, on_monday(2), on_tuesday(1))

    assert await days_of(books, bought) == (430_000, (on_monday(5), on_tuesday(1)))


async def test_a_trade_keeps_the_days_that_it_was_booked_with(books: Books) -> None:
    bought = await books.held()
    await left(books, bought, 7, on_monday(3))
    trade = books.a_trade(bought, bought, exit_amount=Won(770_000), exit_reason=ExitReason.FOREIGN_SALE)

    days = (on_monday(3), on_tuesday(7))
    await books.database.trades.close(trade, None, release_lock=False, by_others=days)
    await books.database.trades.close(trade, None, release_lock=False, by_others=(on_tuesday(1),))

    assert await books.database.sales_by_others.of(bought.intent.position_id) == days


@pytest.mark.parametrize(
    ("taken", "kept"),
    [
        ((on_monday(3), on_tuesday(7)), (on_monday(3),)),
        ((on_monday(3),), (on_monday(3),)),
        ((on_monday(3), on_tuesday(2)), (on_monday(3),)),
    ],
    ids=["both known", "ours unknown", "ours in part"],
)
async def test_a_sale_that_was_ours_leaves_what_others_brought(
    books: Books, taken: tuple[Brought, ...], kept: tuple[Brought, ...]
) -> None:
    bought = await books.held()
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id, 7, session_date=TUESDAY))
    await books.cancelled(sale)
    await left(books, bought, 0, *taken)

    await books.filled(sale, 7, price=80_000)

    assert await days_of(books, bought) == (sum(each.won for each in kept), kept)


async def test_with_the_last_share_of_others_nothing_stays(books: Books) -> None:
    bought = await books.held()
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id, 10, session_date=TUESDAY))
    await books.cancelled(sale)
    await left(books, bought, 0, on_monday(3), on_tuesday(7))

    await books.filled(sale, 10, price=80_000)

    assert await days_of(books, bought) == (0, ())


async def test_only_earlier_positions_of_the_stock_are_before_it(books: Books) -> None:
    first = await books.held()
    trade = books.a_trade(first, first, exit_amount=Won(700_000), exit_reason=ExitReason.FOREIGN_SALE)
    lease = await books.locked()
    await books.database.trades.close(trade, lease, release_lock=True, by_others=(on_monday(10),))
    second = await books.held()
    await left(books, second, 9, on_monday(1))
    earlier = books.database.sales_by_others.of_earlier

    assert await earlier(second.intent.position_id, {MONDAY}) == (on_monday(10),)
    assert await earlier(second.intent.position_id, {TUESDAY}) == ()
    assert await earlier(first.intent.position_id, {MONDAY}) == ()
