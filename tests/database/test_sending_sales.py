"""A sale of a watch: its intent and its permit in one transaction, once, or nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from database.database import open_database
from database.errors import ActiveOrderExistsError, EnvironmentMismatchError, OversoldError
from database.sending import AlreadyBegun, Sending, SendingPermit, SendingRefused
from domain.errors import StaleFencingTokenError
from domain.identity import Environment, WorkerId
from domain.lock import LEASE_DURATION, LockHeld
from domain.money import Quantity
from domain.order import OrderIntent, OrderStatus
from tests.database.books import HTTP_TIMEOUT, LEASE, Books
from tests.support.builders import ACCOUNT, SAMSUNG

OTHER = WorkerId("worker-2")


async def _status(books: Books, intent: OrderIntent) -> OrderStatus:
    record = await books.database.orders.get(intent.intent_id)
    assert record is not None
    return record.status


async def _at_once(books: Books, sale: OrderIntent) -> Sending:
    return await books.database.orders.record_to_send(
        sale, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )


async def test_a_sale_is_recorded_with_its_permit_once(database_url: str, books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    second = await open_database(database_url)

    answers = await asyncio.gather(
        *(_at_once(Books(each), sale) for each in [books.database, second] * 10), return_exceptions=True
    )

    assert sum(isinstance(answer, SendingPermit) for answer in answers) == 1
    assert all(isinstance(answer, SendingPermit | AlreadyBegun) for answer in answers), answers
    assert await _status(books, sale) is OrderStatus.SENDING
    await second.aclose()


async def test_a_sale_without_the_current_lease_leaves_no_record(books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    await books.database.locks.take_over(ACCOUNT, SAMSUNG, OTHER, LEASE)

    with pytest.raises(StaleFencingTokenError):
        await _at_once(books, sale)

    assert await books.database.orders.get(sale.intent_id) is None


async def test_a_second_sale_of_the_stock_gets_no_permit(books: Books) -> None:
    bought = await books.held()
    lease = await books.locked()
    await _at_once(books, books.a_sale(lease, bought.intent.position_id))
    another = books.a_sale(lease, bought.intent.position_id)

    with pytest.raises(ActiveOrderExistsError):
        await _at_once(books, another)

    assert await books.database.orders.get(another.intent_id) is None


async def test_more_than_is_held_gets_no_permit(books: Books) -> None:
    bought = await books.held()
    sale = replace(books.a_sale(await books.locked(), bought.intent.position_id), quantity=Quantity(1_000))

    with pytest.raises(OversoldError):
        await _at_once(books, sale)

    assert await books.database.orders.get(sale.intent_id) is None


async def test_a_lease_that_ends_too_soon_is_renewed_with_the_sale(books: Books) -> None:
    bought = await books.held()
    lease = await books.locked()
    await books.database.locks.renew(lease, HTTP_TIMEOUT - timedelta(seconds=1))
    sale = books.a_sale(lease, bought.intent.position_id)

    permit = await _at_once(books, sale)

    assert isinstance(permit, SendingPermit)
    assert permit.lease_expires_at - permit.sent_at >= HTTP_TIMEOUT
    held = await books.database.locks.acquire(ACCOUNT, SAMSUNG, OTHER, LEASE)
    assert held == LockHeld(sale.worker_id, permit.lease_expires_at)


async def test_a_request_that_may_take_longer_than_a_lease_lasts_is_denied(books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    timeout = LEASE_DURATION + timedelta(seconds=1)

    answer = await books.database.orders.record_to_send(sale, http_timeout=timeout, environment=Environment.SIMULATED)

    assert isinstance(answer, SendingRefused)
    assert await _status(books, sale) is OrderStatus.DENIED


async def test_a_sale_for_another_environment_leaves_no_record(books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)

    with pytest.raises(EnvironmentMismatchError):
        await books.database.orders.record_to_send(sale, http_timeout=HTTP_TIMEOUT, environment=Environment.PAPER)

    assert await books.database.orders.get(sale.intent_id) is None


async def test_shares_that_are_sold_while_the_statement_waits_are_not_sold_again(
    books: Books, connection: asyncpg.Connection
) -> None:
    """It waits for the position's row, and decides on what that row holds then."""
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    async with connection.transaction():
        await connection.execute(
            "UPDATE positions SET status = 'exiting', sold_quantity = bought_quantity, proceeds = 1"
        )
        waiting = asyncio.create_task(_at_once(books, sale))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done

    with pytest.raises(OversoldError):
        await waiting
    assert await books.database.orders.get(sale.intent_id) is None
