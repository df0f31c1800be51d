"""The broker's counter: orders of our intents at the simulated exchange, and its list of them."""

from datetime import UTC, datetime
from typing import Final

from domain.identity import SIMULATED_ACCOUNT
from domain.market import Side, Symbol
from domain.money import Price, Quantity, Won
from domain.order import (
    Accepted,
    BrokerOrder,
    BrokerOrderRef,
    OrderIntent,
    OrderType,
    Rejected,
    SubmitOutcome,
)
from domain.session import SessionDate
from domain.unreadable import Rows
from simulator.order_types import OrderType as Kind
from simulator.orders import AccountId, ChangeRequest, Order, OrderAction, OrderRequest
from simulator.refusals import OrderRefusedError
from simulator.simulation import Simulation
from simulator.treatment import branch

LAB_ACCOUNT: Final = AccountId(*SIMULATED_ACCOUNT.split("-"))
_KINDS: Final = {
    OrderType.LIMIT: Kind.LIMIT,
    OrderType.MARKET: Kind.MARKET,
    OrderType.POST_CLOSE: Kind.POST_CLOSE,
    OrderType.AFTER_MARKET: Kind.EVENING_LIMIT,
}
_TYPES: Final = {kind: order_type for order_type, kind in _KINDS.items()}
_BRANCH: Final = branch(paper=False)


def place(simulation: Simulation, intent: OrderIntent) -> SubmitOutcome:
    """Place an intent's order; return what the KIS client would."""
    kind, price = _KINDS[intent.order_type], intent.limit_price or Price(0)
    request = OrderRequest(LAB_ACCOUNT, intent.symbol, intent.side, kind, intent.quantity, price)
    try:
        return Accepted(_ref(simulation.place_order(request)))
    except OrderRefusedError as refused:
        return _rejected(refused)


def cancel(simulation: Simulation, ref: BrokerOrderRef) -> SubmitOutcome:
    """Cancel the remainder of an order."""
    request = ChangeRequest(LAB_ACCOUNT, ref.number, OrderAction.CANCEL, Kind.LIMIT, None, Price(0))
    try:
        return Accepted(_ref(simulation.change_order(request)))
    except OrderRefusedError as refused:
        return _rejected(refused)


def listed(simulation: Simulation, date: SessionDate, symbol: Symbol | None, side: Side | None) -> Rows[BrokerOrder]:
    """Return a day's orders, oldest first."""
    orders = simulation.engine.account(LAB_ACCOUNT).orders
    return Rows(
        [
            _row(order)
            for order in orders
            if order.day == date and symbol in (None, order.symbol) and side in (None, Side(order.side))
        ],
        (),
    )


def _row(order: Order) -> BrokerOrder:
    return BrokerOrder(
        ref=_ref(order),
        symbol=Symbol(order.symbol),
        side=Side(order.side),
        order_type=_TYPES.get(order.kind),
        quantity=Quantity(order.quantity),
        limit_price=Price(order.price) or None,
        ordered_at=_whole_second(order.placed_at),
        filled_quantity=Quantity(order.filled),
        filled_amount=Won(order.amount),
        remaining_quantity=Quantity(order.remaining),
        rejected_quantity=Quantity(order.rejected),
        original=order.original or None,
        entered_by="OpnAPI",
        by_api=True,
    )


def _ref(order: Order) -> BrokerOrderRef:
    return BrokerOrderRef(SessionDate(order.day), _BRANCH, order.number)


def _rejected(refused: OrderRefusedError) -> Rejected:
    return Rejected(refused.refusal.value.real, refused.refusal.value.message)


def _whole_second(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)
