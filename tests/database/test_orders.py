"""An order in the ledger: recorded once, answered once, contradictions refused."""

from dataclasses import replace

import asyncpg
import pytest

from database.errors import (
    ActiveOrderExistsError,
    InvalidTransitionError,
    LivePositionExistsError,
    OversoldError,
    UnknownIntentError,
)
from domain.errors import StaleFencingTokenError
from domain.event_kind import EventKind
from domain.identity import Environment, IntentId, PositionId, WorkerId
from domain.market import Side
from domain.money import Quantity
from domain.order import Accepted, OrderStatus, OrderType, Rejected, SubmitOutcome, Unknown
from tests.database.books import HTTP_TIMEOUT, Books, an_opening, yes
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, WORKER, a_ref

OTHER = WorkerId("worker-2")
REFUSED = Rejected("APBK0952", "주문가능금액을 초과 했습니다")


async def test_an_intent_comes_back_as_it_was_written(books: Books) -> None:
    buy = books.a_buy(await books.locked())

    written = await books.decided(buy)

    assert written.intent == buy
    assert written.status is OrderStatus.INTENDED
    assert await books.database.orders.get(buy.intent_id) == written
    assert await books.database.orders.sent_at(buy.intent_id) is None


async def test_a_market_order_has_no_price(books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id, order_type=OrderType.MARKET, limit_price=None)

    assert (await books.decided(sale)).intent == sale


async def test_an_intent_that_was_never_written_is_none(books: Books) -> None:
    assert await books.database.orders.get(IntentId("nowhere")) is None
    assert await books.database.orders.sent_at(IntentId("nowhere")) is None


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
async def test_writing_an_intent_twice_keeps_the_first(books: Books, side: Side) -> None:
    if side is Side.BUY:
        intent = books.a_buy(await books.locked())
    else:
        bought = await books.held()
        intent = books.a_sale(await books.locked(), bought.intent.position_id)
    first = await books.decided(intent)

    again = await books.decided(replace(intent, quantity=Quantity(3)))

    assert again == first


async def test_an_id_cannot_mean_two_orders(books: Books) -> None:
    bought = await books.held()
    lease = await books.locked()
    sale = books.a_sale(lease, bought.intent.position_id)
    await books.decided(sale)

    with pytest.raises(InvalidTransitionError, match="already is a sell"):
        await books.database.orders.record_intent(replace(sale, symbol=HYNIX))


async def test_a_sale_decided_under_a_lease_that_is_anothers_since_is_not_even_written(books: Books) -> None:
    """Otherwise it would block a worker that has seized the stock and found no order in it."""
    bought = await books.held()
    late = books.a_sale(await books.locked(), bought.intent.position_id)
    await books.database.locks.take_over(ACCOUNT, late.symbol, OTHER)

    with pytest.raises(StaleFencingTokenError):
        await books.decided(late)

    assert await books.database.orders.get(late.intent_id) is None


async def test_a_second_active_sale_of_a_symbol_is_refused(books: Books) -> None:
    bought = await books.held()
    lease = await books.locked()
    await books.accepted(books.a_sale(lease, bought.intent.position_id, 4))

    with pytest.raises(ActiveOrderExistsError):
        await books.decided(books.a_sale(lease, bought.intent.position_id, 4))


async def test_more_than_is_held_is_never_sold(books: Books) -> None:
    bought = await books.held(quantity=10)
    lease = await books.locked()

    with pytest.raises(OversoldError):
        await books.decided(books.a_sale(lease, bought.intent.position_id, 11))
    with pytest.raises(OversoldError):
        await books.decided(books.a_sale(lease, PositionId("nowhere"), 1))


async def test_what_was_sold_is_not_sold_again(books: Books) -> None:
    bought = await books.held(quantity=10)
    lease = await books.locked()
    await books.cancelled(await books.accepted(books.a_sale(lease, bought.intent.position_id, 10)), shares=4)

    with pytest.raises(OversoldError):
        await books.decided(books.a_sale(lease, bought.intent.position_id, 7))
    assert (await books.decided(books.a_sale(lease, bought.intent.position_id, 6))).is_active


async def test_a_worker_buys_one_stock_at_a_time(books: Books) -> None:
    await books.held()

    with pytest.raises(LivePositionExistsError, match="one_live_position_per_worker"):
        await books.decided(books.a_buy(await books.locked(WORKER, HYNIX)))


async def test_a_stock_is_bought_by_one_worker_at_a_time(books: Books) -> None:
    lease = await books.locked()
    await books.decided(books.a_buy(lease))

    with pytest.raises(LivePositionExistsError, match="one_live_position_per_symbol"):
        await books.decided(books.a_buy(lease, worker_id=OTHER))


async def test_a_refused_entry_leaves_no_position_behind(books: Books) -> None:
    bought = await books.held()
    await books.sold(bought)
    lease = await books.locked(OTHER, HYNIX)
    active = books.a_buy(lease)
    await books.decided(active)
    rival = books.a_buy(lease, worker_id=WorkerId("worker-3"))

    with pytest.raises(LivePositionExistsError):
        await books.database.orders.record_entry(rival, an_opening(rival))

    assert await books.database.positions.live_of(ACCOUNT, WorkerId("worker-3")) is None


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Accepted(a_ref()), OrderStatus.ACCEPTED),
        (REFUSED, OrderStatus.REJECTED),
        (Unknown("timeout"), OrderStatus.UNKNOWN),
    ],
)
async def test_each_outcome_is_kept_once(books: Books, outcome: SubmitOutcome, status: OrderStatus) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    orders = books.database.orders

    first = await orders.record_outcome(sent.intent.intent_id, outcome)
    again = await orders.record_outcome(sent.intent.intent_id, outcome)

    assert first == again
    assert first.status is status
    assert first.ref == (outcome.ref if isinstance(outcome, Accepted) else None)
    assert first.reject_code == (outcome.code if isinstance(outcome, Rejected) else "")


@pytest.mark.parametrize("late", [Accepted(a_ref()), REFUSED])
async def test_the_reply_may_come_after_it_was_called_lost(books: Books, late: SubmitOutcome) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    await books.database.orders.record_outcome(sent.intent.intent_id, Unknown("timeout"))

    record = await books.database.orders.record_outcome(sent.intent.intent_id, late)

    assert record.status is (OrderStatus.ACCEPTED if isinstance(late, Accepted) else OrderStatus.REJECTED)


async def test_a_lost_reply_does_not_unmake_an_adoption(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    adopted = await books.database.orders.adopt(sent.intent.intent_id, a_ref(), "found")

    assert await books.database.orders.record_outcome(sent.intent.intent_id, Unknown("killed")) == adopted


@pytest.mark.parametrize("outcome", [Accepted(a_ref(2)), REFUSED])
async def test_a_contradicting_outcome_is_refused(books: Books, outcome: SubmitOutcome) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()), number=1)

    with pytest.raises(InvalidTransitionError):
        await books.database.orders.record_outcome(accepted.intent.intent_id, outcome)

    assert await books.database.orders.get(accepted.intent.intent_id) == accepted


async def test_the_acceptance_repeated_after_fills_changes_nothing(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()), number=1)
    filled = await books.filled(accepted, 10)

    assert await books.database.orders.record_outcome(accepted.intent.intent_id, Accepted(a_ref(1))) == filled.order


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Accepted(a_ref()), OrderStatus.ACCEPTED),
        (REFUSED, OrderStatus.REJECTED),
        (Unknown("timeout"), OrderStatus.UNKNOWN),
    ],
    ids=["accepted", "rejected", "unknown"],
)
async def test_an_outcome_counts_although_the_server_has_forgotten_the_permit(
    books: Books, outcome: SubmitOutcome, status: OrderStatus
) -> None:
    decided = await books.decided(books.a_buy(await books.locked()))

    record = await books.database.orders.record_outcome(decided.intent.intent_id, outcome)

    assert record.status is status
    assert await books.database.orders.sent_at(decided.intent.intent_id) is not None


FORGOTTEN = {
    "another server": "UPDATE orders SET written_by = '1/00000001'",
    "an older version": "UPDATE orders SET written_by = NULL",
    "a restart": "UPDATE orders SET created_at = created_at - interval '1 year'",
}


@pytest.mark.parametrize("happened", FORGOTTEN.values(), ids=FORGOTTEN)
async def test_an_unsent_order_is_not_given_up_unseen_where_its_permit_may_be_forgotten(
    books: Books, connection: asyncpg.Connection, happened: str
) -> None:
    decided = await books.decided(books.a_buy(await books.locked()))
    await connection.execute(happened)

    assert not await books.database.orders.withdraw(decided.intent.intent_id)

    record = await books.database.orders.get(decided.intent.intent_id)
    assert record is not None
    assert record.status is OrderStatus.UNKNOWN
    sending = await books.database.orders.begin_sending(
        record.intent.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )
    assert not sending.may_send


async def test_a_lost_order_is_adopted_once(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    orders = books.database.orders
    await orders.record_outcome(sent.intent.intent_id, Unknown("timeout"))

    first = await orders.adopt(sent.intent.intent_id, a_ref(), "found at the broker")
    again = await orders.adopt(sent.intent.intent_id, a_ref(), "found at the broker")

    assert first == again
    assert (first.status, first.ref) == (OrderStatus.ACCEPTED, a_ref())
    assert await books.database.events.counts(ACCOUNT, MONDAY, EventKind.ORDER_ADOPTED) == 1
    with pytest.raises(InvalidTransitionError, match="not"):
        await orders.adopt(sent.intent.intent_id, a_ref(2), "another")


async def test_a_broker_order_belongs_to_one_intent(books: Books) -> None:
    await books.accepted(books.a_buy(await books.locked()), number=1)
    sent = await books.sent(books.a_buy(await books.locked(OTHER, HYNIX)))

    with pytest.raises(InvalidTransitionError, match="another intent"):
        await books.database.orders.adopt(sent.intent.intent_id, a_ref(1), "wrongly")
    with pytest.raises(InvalidTransitionError, match="another intent"):
        await books.database.orders.record_outcome(sent.intent.intent_id, Accepted(a_ref(1)))


async def test_an_order_proven_absent_is_over(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    orders = books.database.orders

    first = await orders.prove_absent(sent.intent.intent_id, "three clean reads")
    again = await orders.prove_absent(sent.intent.intent_id, "three clean reads")

    assert first == again
    assert first.status is OrderStatus.NEVER_PLACED
    assert await books.database.events.counts(ACCOUNT, MONDAY, EventKind.ORDER_PROVEN_ABSENT) == 1
    with pytest.raises(InvalidTransitionError):
        await orders.adopt(sent.intent.intent_id, a_ref(), "too late")


async def test_a_quarantined_order_stays_active_until_somebody_decides(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))
    orders = books.database.orders

    first = await orders.quarantine(sent.intent.intent_id, "two look alike")
    again = await orders.quarantine(sent.intent.intent_id, "two look alike")

    assert first == again
    assert await orders.quarantined(ACCOUNT) == (first,)
    assert (await orders.adopt(sent.intent.intent_id, a_ref(), "the operator says so")).status is OrderStatus.ACCEPTED
    assert await orders.quarantined(ACCOUNT) == ()


async def test_an_unsent_order_is_withdrawn(books: Books) -> None:
    decided = await books.decided(books.a_buy(await books.locked()))

    assert await books.database.orders.withdraw(decided.intent.intent_id)
    assert await books.database.orders.withdraw(decided.intent.intent_id)
    record = await books.database.orders.get(decided.intent.intent_id)
    assert record is not None
    assert record.status is OrderStatus.NEVER_PLACED


async def test_a_sent_order_cannot_be_withdrawn(books: Books) -> None:
    sent = await books.sent(books.a_buy(await books.locked()))

    assert not await books.database.orders.withdraw(sent.intent.intent_id)
    with pytest.raises(UnknownIntentError):
        await books.database.orders.withdraw(IntentId("nowhere"))


async def test_orders_are_found_by_position_worker_and_account(books: Books) -> None:
    bought = await books.held()
    sale = await books.accepted(books.a_sale(await books.locked(), bought.intent.position_id))
    elsewhere = await books.accepted(books.a_buy(await books.locked(OTHER, HYNIX)))
    orders = books.database.orders

    assert await orders.of_position(bought.intent.position_id) == (bought, sale)
    assert await orders.unfinished_of(ACCOUNT, WORKER) == (sale,)
    assert await orders.active_in(ACCOUNT) == (sale, elsewhere)
    refs = {record.ref for record in (bought, sale, elsewhere)}
    assert await orders.bound_refs(ACCOUNT, MONDAY) == refs
