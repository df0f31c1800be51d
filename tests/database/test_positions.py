"""Positions: found by their owner, marked with a best price that never falls, abandoned when no order can fill."""

from decimal import Decimal

import asyncpg
import pytest

from database.errors import InvalidTransitionError, UnknownIntentError
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import PositionId, WorkerId
from domain.money import Price, Quantity
from domain.position import StrategyStamp
from domain.rules import ExitRules
from tests.database.books import Books, an_opening
from tests.support.builders import ACCOUNT, HYNIX, MONDAY, NOW, SAMSUNG, WORKER

OTHER = WorkerId("worker-2")


async def test_a_position_comes_back_with_all_it_was_opened_with(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    rules = ExitRules(stop_loss=Decimal("0.0123"), take_profit=Decimal("0.3"))
    await books.database.orders.record_entry(buy, an_opening(buy, exit_rules=rules, rules_version=7))
    sent = await books.accepted(buy)
    await books.filled(sent, 10, price=70_100)

    position = await books.database.positions.get(buy.position_id)

    assert position is not None
    assert position.exit_rules == rules
    assert await books.database.positions.held_stocks(ACCOUNT) == (SAMSUNG,)
    assert position.rules_version == 7
    assert position.strategy == StrategyStamp("momentum", "1", {"window": "600"}, "rose 1.3 %", "c0de")
    assert (position.session_date, position.opened_at, position.decision_price) == (MONDAY, NOW, 70_000)


async def test_a_position_without_a_share_is_not_held(books: Books) -> None:
    buy = books.a_buy(await books.locked())
    await books.decided(buy)

    assert await books.database.positions.get(buy.position_id) is None
    assert await books.database.positions.held_by(ACCOUNT, WORKER) is None
    assert await books.database.positions.held_stocks(ACCOUNT) == ()
    assert await books.database.positions.held_in(ACCOUNT) == ()
    assert await books.database.positions.live_of(ACCOUNT, WORKER) == buy.position_id


async def test_everything_held_is_listed(books: Books) -> None:
    first = await books.held()
    second = await books.held(OTHER, HYNIX)

    held = await books.database.positions.held_in(ACCOUNT)

    assert {position.symbol for position in held} == {SAMSUNG, HYNIX}
    own = await books.database.positions.held_by(ACCOUNT, OTHER)
    assert own is not None
    assert own.position_id == second.intent.position_id
    assert first.intent.position_id in {position.position_id for position in held}


async def test_a_sold_out_position_waits_for_its_close(books: Books) -> None:
    bought = await books.held()

    await books.sold(bought)

    sold_out = await books.database.positions.get(bought.intent.position_id)
    assert sold_out is not None
    assert (sold_out.position_id, sold_out.quantity, sold_out.cost) == (bought.intent.position_id, 0, 0)
    assert await books.database.positions.held_by(ACCOUNT, WORKER) is None
    assert await books.database.positions.live_of(ACCOUNT, WORKER) == bought.intent.position_id


async def test_the_best_price_never_falls(books: Books) -> None:
    bought = await books.held()
    positions = books.database.positions

    await positions.mark(bought.intent.position_id, Price(72_000), Price(72_000), NOW)
    await positions.mark(bought.intent.position_id, Price(69_000), Price(71_000), NOW)
    await positions.mark(bought.intent.position_id, Price(69_000), Price(71_000), NOW)

    position = await positions.get(bought.intent.position_id)
    assert position is not None
    assert (position.last_price, position.high_water_mark) == (69_000, 72_000)


async def test_a_closed_position_is_not_marked(books: Books) -> None:
    trade = await books.traded()

    await books.database.positions.mark(trade.position_id, Price(90_000), Price(90_000), NOW)

    position = await books.database.positions.get(trade.position_id)
    assert position is not None
    assert position.high_water_mark == 70_000
    assert position.quantity == 0


async def test_a_mark_is_kept_for_its_own_position_only(books: Books, connection: asyncpg.Connection) -> None:
    marked = (await books.held()).intent.position_id
    await books.held(OTHER, HYNIX)

    await books.database.positions.mark(marked, Price(72_000), Price(72_000), NOW)

    assert [row["position_id"] for row in await connection.fetch("SELECT position_id FROM price_marks")] == [marked]
    other = await books.database.positions.held_by(ACCOUNT, OTHER)
    assert other is not None
    assert (other.last_price, other.high_water_mark) == (70_000, 70_000)


async def test_shares_that_are_gone_are_taken_from_their_own_position_only(books: Books) -> None:
    gone = await books.database.positions.get((await books.held()).intent.position_id)
    await books.held(OTHER, HYNIX)
    assert gone is not None

    assert await books.database.positions.take_away(
        gone, Quantity(3), Event(ACCOUNT, EventKind.CARRIED_POSITION_CHANGED, EventLevel.ERROR, NOW, MONDAY)
    )

    held = await books.database.positions.held_in(ACCOUNT)
    assert {position.symbol: position.quantity for position in held} == {SAMSUNG: 3, HYNIX: 10}


async def test_an_unfilled_position_is_abandoned_once_its_order_is_over(books: Books) -> None:
    accepted = await books.accepted(books.a_buy(await books.locked()))
    position_id = accepted.intent.position_id

    with pytest.raises(InvalidTransitionError, match="may still fill"):
        await books.database.positions.abandon(position_id)
    await books.cancelled(accepted)
    await books.database.positions.abandon(position_id)
    await books.database.positions.abandon(position_id)

    assert await books.database.positions.live_of(ACCOUNT, WORKER) is None


async def test_the_open_order_of_another_position_keeps_none_from_being_abandoned(books: Books) -> None:
    await books.accepted(books.a_buy(await books.locked(OTHER, HYNIX)))
    cancelled = await books.accepted(books.a_buy(await books.locked()))
    await books.cancelled(cancelled)

    await books.database.positions.abandon(cancelled.intent.position_id)

    assert await books.database.positions.live_of(ACCOUNT, WORKER) is None
    assert await books.database.positions.live_of(ACCOUNT, OTHER) is not None


async def test_a_position_with_shares_is_not_abandoned(books: Books) -> None:
    bought = await books.held()

    with pytest.raises(InvalidTransitionError, match="cannot be abandoned"):
        await books.database.positions.abandon(bought.intent.position_id)


async def test_an_unknown_position_is_not_abandoned(books: Books) -> None:
    with pytest.raises(UnknownIntentError):
        await books.database.positions.abandon(PositionId("nowhere"))
