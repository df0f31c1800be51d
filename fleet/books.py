"""Operator actions on the books: compare them, and decide about a quarantined order. All actions are audited."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from activities.account.comparing import Reconciled, ReconcileRequest
from activities.statement import StatementCompared, StatementRequest
from domain.events.orders import order_adopted_by_operator, order_dismissed_by_operator
from domain.foreign_api_order import Acceptance, ForeignApiOrder
from domain.identity import IntentId
from domain.order import BrokerOrderRef, OrderRecord, OrderStatus
from domain.session import SessionDate, session_date_of
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.on_demand import ask
from workflows.identity import reconciliation_workflow_id, statement_workflow_id
from workflows.reconciliation import ReconciliationWorkflow, StatementWorkflow

ALL_ORDERS: Final = "all"
_COMPARED_WITHIN: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision about an order: who makes it, and why."""

    intent_id: IntentId
    by: str
    reason: str


async def reconcile(fleet: Fleet, *, apply: bool) -> Reconciled:
    """Compare broker and ledger in a worker process. Only workers hold the broker's keys."""
    workflow_id, request = reconciliation_workflow_id(fleet.account_id), ReconcileRequest(fleet.account_id, apply)
    return await ask(fleet, workflow_id, _COMPARED_WITHIN, ReconciliationWorkflow.run, request)


async def compare_statement(fleet: Fleet, date: SessionDate) -> StatementCompared:
    """Compare the broker's statement of a session with ours in a worker process. Earlier lines are replaced."""
    workflow_id, request = statement_workflow_id(fleet.account_id), StatementRequest(fleet.account_id, date)
    return await ask(fleet, workflow_id, _COMPARED_WITHIN, StatementWorkflow.run, request)


async def foreign_orders(fleet: Fleet) -> tuple[ForeignApiOrder, ...]:
    """Return today's API orders that are not ours and that no operator has accepted."""
    session_date = session_date_of(fleet.market_now())
    return await fleet.database.foreign_api_orders.waiting(fleet.account_id, session_date)


async def accept_orders(fleet: Fleet, number: str, by: str, reason: str) -> tuple[ForeignApiOrder, ...]:
    """Accept one foreign order, or ``all``. Entries open when no foreign order waits for acceptance.

    Raises:
        OperationError: no such order waits.
    """
    at = fleet.market_now()
    acceptance = Acceptance(by, reason, at, "" if number == ALL_ORDERS else number)
    accepted = await fleet.database.foreign_api_orders.accept(fleet.account_id, session_date_of(at), acceptance)
    if not accepted:
        raise OperationError(
            f"no order {number!r} of another program is pending; `starter.py foreign-orders` lists them"
        )
    return accepted


async def adopt(fleet: Fleet, decision: Decision, number: str, branch: str) -> OrderRecord:
    """Bind a quarantined order to the broker order that an operator has identified.

    Raises:
        OperationError: the order is not quarantined, or the broker order already belongs to another intent.
    """
    record = await waiting_order(fleet, decision.intent_id)
    ref = ref_of(record, number, branch)
    if ref in await fleet.database.orders.bound_refs(fleet.account_id, record.intent.session_date):
        raise OperationError(f"broker order {number} belongs to another of our orders already")
    adopted = await fleet.database.orders.adopt(decision.intent_id, ref, _evidence(decision))
    event = order_adopted_by_operator(record, decision.by, decision.reason, fleet.market_now())
    await fleet.database.events.append(event)
    return adopted


async def dismiss(fleet: Fleet, decision: Decision) -> OrderRecord:
    """Declare that a quarantined order was never placed.

    Raises:
        OperationError: the order is not quarantined.
    """
    record = await waiting_order(fleet, decision.intent_id)
    dismissed = await fleet.database.orders.prove_absent(decision.intent_id, _evidence(decision))
    event = order_dismissed_by_operator(record, decision.by, decision.reason, fleet.market_now())
    await fleet.database.events.append(event)
    return dismissed


async def quarantined(fleet: Fleet) -> tuple[OrderRecord, ...]:
    """Return the orders that wait for an operator."""
    return await fleet.database.orders.quarantined(fleet.account_id)


def ref_of(record: OrderRecord, number: str, branch: str) -> BrokerOrderRef:
    """Return the reference of the broker order that an operator names. KIS order numbers have ten digits."""
    return BrokerOrderRef(record.intent.session_date, branch, number.zfill(10))


def order_json(record: OrderRecord) -> dict[str, Any]:
    """Return an order as JSON values."""
    intent = record.intent
    return {
        "intent_id": intent.intent_id,
        "worker": intent.worker_id,
        "symbol": intent.symbol,
        "side": intent.side.value,
        "quantity": intent.quantity,
        "limit_price": intent.limit_price,
        "status": record.status.value,
    }


def order_in_words(record: OrderRecord) -> str:
    """Describe an order on one line."""
    intent = record.intent
    price = f"{intent.limit_price:,} won" if intent.limit_price else "market"
    what = f"{intent.side} {intent.symbol} ×{intent.quantity:,} at {price}"
    return f"{intent.intent_id}  {intent.worker_id}  {what}  {record.status}"


async def waiting_order(fleet: Fleet, intent_id: IntentId) -> OrderRecord:
    """Return a quarantined order.

    Raises:
        OperationError: there is no such order, or it does not wait for a decision.
    """
    record = await fleet.database.orders.get(intent_id)
    if record is None:
        raise OperationError(
            f"the ledger has no order {intent_id}; `starter.py quarantine` lists the quarantined orders"
        )
    if record.status is not OrderStatus.QUARANTINED:
        raise OperationError(f"order {intent_id} is {record.status}; only a quarantined order waits for a decision")
    return record


def _evidence(decision: Decision) -> str:
    return f"{decision.by}: {decision.reason}"
