"""One permit per intent: fenced by the lease, gated by the risk, granted once to any number of callers."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from database.database import Database, open_database
from database.errors import EnvironmentMismatchError, InvalidTransitionError, UnknownIntentError
from database.sending import AlreadyBegun, Sending, SendingPermit, SendingRefused
from domain.identity import Environment, IntentId, WorkerId
from domain.money import Won
from domain.order import OrderIntent, OrderStatus
from domain.risk import Approved, Denial, Denied, Review, RiskSnapshot
from domain.summary import FLEET
from tests.database.books import HTTP_TIMEOUT, LEASE, Books, yes
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER

OTHER = WorkerId("worker-2")


def no(_snapshot: RiskSnapshot) -> Review:
    """Deny every buy."""
    return Denied(Denial.FLEET_LOSS_LIMIT_REACHED, "PnL -2,000,000 won reaches the limit")


def while_losses_are_small(snapshot: RiskSnapshot) -> Review:
    """Deny once the fleet has lost 5,000 won."""
    return Approved() if snapshot.fleet_pnl > -5_000 else no(snapshot)


async def _ask(books: Books, intent: OrderIntent) -> Sending:
    return await books.database.orders.begin_sending(
        intent.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )


async def _status(database: Database, intent: OrderIntent) -> OrderStatus:
    record = await database.orders.get(intent.intent_id)
    assert record is not None
    return record.status


async def test_a_permit_moves_the_order_to_sending(books: Books) -> None:
    lease = await books.locked()
    buy = books.a_buy(lease)
    await books.decided(buy)

    permit = await _ask(books, buy)

    assert isinstance(permit, SendingPermit)
    assert permit.may_send
    assert permit.intent == buy
    assert permit.lease_expires_at == lease.expires_at
    assert await books.database.orders.sent_at(buy.intent_id) == permit.sent_at
    assert await _status(books.database, buy) is OrderStatus.SENDING


async def test_asking_again_gives_no_second_permit(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.sent(buy)

    again = await _ask(books, buy)

    assert again == AlreadyBegun(OrderStatus.SENDING)
    assert not again.may_send


async def test_of_many_who_ask_at_once_one_may_send(database_url: str, books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.decided(buy)
    second = await open_database(database_url)

    answers = await asyncio.gather(
        *(
            each.orders.begin_sending(
                buy.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
            )
            for each in [books.database, second] * 20
        )
    )

    assert sum(answer.may_send for answer in answers) == 1
    await second.aclose()


async def test_a_stale_token_is_refused(books: Books) -> None:
    lease = await books.locked()
    buy = books.a_buy(lease)
    await books.decided(buy)
    await books.database.locks.take_over(ACCOUNT, SAMSUNG, WORKER, LEASE)

    refused = await _ask(books, buy)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.LEASE_LOST
    assert "worker-1 holds token 2" in refused.detail
    assert await _status(books.database, buy) is OrderStatus.DENIED


async def test_a_released_lock_is_refused(books: Books) -> None:
    lease = await books.locked()
    buy = books.a_buy(lease)
    await books.decided(buy)
    await books.database.locks.release(lease)

    assert isinstance(await _ask(books, buy), SendingRefused)


async def test_a_symbol_that_was_never_locked_is_refused(books: Books) -> None:
    buy = books.a_buy(await books.locked(), symbol=HYNIX)
    await books.decided(buy)

    refused = await _ask(books, buy)

    assert isinstance(refused, SendingRefused)
    assert "no lock record exists" in refused.detail


async def test_a_lease_shorter_than_the_request_is_refused(books: Books) -> None:
    lease = await books.locked(duration=HTTP_TIMEOUT - timedelta(seconds=1))
    buy = books.a_buy(lease)
    await books.decided(buy)

    refused = await _ask(books, buy)

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.LEASE_LOST


async def test_a_sale_with_a_lost_lease_is_denied_as_well(books: Books) -> None:
    bought = await books.held()
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    await books.decided(sale)
    await books.database.locks.take_over(ACCOUNT, SAMSUNG, OTHER, LEASE)

    assert isinstance(await _ask(books, sale), SendingRefused)
    assert await _status(books.database, sale) is OrderStatus.DENIED


async def test_a_denied_buy_is_written_down_with_its_reason(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    refused = await books.database.orders.begin_sending(
        buy.intent_id, review=no, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )

    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.FLEET_LOSS_LIMIT_REACHED
    assert await _status(books.database, buy) is OrderStatus.DENIED
    assert (await books.database.events.denials_on(ACCOUNT, MONDAY))[FLEET] == {"FLEET_LOSS_LIMIT_REACHED": 1}
    (event,) = await books.database.events.latest(ACCOUNT, 1)
    assert event.detail["intent_id"] == buy.intent_id


async def test_a_denied_order_frees_its_side(books: Books) -> None:
    lease = await books.locked()
    buy = books.a_buy(lease)
    await books.decided(buy)
    await books.database.orders.begin_sending(
        buy.intent_id, review=no, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )
    await books.database.positions.abandon(buy.position_id)

    assert (await books.sent(books.a_buy(lease))).status is OrderStatus.SENDING


async def test_the_review_sees_losses_switch_closure_and_cool_down(books: Books) -> None:
    seen: list[RiskSnapshot] = []

    def remember(snapshot: RiskSnapshot) -> Review:
        seen.append(snapshot)
        return Approved()

    await books.traded(sold_at=69_000)
    await books.database.risk.press_kill_switch(ACCOUNT, "operator", "drill")
    await books.database.risk.close_entries(ACCOUNT, MONDAY, "market close")
    await books.database.risk.cool_down(ACCOUNT, HYNIX, NOW + timedelta(minutes=1))
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    await books.database.orders.begin_sending(
        buy.intent_id, review=remember, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )

    (snapshot,) = seen
    assert snapshot.kill_switch_on
    assert snapshot.entries_closed_because == "market close"
    assert (snapshot.fleet_pnl, snapshot.worker_pnl, snapshot.worker_trades) == (Won(-10_000), Won(-10_000), 1)
    assert snapshot.last_loss_at == NOW
    assert snapshot.symbols_cooling_down == {HYNIX}


async def test_a_sale_is_never_reviewed(books: Books) -> None:
    bought = await books.held()
    await books.database.risk.press_kill_switch(ACCOUNT, "operator", "drill")
    sale = books.a_sale(await books.locked(), bought.intent.position_id)
    await books.decided(sale)

    permit = await books.database.orders.begin_sending(
        sale.intent_id, review=no, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )

    assert permit.may_send


async def test_a_buy_without_a_review_is_a_bug(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    with pytest.raises(InvalidTransitionError, match="without a review"):
        await books.database.orders.begin_sending(
            buy.intent_id, review=None, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
        )

    assert await _status(books.database, buy) is OrderStatus.INTENDED


async def test_an_order_for_another_environment_never_leaves(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    with pytest.raises(EnvironmentMismatchError, match="simulated"):
        await books.database.orders.begin_sending(
            buy.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.LIVE
        )

    permit = await books.database.orders.begin_sending(
        buy.intent_id, review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
    )
    assert permit.may_send


async def test_an_unknown_intent_is_reported(database: Database) -> None:
    with pytest.raises(UnknownIntentError):
        await database.orders.begin_sending(
            IntentId("nowhere"), review=yes, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
        )


async def test_a_loss_that_is_being_booked_is_waited_for(books: Books, connection: asyncpg.Connection) -> None:
    """The sending transaction reads the gate: a loss committed first counts, however close the race."""
    lost = await books.held()
    trade = books.a_trade(lost, await books.sold(lost, 69_000))
    buy = books.a_buy(await books.locked(OTHER, HYNIX))
    await books.decided(buy)
    booking = connection.transaction()
    await booking.start()
    await connection.execute("SELECT FROM risk_state FOR UPDATE")

    sending = asyncio.create_task(
        books.database.orders.begin_sending(
            buy.intent_id, review=while_losses_are_small, http_timeout=HTTP_TIMEOUT, environment=Environment.SIMULATED
        )
    )
    await asyncio.sleep(0.2)
    waited = not sending.done()
    await _insert_loss(connection, trade.position_id)
    await booking.commit()

    assert waited
    assert isinstance(await sending, SendingRefused)


async def _insert_loss(connection: asyncpg.Connection, position_id: str) -> None:
    await connection.execute(
        """
        INSERT INTO trades (position_id, account_id, worker_id, session_date, symbol, name, market, quantity,
            entry_amount, exit_amount, entry_commission, entry_tax, exit_commission, exit_tax, opened_at, closed_at,
            exit_reason, strategy_name, strategy_version, strategy_parameters, strategy_reason, entry_decision_price,
            exit_decision_price)
        SELECT position_id, account_id, worker_id, session_date, symbol, name, market, bought_quantity, cost, proceeds,
            0, 0, 0, 0, opened_at, opened_at, 'stop_loss', '', '', '{}', '', 1, 1
        FROM positions WHERE position_id = $1
        """,
        position_id,
    )


async def test_a_lease_that_ends_while_the_gate_is_shut_is_refused(
    books: Books, connection: asyncpg.Connection
) -> None:
    buy = books.a_buy(await books.locked(duration=timedelta(seconds=1)))
    await books.decided(buy)
    booking = connection.transaction()
    await booking.start()
    await connection.execute("SELECT FROM risk_state FOR UPDATE")

    sending = asyncio.create_task(
        books.database.orders.begin_sending(
            buy.intent_id, review=yes, http_timeout=timedelta(milliseconds=800), environment=Environment.SIMULATED
        )
    )
    await asyncio.sleep(0.4)
    await booking.commit()

    refused = await sending
    assert isinstance(refused, SendingRefused)
    assert refused.denial is Denial.LEASE_LOST
