"""Flat means our shares: the owner's holdings are named, unexplained shares raise an alarm (F22, F33, F42)."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

import activities.support.heart
from activities.account.first_look import SharesKnown
from activities.entries import PreparedEntry
from activities.selling import PreparedExit, SoldByOthers
from activities.settling import CloseRequest
from activities.support.requests import SessionRequest
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.ladder import Rung, Tries
from domain.lane import Lane
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import OrderPurpose
from domain.position import ExitReason
from domain.session import SessionDate
from simulator.order_types import OrderType
from simulator.orders import Holding, OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, CALENDAR

TODAY = PLAN.session.date
REFUSED = Tries().after(Rung.BEST_BID, refused=True)
A_DAY = timedelta(days=1)


def by_hand(desk: Desk, side: Side, quantity: int, symbol: Symbol = SAMSUNG) -> None:
    order = OrderRequest(desk.broker_account.id, symbol, side, OrderType.MARKET, Quantity(quantity), Price(0))
    assert desk.simulation.place_order(order, by_hand=True).filled == quantity


def from_nowhere(desk: Desk, quantity: int, symbol: Symbol = SAMSUNG) -> None:
    held = desk.broker_account.holdings.setdefault(symbol, Holding(symbol))
    held.quantity += quantity


async def events_of(desk: Desk, *kinds: str) -> list[Event]:
    return [event for event in await desk.database.events.latest(ACCOUNT, 50) if event.kind in kinds]


async def close(
    desk: Desk, entry: PreparedEntry, reason: ExitReason = ExitReason.OPERATOR, brought: Won | None = None
) -> None:
    request = CloseRequest(entry.position_id, reason, entry.lease, timedelta(0), brought)
    await desk.does(desk.settling.close_position, request)


async def test_flatness_is_proven_by_two_equal_looks(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    await close(desk, entry)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.holdings, proof.open_orders) == (True, {}, 0)
    assert desk.pace.pauses == 1
    kept = await desk.database.snapshots.proof_of(ACCOUNT, TODAY)
    assert kept is not None
    assert kept.flat


async def test_a_proof_that_waits_for_the_brokers_answer_is_not_taken_for_dead(desk: Desk) -> None:
    desk.simulation.add_fault(kind="delay", path="inquire-balance", seconds=1.3, count=1)

    await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert len(desk.heartbeats) >= 3


async def test_a_proof_that_reads_a_long_list_page_by_page_is_not_taken_for_hung(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.support.heart, "_BEAT", 0.01)
    monkeypatch.setattr(activities.support.heart, "_LONGEST_SILENCE", 0.1)
    desk.simulation.add_fault(kind="delay", path="inquire-daily-ccld", seconds=1.5, count=1)

    begun_at = asyncio.get_running_loop().time()
    beats = await desk.beats_of(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert max(later - before for before, later in pairwise([begun_at, *beats])) < 1.0


async def test_what_is_carried_overnight_is_shouted_about_once(desk: Desk) -> None:
    entry = await desk.buys()

    await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))
    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.holdings, proof.ours) == (False, {SAMSUNG: entry.quantity}, {SAMSUNG: entry.quantity})
    assert await desk.database.events.counts(ACCOUNT, TODAY, EventKind.POSITION_CARRIED_OVERNIGHT) == 1
    (snapshot,) = await desk.database.snapshots.on(ACCOUNT, TODAY)
    assert snapshot.ledger_quantity == snapshot.broker_quantity == entry.quantity
    assert (snapshot.owners_quantity, snapshot.unexplained_quantity) == (0, 0)


async def test_of_a_position_that_the_owner_sold_in_part_only_the_rest_is_said_to_be_carried(desk: Desk) -> None:
    entry = await desk.buys()
    by_hand(desk, Side.SELL, 2)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    left = entry.quantity - 2
    assert (proof.flat, proof.holdings, proof.ours) == (False, {SAMSUNG: left}, {SAMSUNG: left})
    (carried,) = await events_of(desk, "position_carried_overnight")
    assert carried.detail["quantity"] == left


async def test_one_empty_balance_does_not_prove_flatness(desk: Desk) -> None:
    await desk.buys()
    desk.simulation.add_fault(kind="empty_balance", path="inquire-balance", count=2)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert not proof.flat


async def test_a_balance_that_stays_empty_does_not_prove_flatness_against_the_ledger(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="empty_balance", count=0)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.holdings, proof.ours) == (False, {}, {SAMSUNG: entry.quantity})
    assert len(await events_of(desk, "position_carried_overnight")) == 1


async def test_what_the_owner_bought_by_hand_is_named_and_no_alarm(desk: Desk) -> None:
    by_hand(desk, Side.BUY, 3, HYNIX)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.holdings, proof.owners) == (True, {HYNIX: 3}, {HYNIX: 3})
    (event,) = await events_of(
        desk, EventKind.OWNERS_SHARES, EventKind.UNEXPLAINED_SHARES, "position_carried_overnight"
    )
    assert (event.kind, event.level, event.symbol) == (EventKind.OWNERS_SHARES, EventLevel.INFO, HYNIX)
    (snapshot,) = await desk.database.snapshots.on(ACCOUNT, TODAY)
    assert (snapshot.broker_quantity, snapshot.owners_quantity) == (3, 3)


async def test_what_the_owner_held_before_the_session_is_known_after_a_restart(desk: Desk) -> None:
    from_nowhere(desk, 4)
    await SharesKnown(desk.broker, desk.database, desk.pace).look_first(ACCOUNT, TODAY)
    entry = await desk.buys()
    await desk.sells(entry)
    await close(desk, entry)
    desk.rebuild()

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners) == (True, {SAMSUNG: 4})


async def test_unexplained_shares_are_not_flat(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    from_nowhere(desk, 2, HYNIX)

    await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))
    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners, proof.unexplained) == (False, {}, {HYNIX: 2})
    (event,) = await events_of(desk, EventKind.UNEXPLAINED_SHARES)
    assert (event.level, event.detail["quantity"]) == (EventLevel.CRITICAL, 2)


async def test_an_unreadable_order_of_a_stock_that_we_never_traded_makes_the_owners_shares_no_alarm(desk: Desk) -> None:
    from_nowhere(desk, 3, HYNIX)
    row = {"pdno": HYNIX, "odno": "0000099902", "ord_qty": "3", "ord_unpr": "312.4500", "ord_tmd": ""}
    desk.simulation.add_fault(kind="extra_row", path="inquire-daily-ccld", fields=row, count=0)
    await desk.day_start.compare(ACCOUNT, TODAY)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners, proof.unexplained) == (True, {HYNIX: 3}, {})


async def test_shares_of_a_stock_that_we_traded_are_not_the_owners_for_want_of_a_look(desk: Desk) -> None:
    """No comparison ran in the morning: the remaining shares of our stock may be ours."""
    entry = await desk.buys()
    await desk.sells(entry)
    await close(desk, entry)
    from_nowhere(desk, 2)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.unexplained) == (False, {SAMSUNG: 2})


async def test_the_owner_sells_some_of_ours_and_buys_again(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.buys()
    by_hand(desk, Side.SELL, entry.quantity)
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    await close(desk, entry, ExitReason.FOREIGN_SALE, decision.brought)
    by_hand(desk, Side.BUY, 5)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners, proof.unexplained) == (True, {SAMSUNG: 5}, {})


async def test_the_owner_sells_ours_in_two_parts_and_then_trades_its_own(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.buys()
    by_hand(desk, Side.SELL, 2)
    rest = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, tries=REFUSED))
    assert isinstance(rest, PreparedExit)
    assert rest.quantity == entry.quantity - 2
    await desk.database.orders.withdraw(rest.intent_id)
    by_hand(desk, Side.SELL, rest.quantity)
    decision = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 1, tries=REFUSED))
    assert isinstance(decision, SoldByOthers)
    await close(desk, entry, ExitReason.FOREIGN_SALE, decision.brought)
    by_hand(desk, Side.BUY, 5)
    by_hand(desk, Side.SELL, 3)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners, proof.unexplained) == (True, {SAMSUNG: 2}, {})
    known, listed = SharesKnown(desk.broker, desk.database, desk.pace), await desk.broker.orders_on(TODAY, Lane.RESOLVE)
    assert await known.changed_by_hand(ACCOUNT, TODAY, listed, SAMSUNG) == 2


async def test_a_position_that_our_books_let_go_unsold_is_not_the_owners(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.buys()
    await close(desk, entry, ExitReason.FOREIGN_SALE, Won(1))

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.unexplained) == (False, {SAMSUNG: entry.quantity})


@pytest.mark.parametrize(("beyond", "in_doubt"), [(SAMSUNG, (SAMSUNG,)), (HYNIX, ())])
async def test_an_order_row_without_a_code_casts_doubt_on_shares_beyond_ours_of_our_own_stocks(
    desk: Desk, beyond: Symbol, in_doubt: tuple[Symbol, ...]
) -> None:
    await desk.buys()
    by_hand(desk, Side.BUY, 1, beyond)
    desk.simulation.add_fault(kind="no_row", path="inquire-daily-ccld", count=0)

    assert (await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))).in_doubt == in_doubt


async def test_a_fill_of_an_order_that_we_gave_up_is_not_the_owners(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.prepared()
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="buy")
    await desk.submits(entry)
    await desk.database.orders.prove_absent(entry.intent_id, "a list that lied three times")
    assert [order.filled for order in desk.sent] == [entry.quantity]

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.owners, proof.unexplained) == (False, {}, {SAMSUNG: entry.quantity})


async def test_shares_of_an_undecided_order_are_not_the_owners_the_next_day(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.prepared()
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="buy")
    await desk.submits(entry)
    await desk.database.orders.quarantine(entry.intent_id, "cannot be distinguished from another")
    await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))
    desk.passes(days=1)
    tomorrow = SessionDate(TODAY + A_DAY)
    await desk.day_start.compare(ACCOUNT, tomorrow)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, tomorrow))

    assert (proof.flat, proof.owners, proof.unexplained) == (False, {}, {SAMSUNG: entry.quantity})


async def test_an_order_that_may_still_fill_is_not_flat(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.set_conditions(SAMSUNG, no_asks=True)
    await desk.submits(entry)
    (working,) = await desk.broker.orders_on(TODAY, Lane.RESOLVE)
    assert working.remaining_quantity

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert (proof.flat, proof.open_orders, proof.holdings) == (False, 1, {})


async def test_tomorrow_what_the_last_session_left_to_the_owner_is_the_owners_and_ours_is_ours(desk: Desk) -> None:
    await desk.day_start.compare(ACCOUNT, TODAY)
    entry = await desk.buys()
    by_hand(desk, Side.BUY, 3)
    await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))
    desk.passes(days=1)
    tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
    assert isinstance(sale, PreparedExit)
    await desk.submits(sale, OrderPurpose.EXIT)
    await desk.follows(sale.intent_id)
    await close(desk, entry, ExitReason.DEADLINE)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, SessionDate(TODAY + A_DAY)))

    assert (proof.flat, proof.owners, proof.unexplained) == (True, {SAMSUNG: 3}, {})
