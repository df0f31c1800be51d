"""Check that the order an operator names exists at the broker, with the same stock and side."""

from datetime import timedelta
from typing import Final

from temporalio.client import WorkflowFailureError

from activities.order_lookup import ListedOrders
from activities.support.requests import SessionRequest
from domain.order import BrokerOrder, OrderRecord
from domain.session import SessionDate
from fleet import books
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.on_demand import ask
from workflows.identity import order_lookup_workflow_id
from workflows.reconciliation import OrderLookupWorkflow

_ANSWERED_WITHIN: Final = timedelta(seconds=30)


async def broker_order(fleet: Fleet, record: OrderRecord, number: str, branch: str) -> BrokerOrder:
    """Return the broker's order of that number, if it can match the waiting order.

    Raises:
        OperationError: there is none, it is of another stock or side, it is a cancel, or the broker does not answer.
    """
    intent, ref = record.intent, books.ref_of(record, number, branch)
    answer = await _listed(fleet, intent.session_date)
    listed = answer.orders
    alike = [order for order in listed if (order.symbol, order.side) == (intent.symbol, intent.side)]
    for order in alike:
        if order.ref == ref and order.original is None:
            return order
    named = [order for order in listed if order.ref.number == ref.number] or alike
    found = "; ".join(_in_words(order) for order in named) or "no order of that number, stock and side"
    wanted = f"{intent.side} {intent.symbol} with number {ref.number} and branch {branch}"
    odd = [row.field for row in answer.unreadable if row.may_be_of(intent.symbol)]
    hidden = f"; rows that cannot be read: {', '.join(odd)}; add --unchecked if the HTS shows the order" if odd else ""
    raise OperationError(f"the broker lists no {wanted} on {intent.session_date}; it lists: {found}{hidden}")


async def _listed(fleet: Fleet, session_date: SessionDate) -> ListedOrders:
    workflow_id, run = order_lookup_workflow_id(fleet.account_id), OrderLookupWorkflow.run
    try:
        answer = await ask(fleet, workflow_id, _ANSWERED_WITHIN, run, SessionRequest(fleet.account_id, session_date))
    except WorkflowFailureError as failure:
        seconds = f"{_ANSWERED_WITHIN.total_seconds():g} s"
        raise _unanswered(f"no worker.py answered within {seconds} ({failure.cause})") from failure
    if answer.fault:
        raise _unanswered(answer.fault)
    return answer


def _unanswered(why: str) -> OperationError:
    return OperationError(f"the broker does not answer now: {why}; try again, or add --unchecked if the HTS shows it")


def _in_words(order: BrokerOrder) -> str:
    cancels = f", cancels or amends {order.original}" if order.original else ""
    return f"{order.ref.number} of branch {order.ref.branch}: {order.side} {order.symbol} ×{order.quantity:,}{cancels}"
