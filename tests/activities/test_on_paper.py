"""KIS's paper service: single quotes without best bid and ask, no ranking, and yet complete trades."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.entries import NoEntry, PreparedEntry
from activities.selling import MarketShut, PreparedExit
from domain.close_plan import CALLS_OF_A_SALE
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Symbol
from domain.order import OrderPurpose, OrderStatus, OrderType
from domain.rules import UniverseRules
from simulator.settings import PAPER
from tests.activities.desk import OPENS_AT, Desk, HandPace
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, RULES, SYMBOLS, a_broker, a_simulation, kst, pinned_database

ORDER_BOOK = "FHKST01010200"


@pytest.fixture
async def paper(database_url: str) -> AsyncIterator[Desk]:
    simulation = a_simulation(OPENS_AT, environment=PAPER)
    pace = HandPace(simulation)
    async with (
        pinned_database(database_url, Environment.PAPER) as database,
        a_broker(simulation, database, pace.now, environment=Environment.PAPER) as broker,
    ):
        yield Desk(simulation, database, broker, pace)


async def test_a_whole_trade_from_the_scan_to_the_sale(paper: Desk) -> None:
    await paper.registers()
    paper.price_moves(0.04, HYNIX)
    rules = replace(RULES.strategy, names=("volatility_breakout",))
    request = paper.scan_request(strategy=rules, universe=UniverseRules(0, (SAMSUNG, HYNIX)))

    found = await paper.does(paper.market_data.find_candidates, request)
    assert HYNIX in {candidate.symbol for candidate in found.candidates}
    entry = await paper.buys(HYNIX)
    sold = await paper.sells(entry, attempt=0)

    assert sold.status is OrderStatus.FILLED
    assert sold.filled_quantity == entry.quantity
    assert sold.intent.order_type is OrderType.LIMIT


async def test_a_buy_is_priced_by_the_order_book_which_is_asked_for_once(paper: Desk) -> None:
    entry = await paper.prepared(SAMSUNG)

    book = await paper.broker.order_book(SAMSUNG, Lane.ENTRY)
    record = await paper.database.orders.get(entry.intent_id)
    assert record is not None
    assert record.intent.limit_price is not None
    assert record.intent.limit_price > book.asks[0].price
    assert paper.simulation.calls.by_tr_id[ORDER_BOOK] == 2  # the other one is this test's


async def test_a_book_without_a_side_is_refused_and_the_lock_given_back(paper: Desk) -> None:
    paper.simulation.set_conditions(SAMSUNG, no_asks=True)

    decision = await paper.prepares(SAMSUNG)

    assert isinstance(decision, NoEntry)
    assert decision.reasons[0].startswith(f"{SAMSUNG}: spread too wide: bid ")
    assert await paper.database.locks.locked_symbols(ACCOUNT) == set()


async def test_a_wide_spread_is_refused(paper: Desk) -> None:
    decision = await paper.prepares(
        SAMSUNG, screening=replace(RULES.screening, greatest_spread=RULES.exits.stop_loss * 0)
    )

    assert isinstance(decision, NoEntry)
    assert "spread too wide" in decision.reasons[0]


async def test_a_book_that_the_broker_refuses_costs_only_the_candidate(paper: Desk) -> None:
    paper.simulation.add_fault(
        kind="refuse", path="inquire-asking-price", symbol=SAMSUNG, msg_cd="40070000", message="no"
    )

    entry = await paper.prepares(SAMSUNG, HYNIX)

    assert isinstance(entry, PreparedEntry)
    assert entry.symbol == HYNIX


async def test_a_sale_goes_on_without_a_book(paper: Desk) -> None:
    entry = await paper.buys(SAMSUNG)
    paper.simulation.add_fault(kind="http_error", path="inquire-asking-price", count=0)

    decision = await paper.does(paper.selling.prepare_exit, paper.exit_of(entry))

    assert isinstance(decision, PreparedExit)
    record = await paper.submits(decision, OrderPurpose.EXIT)
    assert record.intent.limit_price == record.intent.decision_price


async def test_a_universe_that_cannot_be_priced_at_once_has_its_turn_in_parts(paper: Desk) -> None:
    universe = UniverseRules(0, tuple(Symbol(symbol) for symbol in SYMBOLS[:5]))
    most = paper.broker.most_stocks_per_scan
    assert most is not None
    assert most < 5

    looked_at = []
    for _ in range(5):
        before = paper.simulation.calls.by_tr_id["FHKST01010100"]
        report = await paper.does(paper.market_data.scan, paper.scan_request(universe=universe))
        looked_at.append((report.looked_at, paper.simulation.calls.by_tr_id["FHKST01010100"] - before))
        paper.passes(seconds=5)

    assert [number for number, _ in looked_at] == [most] * 5
    assert len(paper.feed._prices.known) == 5


async def test_a_sale_whose_first_limit_finds_no_buyer_takes_the_calls_that_the_close_plan_counts_with(
    paper: Desk,
) -> None:
    entry = await paper.buys(SAMSUNG)
    paper.passes(seconds=2)
    before = paper.simulation.calls.total

    first = await paper.does(paper.selling.prepare_exit, paper.exit_of(entry, 0))
    assert isinstance(first, PreparedExit)
    paper.simulation.set_conditions(SAMSUNG, no_bids=True)
    await paper.submits(first, OrderPurpose.EXIT)
    await paper.follows(first.intent_id, timedelta(0))
    await paper.does(paper.orders.cancel_order, first.intent_id)
    await paper.follows(first.intent_id, timedelta(0))
    paper.simulation.set_conditions(SAMSUNG, no_bids=False)
    paper.passes(seconds=3)
    second = await paper.does(paper.selling.prepare_exit, paper.exit_of(entry, 1))
    assert isinstance(second, PreparedExit)
    await paper.submits(second, OrderPurpose.EXIT)
    sold = await paper.follows(second.intent_id, timedelta(0))

    assert sold.status is OrderStatus.FILLED
    assert paper.simulation.calls.total - before == CALLS_OF_A_SALE


async def test_what_the_session_has_not_taken_is_carried_since_there_is_no_evening(paper: Desk) -> None:
    entry = await paper.buys()
    paper.simulation.move_clock(kst("2026-11-23 15:30"))

    assert await paper.does(paper.selling.prepare_exit, paper.exit_of(entry)) == MarketShut()
