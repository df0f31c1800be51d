"""An order that an operator adopts must be on the broker's list, with the same stock and side."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from io import StringIO

import pytest
from temporalio.worker import Worker

from activities.order_lookup import OrderLookup
from cli.desk import Desk
from cli.tables.terminal import Terminal
from cli.verbs import orders as order_verbs
from domain.event_kind import EventKind
from domain.market import Side, Symbol
from domain.money import Price, Quantity
from domain.order import OrderStatus
from fleet import order_lookup as order_lookup_module
from fleet.errors import OperationError
from fleet.fleet import Fleet
from simulator.order_types import OrderType
from simulator.orders import Order, OrderRequest
from simulator.simulation import Simulation
from tests.activities.desk import OPENS_AT
from tests.fleet.test_decisions import BRANCH, audited, waiting
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import RULES, a_broker, a_simulation, broker_account
from workflows.identity import task_queues
from workflows.reconciliation import OrderLookupWorkflow


@pytest.fixture
async def simulation(fleet: Fleet) -> AsyncIterator[Simulation]:
    """A market that the fleet's worker process can query."""
    simulation, queues = a_simulation(OPENS_AT), task_queues(fleet.account_id)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(a_broker(simulation, fleet.database, simulation.market_now))
        lists = [OrderLookup(broker).list_broker_orders]
        for worker in (
            Worker(fleet.client, task_queue=queues.trading, workflows=[OrderLookupWorkflow]),
            Worker(fleet.client, task_queue=queues.watch, activities=lists),
        ):
            await stack.enter_async_context(worker)
        yield simulation


def placed(simulation: Simulation, quantity: int = 10, symbol: Symbol = SAMSUNG) -> Order:
    account = broker_account(simulation).id
    order = OrderRequest(account, symbol, Side.BUY, OrderType.MARKET, Quantity(quantity), Price(0))
    return simulation.place_order(order, by_hand=True)


def a_desk(fleet: Fleet, intent: str, number: str, branch: str, *, unchecked: bool = False) -> Desk:
    asked = Namespace(intent=intent, number=number, branch=branch, reason="HTS", unchecked=unchecked, json=False)
    return Desk(fleet, RULES, asked, Terminal(file=StringIO(), width=200))


def said(desk: Desk) -> str:
    assert isinstance(desk.console.file, StringIO)
    return desk.console.file.getvalue()


async def test_an_order_that_the_broker_lists_is_adopted_and_another_quantity_is_reported(
    fleet: Fleet, simulation: Simulation
) -> None:
    record = await waiting(fleet)
    order = placed(simulation, record.intent.quantity + 1)
    desk = a_desk(fleet, record.intent.intent_id, order.number, BRANCH)

    assert await order_verbs.adopt(desk) == 0

    assert f"is of {order.quantity:,} shares, ours of {record.intent.quantity:,}" in said(desk)
    adopted = await fleet.database.orders.get(record.intent.intent_id)
    assert adopted is not None
    assert adopted.status is OrderStatus.ACCEPTED


async def test_a_number_of_another_stock_or_branch_or_of_none_is_refused_with_what_was_found(
    fleet: Fleet, simulation: Simulation
) -> None:
    record = await waiting(fleet)
    ours, other = placed(simulation), placed(simulation, symbol=HYNIX)

    for number, branch, found in (
        (other.number, BRANCH, f"{other.number} of branch {BRANCH}: buy {HYNIX}"),
        (ours.number, "99999", f"{ours.number} of branch {BRANCH}: buy {SAMSUNG}"),
        ("77", BRANCH, f"{ours.number} of branch {BRANCH}: buy {SAMSUNG}"),
    ):
        with pytest.raises(OperationError, match=f"the broker lists no buy {SAMSUNG} .*it lists: {found}"):
            await order_verbs.adopt(a_desk(fleet, record.intent.intent_id, number, branch))

    assert await fleet.database.orders.quarantined(fleet.account_id) == (record,)
    assert await audited(fleet, record, EventKind.ORDER_ADOPTED_BY_OPERATOR) == 0


async def test_a_broker_that_does_not_answer_adopts_nothing(fleet: Fleet, simulation: Simulation) -> None:
    record = await waiting(fleet)
    order = placed(simulation)
    simulation.add_fault(kind="http_error", path="inquire-daily-ccld", count=0)

    with pytest.raises(OperationError, match=r"does not answer now: .*--unchecked"):
        await order_verbs.adopt(a_desk(fleet, record.intent.intent_id, order.number, BRANCH))

    assert await fleet.database.orders.quarantined(fleet.account_id) == (record,)


async def test_where_no_process_can_ask_only_an_unchecked_decision_counts(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_lookup_module, "_ANSWERED_WITHIN", timedelta(seconds=1))
    record = await waiting(fleet)

    with pytest.raises(OperationError, match=r"no worker\.py answered"):
        await order_verbs.adopt(a_desk(fleet, record.intent.intent_id, "77", BRANCH))

    assert await order_verbs.adopt(a_desk(fleet, record.intent.intent_id, "77", BRANCH, unchecked=True)) == 0
    assert await audited(fleet, record, EventKind.ORDER_ADOPTED_BY_OPERATOR) == 1
