"""Each fill counts once, in whatever order, however often and by however many processes it is reported."""

import asyncio
from datetime import timedelta
from itertools import accumulate

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.errors import InvalidTransitionError, LivePositionExistsError, OversoldError
from domain.errors import BrokerProtocolError
from domain.identity import WorkerId, recovery_worker
from domain.lock import OrphanFound
from domain.market import Side, Symbol
from domain.money import Quantity, Won
from domain.order import OrderRecord, OrderStatus, ProvisionalFill
from tests.database.books import LEASE, Books
from tests.support.builders import ACCOUNT, HYNIX, NOW, SAMSUNG, WORKER, a_ref

LATER = NOW + timedelta(minutes=3)
OTHER = WorkerId("worker-2")


async def _position_row(connection: asyncpg.Connection, record: OrderRecord) -> asyncpg.Record:
    (row,) = await connection.fetch("SELECT * FROM positions WHERE position_id = $1", record.intent.position_id)
    return row


async def test_the_first_fill_opens_the_position(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))

    booked = await books.filled(accepted, 4, price=70_100)

    assert (booked.new_quantity, booked.new_amount) == (4, 280_400)
    assert booked.order.status is OrderStatus.PARTIALLY_FILLED
    position = await books.database.positions.get(accepted.intent.position_id)
    assert position is not None
    assert (position.quantity, position.cost, position.opened_at) == (4, 280_400, NOW)
    assert (position.high_water_mark, position.last_price) == (70_100, 70_100)


async def test_more_fills_add_up_and_keep_the_opening(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.filled(accepted, 4, price=70_100)
    row = books.listed(accepted, 10, filled_amount=Won(701_300))

    booked = await books.database.orders.book(accepted.intent.intent_id, row, LATER)

    assert (booked.new_quantity, booked.new_amount) == (6, 420_900)
    assert booked.order.status is OrderStatus.FILLED
    assert await books.database.orders.get(accepted.intent.intent_id) == booked.order
    position = await books.database.positions.get(accepted.intent.position_id)
    assert position is not None
    assert (position.quantity, position.cost, position.opened_at) == (10, 701_300, NOW)


async def test_the_same_row_again_adds_nothing(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    first = await books.filled(accepted, 4)

    again = await books.filled(accepted, 4)

    assert again.order == first.order
    assert (again.new_quantity, again.new_amount) == (0, 0)


async def test_an_older_row_changes_nothing(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    newest = await books.filled(accepted, 7)

    assert (await books.filled(accepted, 4)).order == newest.order
    assert (await books.filled(accepted, 0)).order == newest.order
    assert (await books.cancelled(accepted, shares=4)).order == newest.order


async def test_a_row_that_adds_nothing_to_a_known_order_waits_for_no_lock(
    books: Books, connection: asyncpg.Connection
) -> None:
    known = (await books.filled(await books.accepted(books.a_buy(await books.locked())), 4)).order
    row = books.listed(known, 4)

    async with connection.transaction():
        await connection.execute("SELECT FROM orders WHERE intent_id = $1 FOR UPDATE", known.intent.intent_id)
        booked = await books.database.orders.book(known.intent.intent_id, row, LATER, known)

    assert (booked.order, booked.new_quantity, booked.new_amount) == (known, 0, 0)


async def test_a_row_counts_once_however_old_the_known_order_is(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.filled(accepted, 4)

    row = books.listed(accepted, 7)
    booked = await books.database.orders.book(accepted.intent.intent_id, row, LATER, accepted)
    again = await books.database.orders.book(accepted.intent.intent_id, row, LATER, accepted)

    assert (booked.new_quantity, again.new_quantity) == (3, 0)


async def test_a_row_that_contradicts_a_known_order_is_refused(books: Books) -> None:
    known = (await books.filled(await books.accepted(books.a_buy(await books.locked())), 4)).order
    contradicting = books.listed(known, 4, filled_amount=Won(1))

    with pytest.raises(BrokerProtocolError):
        await books.database.orders.book(known.intent.intent_id, contradicting, LATER, known)


async def test_a_sale_reduces_the_position(books: Books) -> None:
    bought = await books.held(quantity=10)
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id))

    await books.filled(sale, 3, price=71_000)

    position = await books.database.positions.get(bought.intent.position_id)
    assert position is not None
    assert (position.quantity, position.cost) == (7, 490_000)


async def test_what_is_left_costs_what_the_sold_part_did_not(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked(), 3))
    await books.filled(accepted, 3, filled_amount=Won(100_001))
    sale = await books.accepted(books.a_sale(await books.locked(), accepted.intent.position_id, 3))
    costs = []

    for shares in (1, 2, 3):
        await books.filled(sale, shares)
        position = await books.database.positions.get(accepted.intent.position_id)
        assert position is not None
        costs.append(position.cost)

    assert costs == [66_668, 33_334, 0]


async def test_a_row_of_another_order_is_refused(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()), number=1)

    with pytest.raises(InvalidTransitionError, match="at the broker"):
        await books.filled(accepted, 4, ref=a_ref(2))


async def test_an_order_without_a_number_is_adopted_first(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))

    with pytest.raises(InvalidTransitionError):
        await books.filled(sent, 4, ref=a_ref())


@pytest.mark.parametrize(
    "absurd", [{"filled_quantity": Quantity(11)}, {"quantity": Quantity(11)}, {"filled_amount": Won(0)}]
)
async def test_an_absurd_row_is_refused(books: Books, absurd: dict[str, int]) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))

    with pytest.raises(BrokerProtocolError):
        await books.filled(accepted, 10, **absurd)

    assert await books.database.orders.get(accepted.intent.intent_id) == accepted


async def test_a_withdrawn_rest_ends_the_order_and_keeps_its_fills(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))

    booked = await books.cancelled(accepted, shares=4)

    assert booked.order.status is OrderStatus.CANCELLED
    assert booked.order.filled_quantity == 4
    assert (await books.cancelled(accepted, shares=4)).new_quantity == 0


async def test_a_fill_that_crossed_the_cancel_still_counts(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(accepted, shares=4)

    late = await books.cancelled(accepted, shares=6)
    last = await books.filled(accepted, 10)

    assert (late.new_quantity, late.order.status) == (2, OrderStatus.CANCELLED)
    assert (last.new_quantity, last.order.status) == (4, OrderStatus.FILLED)


async def test_a_late_fill_brings_an_abandoned_position_back(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(accepted)
    await books.database.positions.abandon(accepted.intent.position_id)

    booked = await books.cancelled(accepted, shares=2)

    position = await books.database.positions.held_by(ACCOUNT, recovery_worker(SAMSUNG))
    assert position is not None
    assert (position.quantity, booked.lives_again) == (2, position.position_id)
    assert await books.database.locks.orphans(ACCOUNT) == (SAMSUNG,)


async def test_a_late_fill_of_a_worker_that_has_moved_on_is_booked_beside_its_new_position(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(accepted)
    await books.database.positions.abandon(accepted.intent.position_id)
    await books.held(WORKER, HYNIX)

    await books.cancelled(accepted, shares=2)

    held = await books.database.positions.held_in(ACCOUNT)
    assert [(each.worker_id, each.symbol, each.quantity) for each in held] == [
        (recovery_worker(SAMSUNG), SAMSUNG, 2),
        (WORKER, HYNIX, 10),
    ]


async def test_a_late_fill_waits_while_another_position_of_its_stock_lives(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(accepted)
    await books.database.positions.abandon(accepted.intent.position_id)
    await books.database.locks.release(await books.locked())
    await books.held(OTHER, SAMSUNG)

    with pytest.raises(LivePositionExistsError, match="cannot be reopened"):
        await books.cancelled(accepted, shares=2)

    assert await books.database.orders.get(accepted.intent.intent_id) == (await books.cancelled(accepted)).order


async def test_a_buy_that_is_being_decided_is_fenced_off_when_late_shares_come(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(accepted)
    await books.database.positions.abandon(accepted.intent.position_id)
    await books.database.locks.release(await books.locked())
    rival = await books.locked(OTHER)

    await books.cancelled(accepted, shares=2)

    assert await books.database.locks.renew(rival) is None
    found = await books.database.locks.acquire(ACCOUNT, SAMSUNG, OTHER, LEASE)
    assert isinstance(found, OrphanFound)


async def test_a_closed_position_lives_again_for_more_fills(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    bought = (await books.cancelled(accepted, shares=4)).order
    lease = await books.locked()
    sale = await books.accepted(books.a_sale(lease, bought.intent.position_id, 4))
    sold = (await books.filled(sale, 4)).order
    await books.database.trades.close(books.a_trade(bought, sold), lease, release_lock=True)

    await books.cancelled(accepted, shares=6)

    position = await books.database.positions.held_by(ACCOUNT, recovery_worker(SAMSUNG))
    assert position is not None
    assert (position.position_id, position.quantity) == (bought.intent.position_id, 2)


async def test_more_than_was_bought_is_never_booked_as_sold(books: Books, connection: asyncpg.Connection) -> None:
    bought = await books.held(quantity=10)
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id, 10))
    await connection.execute("UPDATE positions SET sold_quantity = 3, proceeds = 1, status = 'exiting'")

    with pytest.raises(OversoldError):
        await books.filled(sale, 10)


async def test_an_amount_is_corrected_to_no_more_than_twice_or_half_of_it(
    books: Books, connection: asyncpg.Connection
) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    await books.filled(accepted, 10)

    for absurd in (Won(1_400_001), Won(349_999)):
        with pytest.raises(BrokerProtocolError):
            await books.filled(accepted, 10, filled_amount=absurd)
    await books.filled(accepted, 10, filled_amount=Won(1_400_000))

    fills = await connection.fetch("SELECT quantity, amount, kind FROM fills ORDER BY quantity")
    assert [tuple(row) for row in fills] == [(0, 700_000, "correction"), (10, 700_000, "listed")]


async def test_a_part_that_only_holdings_prove_leaves_the_order_partly_filled(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    fill = ProvisionalFill(Quantity(4), Won(280_000), is_over=False)

    booked = await books.database.orders.book_provisionally(accepted.intent.intent_id, fill, NOW)

    assert (booked.new_quantity, booked.new_amount) == (4, 280_000)
    assert (booked.order.status, booked.order.provisional) == (OrderStatus.PARTIALLY_FILLED, 4)


async def test_a_fill_reported_by_eight_at_once_counts_once(books: Books, connection: asyncpg.Connection) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))

    booked = await asyncio.gather(*(books.filled(accepted, shares) for shares in (4, 10, 4, 10, 7, 7, 10, 4)))

    assert sum(each.new_quantity for each in booked) == 10
    assert sum(each.new_amount for each in booked) == 700_000
    assert await connection.fetchval("SELECT sum(quantity) FROM fills") == 10


@st.composite
def observations(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[int]]:
    """Return cumulative (shares, won) after each real fill, and the sequence in which they are reported."""
    parts = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(60_000, 80_000)), min_size=1, max_size=5))
    shares = list(accumulate(part for part, _ in parts))
    won = list(accumulate(part * price for part, price in parts))
    reports = draw(st.lists(st.integers(0, len(parts) - 1), min_size=1, max_size=12))
    return list(zip(shares, won, strict=True)), reports


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(observed=observations(), side=st.sampled_from(Side))
async def test_whatever_is_reported_the_ledger_only_moves_forward(
    books: Books, connection: asyncpg.Connection, observed: tuple[list[tuple[int, int]], list[int]], side: Side
) -> None:
    history, reports = observed
    total = history[-1][0]
    number = await connection.fetchval("SELECT count(*) FROM positions")
    worker, symbol = WorkerId(f"prop-{number}"), Symbol(f"{number:06}")
    record = await _working_order(books, side, (worker, symbol), total)
    best = (0, 0)

    for report in reports:
        seen = history[report]
        remaining = Quantity(total - seen[0])
        booked = await books.filled(record, seen[0], filled_amount=Won(seen[1]), remaining_quantity=remaining)
        best = max(best, seen)
        assert (booked.order.filled_quantity, booked.order.filled_amount) == best

    row = await _position_row(connection, record)
    names = ("bought_quantity", "cost") if side is Side.BUY else ("sold_quantity", "proceeds")
    (fills,) = await connection.fetch(
        "SELECT sum(quantity) AS shares, sum(amount) AS won FROM fills WHERE intent_id = $1", record.intent.intent_id
    )
    assert tuple(row[name] for name in names) == best == (fills["shares"], fills["won"])


async def _working_order(books: Books, side: Side, whose: tuple[WorkerId, Symbol], total: int) -> OrderRecord:
    lease = await books.locked(*whose, duration=LEASE)
    if side is Side.BUY:
        return await books.accepted(books.a_buy(lease, total))
    bought = await books.held(*whose, quantity=total)
    return await books.accepted(books.a_sale(lease, bought.intent.position_id, total))


async def test_a_sale_in_parts_and_its_position_agree(books: Books, connection: asyncpg.Connection) -> None:
    bought = await books.held(OTHER, SAMSUNG, quantity=10)
    await books.sold(bought, price=71_000)

    row = await _position_row(connection, bought)
    assert (row["sold_quantity"], row["proceeds"], row["status"]) == (10, 710_000, "exiting")
