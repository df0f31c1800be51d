"""KIS's own list as the broker's book: an order's sender is read, and without proof never assumed to be the owner."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.kis import KisBroker
from domain.market import Side
from domain.money import Price, Quantity
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from simulator.simulation import Simulation
from tests.activities.desk import OPENS_AT, PLAN
from tests.support.builders import MONDAY, SAMSUNG
from tests.support.stepping import a_broker, a_simulation, broker_account, pinned_database
from tests.verifier.a_day import a_clean_day
from verifier.books import Books, BrokerBook
from verifier.broker_truth import KnownOfDay, listed_book
from verifier.orders import each_order_once

OURS = "0000000001"
_LIST = "inquire-daily-ccld"


@pytest.fixture
def simulation() -> Simulation:
    return a_simulation(OPENS_AT)


@pytest.fixture
async def broker(database_url: str, simulation: Simulation) -> AsyncIterator[KisBroker]:
    async with (
        pinned_database(database_url) as database,
        a_broker(simulation, database, simulation.market_now) as broker,
    ):
        yield broker


def bought(simulation: Simulation, *, by_hand: bool) -> str:
    account = broker_account(simulation)
    request = OrderRequest(account.id, SAMSUNG, Side.BUY, OrderType.MARKET, Quantity(3), Price(0))
    simulation.place_order(request, by_hand=by_hand)
    return account.orders[-1].number


async def read(broker: KisBroker, *ours: str, **known: Any) -> BrokerBook:
    return await listed_book(broker, PLAN.session.date, KnownOfDay(frozenset(ours), {}, **known))


def by_hand(book: BrokerBook) -> dict[str, bool]:
    return {row.number: row.by_hand for row in book.orders}


def complaints(book: BrokerBook) -> list[str]:
    clean = a_clean_day()
    books = Books(plan=clean.plan, clock=clean.clock, read_at=clean.read_at, broker=book)
    return [each.what for each in each_order_once(books)]


async def test_an_unbound_order_that_came_by_api_is_not_taken_for_the_owners(
    broker: KisBroker, simulation: Simulation
) -> None:
    ours, stray = bought(simulation, by_hand=False), bought(simulation, by_hand=False)

    book = await read(broker, ours)

    assert by_hand(book) == {ours: False, stray: False}
    assert "an order at the broker without an intent" in complaints(book)


async def test_an_order_that_the_list_does_not_show_as_by_api_is_the_owners(
    broker: KisBroker, simulation: Simulation
) -> None:
    ours, theirs = bought(simulation, by_hand=False), bought(simulation, by_hand=True)

    assert by_hand(await read(broker, ours)) == {ours: False, theirs: True}


@pytest.mark.parametrize(("entered_by", "is_theirs"), [("", False), ("OpnAPI", False), ("K12345", True)])
async def test_a_list_that_does_not_mark_our_own_orders_proves_nothing_by_a_blank(
    broker: KisBroker, simulation: Simulation, entered_by: str, *, is_theirs: bool
) -> None:
    ours, other = bought(simulation, by_hand=False), bought(simulation, by_hand=True)
    for number, name in ((ours, ""), (other, entered_by)):
        simulation.add_fault(kind="odd_row", path=_LIST, row=number, fields={"ordr_empno": name}, count=0)

    assert by_hand(await read(broker, ours)) == {ours: False, other: is_theirs}


async def test_a_strange_value_in_that_field_makes_no_row_unreadable(broker: KisBroker, simulation: Simulation) -> None:
    number = bought(simulation, by_hand=False)
    simulation.add_fault(kind="odd_row", path=_LIST, row=number, fields={"ordr_empno": None}, count=0)

    assert by_hand(await read(broker, number)) == {number: False}


async def test_a_past_session_is_compared_with_what_its_own_close_saw(
    broker: KisBroker, simulation: Simulation
) -> None:
    number = bought(simulation, by_hand=False)

    today = await read(broker, number)
    seen = await read(broker, number, is_past=True, left={SAMSUNG: Quantity(2)})
    unseen = await read(broker, number, is_past=True)

    assert PLAN.session.date == MONDAY
    assert (today.holdings, today.shows_holdings) == ({SAMSUNG: 3}, True)
    assert (seen.holdings, seen.shows_holdings) == ({SAMSUNG: 2}, True)
    assert not unseen.shows_holdings
