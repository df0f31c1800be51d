"""Unreadable rows in the broker's lists: only decisions about their stock wait, and no sale does."""

from datetime import timedelta

import pytest

from activities.account.comparing import Reconciled, ReconcileRequest
from activities.entries import NoEntry, PreparedEntry
from activities.resolving import ProofRules, ResolveRequest
from activities.selling import PreparedExit
from activities.statement import StatementRequest
from activities.support.requests import SessionRequest
from domain.event_kind import EventKind
from domain.identity import IntentId
from domain.lane import Lane
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose, OrderRecord, OrderStatus
from domain.position import ExitReason
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import PLAN, Desk
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT

TODAY = PLAN.session.date
ORDERS, BALANCE = "inquire-daily-ccld", "inquire-balance"
ODD_HOLDINGS = {
    "a fraction": {"pdno": "AAPL", "hldg_qty": "0.3", "ord_psbl_qty": "0.3"},
    "credit": {"loan_dt": "20261102", "trad_dvsn_name": "자기융자", "hldg_qty": "40"},
    "a decimal price": {"pdno": "KR6000001", "prpr": "9875.5"},
    "an ETN": {"pdno": "Q530031"},
    "no quantity": {"pdno": "Q530031", "hldg_qty": ""},
    "no code": {"pdno": ""},
}
ODD_ORDERS = {
    "no remainder": {"pdno": "000660", "rmn_qty": ""},
    "no time": {"pdno": "000660", "ord_tmd": ""},
    "a fraction": {"pdno": "AAPL", "ord_qty": "0.3"},
    "another side": {"sll_buy_dvsn_cd": "02", "rmn_qty": "", "odno": "0000099999"},
}


def spoils(desk: Desk, path: str, **fields: str | None) -> None:
    desk.simulation.add_fault(kind="extra_row", path=path, count=0, fields=fields)


async def lost_sale(
    desk: Desk, kind: str = "drop_before", *, no_bids: bool = False
) -> tuple[PreparedEntry, PreparedExit]:
    entry = await desk.buys()
    desk.simulation.set_conditions(SAMSUNG, no_bids=no_bids)
    desk.simulation.add_fault(kind=kind, path="order-cash")
    sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2))
    assert isinstance(sale, PreparedExit)
    assert (await desk.submits(sale, OrderPurpose.EXIT)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    return entry, sale


async def lost_buy(desk: Desk) -> PreparedEntry:
    desk.simulation.add_fault(kind="drop_before", path="order-cash")
    entry = await desk.prepared()
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    return entry


async def resolved(desk: Desk, intent_id: IntentId) -> OrderRecord:
    record: OrderRecord = await desk.does(desk.resolving.resolve_order, ResolveRequest(intent_id))
    return record


async def doubts(desk: Desk) -> list[tuple[str | int, ...]]:
    events = await desk.database.events.latest(ACCOUNT, 50)
    return [
        (each.detail["list"], each.detail["field"]) for each in events if each.kind == EventKind.LOST_ORDER_IN_DOUBT
    ]


async def reconciled(desk: Desk) -> Reconciled:
    found: Reconciled = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
    return found


@pytest.mark.parametrize("odd", ODD_HOLDINGS)
async def test_a_lost_sale_is_proven_absent_beside_an_odd_holding(desk: Desk, odd: str) -> None:
    _, sale = await lost_sale(desk)
    spoils(desk, BALANCE, **ODD_HOLDINGS[odd])

    assert (await resolved(desk, sale.intent_id)).status is OrderStatus.NEVER_PLACED
    assert await doubts(desk) == []


@pytest.mark.parametrize("odd", ODD_ORDERS)
async def test_a_lost_sale_is_proven_absent_beside_an_odd_order(desk: Desk, odd: str) -> None:
    _, sale = await lost_sale(desk)
    spoils(desk, ORDERS, **ODD_ORDERS[odd])

    assert (await resolved(desk, sale.intent_id)).status is OrderStatus.NEVER_PLACED


async def test_a_lost_sale_that_arrived_is_found_beside_an_odd_row(desk: Desk) -> None:
    _, sale = await lost_sale(desk, "drop_reply_after")
    spoils(desk, ORDERS, **ODD_ORDERS["no time"])
    desk.simulation.add_fault(kind="no_row", path=ORDERS, count=0)

    assert (await resolved(desk, sale.intent_id)).status is OrderStatus.ACCEPTED


async def test_a_buy_whose_own_row_cannot_be_read_stays_unknown_and_is_reported_once(desk: Desk) -> None:
    entry = await desk.prepared()
    desk.simulation.add_fault(kind="drop_reply_after", path="order-cash")
    assert (await desk.submits(entry)).status is OrderStatus.UNKNOWN
    desk.rebuild(ProofRules(settle_time=timedelta(seconds=5), clean_reads=2))
    desk.simulation.add_fault(kind="odd_row", path=ORDERS, count=0, row=SAMSUNG, fields={"rmn_qty": ""})

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry.intent_id)

    record = await desk.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.status is OrderStatus.UNKNOWN
    assert await doubts(desk) == [("orders", "rmn_qty")]
    desk.simulation.clear_faults()
    assert (await resolved(desk, entry.intent_id)).status is OrderStatus.ACCEPTED


async def test_a_row_without_a_code_keeps_a_lost_buy_unknown(desk: Desk) -> None:
    entry = await lost_buy(desk)
    desk.simulation.add_fault(kind="no_row", path=ORDERS, count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry.intent_id)

    assert await doubts(desk) == [("orders", "output1")]


async def test_a_row_without_a_code_keeps_no_sale_whose_shares_are_all_there(desk: Desk) -> None:
    _, sale = await lost_sale(desk)
    desk.simulation.add_fault(kind="no_row", path=ORDERS, count=0)

    assert (await resolved(desk, sale.intent_id)).status is OrderStatus.NEVER_PLACED


async def test_a_row_without_a_code_may_be_a_lost_sale_that_reserves_shares(desk: Desk) -> None:
    _, sale = await lost_sale(desk, "drop_reply_after", no_bids=True)

    await stays_unknown(desk, sale)


async def test_a_row_without_a_code_may_be_a_lost_sale_when_a_share_is_gone(desk: Desk) -> None:
    _, sale = await lost_sale(desk)
    theirs = OrderRequest(desk.broker_account.id, SAMSUNG, Side.SELL, OrderType.MARKET, Quantity(1), Price(0))
    desk.simulation.place_order(theirs, by_hand=True)

    await stays_unknown(desk, sale)


async def stays_unknown(desk: Desk, sale: PreparedExit) -> None:
    """Replace the last order with an unreadable row: the lost sale is not proven absent."""
    desk.simulation.add_fault(kind="hide_orders", path="inquire", number=desk.sent[-1].number, count=0)
    desk.simulation.add_fault(kind="no_row", path=ORDERS, count=0)

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, sale.intent_id)

    record = await desk.database.orders.get(sale.intent_id)
    assert record is not None
    assert record.status is OrderStatus.UNKNOWN
    assert await doubts(desk) == [("orders", "output1")]


async def test_a_lost_buy_waits_while_its_own_holding_cannot_be_read(desk: Desk) -> None:
    entry = await lost_buy(desk)
    spoils(desk, BALANCE, pdno=SAMSUNG, hldg_qty="?")

    with pytest.raises(AssertionError, match="does not come"):
        await resolved(desk, entry.intent_id)

    assert await doubts(desk) == [("holdings", "hldg_qty")]


@pytest.mark.parametrize("odd", ODD_HOLDINGS)
async def test_the_books_of_other_stocks_are_compared_beside_an_odd_holding(desk: Desk, odd: str) -> None:
    await desk.buys()
    spoils(desk, BALANCE, **ODD_HOLDINGS[odd])

    found = await reconciled(desk)

    assert not any(SAMSUNG in difference for difference in found.differences)
    assert not found.entries_closed


@pytest.mark.parametrize(("odd_row", "differences"), [(False, 1), (True, 0)])
async def test_an_order_of_ours_is_not_called_missing_beside_a_row_that_may_be_it(
    desk: Desk, odd_row: bool, differences: int
) -> None:
    entry = await desk.prepared()
    desk.price_moves(0.05)
    assert (await desk.submits(entry)).status is OrderStatus.ACCEPTED
    desk.simulation.add_fault(kind="hide_orders", path="inquire", number=desk.sent[0].number, count=0)
    if odd_row:
        desk.simulation.add_fault(kind="no_row", path=ORDERS, count=0)

    found = await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT, apply=False))

    assert len(found.differences) == differences


async def test_nothing_is_claimed_of_a_stock_whose_holding_cannot_be_read(desk: Desk) -> None:
    await desk.buys()
    desk.simulation.add_fault(kind="odd_row", path=BALANCE, count=0, row=SAMSUNG, fields={"hldg_qty": "many"})

    found = await reconciled(desk)

    assert found.differences == ()
    assert found.not_compared == (f"{SAMSUNG}: holdings hldg_qty",)
    assert not found.entries_closed
    now = desk.simulation.market_now()
    snapshot = await desk.database.risk.snapshot(ACCOUNT, WORKER, TODAY, now)
    assert SAMSUNG in snapshot.symbols_cooling_down


async def test_flat_is_proven_beside_an_odd_holding_of_the_owners(desk: Desk) -> None:
    entry = await desk.buys()
    spoils(desk, BALANCE, **ODD_HOLDINGS["no quantity"])
    await desk.sells(entry)
    desk.passes(seconds=5)

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert proof.in_doubt == ()
    assert proof.open_orders == 0


async def test_flat_is_not_proven_of_a_stock_of_ours_that_cannot_be_read(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    desk.simulation.add_fault(kind="extra_row", path=BALANCE, count=0, fields={"pdno": SAMSUNG, "hldg_qty": "?"})

    proof = await desk.does(desk.flatness.prove_flat, SessionRequest(ACCOUNT, TODAY))

    assert not proof.flat
    assert proof.in_doubt == (SAMSUNG,)
    assert await desk.database.events.counts(ACCOUNT, TODAY, EventKind.FLATNESS_IN_DOUBT) == 1


async def test_a_statement_row_that_cannot_be_read_costs_only_its_stocks_lines(desk: Desk) -> None:
    entry = await desk.buys()
    await desk.sells(entry)
    odd = {"pdno": "Q530031", "rlzt_pfls": "?"}
    desk.simulation.add_fault(kind="extra_row", path="inquire-period-trade-profit", count=0, fields=odd)

    found = await desk.does(desk.statement.compare_statement, StatementRequest(ACCOUNT, TODAY))

    assert found.untold == ""
    assert found.lines > 0
    assert all(line.startswith(SAMSUNG) for line in found.unexplained), "the trade is not booked yet"


async def test_a_holding_that_cannot_be_read_is_not_taken_for_a_sale_by_hand(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(kind="odd_row", path=BALANCE, count=0, row=SAMSUNG, fields={"hldg_qty": "?"})
    position = await desk.holding(entry.position_id)

    left = await desk.foreign_sales.left_of(position, Lane.EXIT)

    assert left.quantity == entry.quantity
    assert (await desk.sells(entry)).status is OrderStatus.FILLED


async def test_one_odd_quote_costs_the_others_nothing(desk: Desk) -> None:
    desk.simulation.add_fault(
        kind="odd_row", path="intstock-multprice", count=0, row=HYNIX, fields={"inter2_prpr": "?", "acml_vol": "-1"}
    )
    desk.simulation.add_fault(
        kind="odd_row", path="intstock-multprice", count=0, row=SAMSUNG, fields={"acml_vol": "-1"}
    )

    quotes = await desk.feed.quotes([SAMSUNG, HYNIX], timedelta(seconds=1), Lane.SCAN)

    assert [(symbol, quote.unreadable) for symbol, quote in quotes.items()] == [(SAMSUNG, ("acml_vol",))]


async def test_a_quote_with_an_odd_field_is_not_bought(desk: Desk) -> None:
    desk.simulation.add_fault(
        kind="odd_row", path="intstock-multprice", count=0, row=SAMSUNG, fields={"inter2_hgpr": "?"}
    )

    decision = await desk.prepares(SAMSUNG)

    assert isinstance(decision, NoEntry)
    assert "inter2_hgpr" in str(decision)
    assert desk.sent == []


async def test_a_stock_is_sold_whose_quote_has_an_odd_field(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.add_fault(
        kind="odd_row", path="intstock-multprice", count=0, row=SAMSUNG, fields={"acml_vol": "-1", "inter2_bidp": "?"}
    )
    desk.price_moves(-0.06)

    signal = await desk.watches(entry)

    assert signal.reason is ExitReason.STOP_LOSS
    assert (await desk.sells(entry)).status is OrderStatus.FILLED


async def test_on_a_split_day_the_change_is_counted_from_the_base_price(desk: Desk) -> None:
    before = (await desk.broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG]
    desk.simulation.set_conditions(SAMSUNG, split=1.1)

    after = (await desk.broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG]
    reference = await desk.broker.daily_reference(SAMSUNG, TODAY, Lane.SCAN)

    assert after.change_rate == before.change_rate
    assert reference.previous_close == after.previous_close
