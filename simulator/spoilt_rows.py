"""Order list rows that a fault hides or changes, while the account's cash and holdings stay correct."""

from collections.abc import Iterable
from dataclasses import replace

from simulator.faults import FaultKind, FaultRule
from simulator.krx.units import Won
from simulator.orders import Order, OrderAction
from simulator.trading import branch
from simulator.wire import Call

_OTHER_BRANCH = "91252"


def spoilt(call: Call, orders: Iterable[Order]) -> list[Order]:
    """Return the orders as the call's faults show them."""
    shown = list(orders)
    for fault in call.faults:
        if fault.kind is FaultKind.HIDE_ORDERS:
            shown = [order for order in shown if not _hits(fault, order)]
        elif fault.kind is FaultKind.HIDE_FILLS:
            hit = [order for order in shown if _hits(fault, order) and order.action is OrderAction.NEW and order.filled]
            hidden = {order.number: min(fault.shares, order.filled) for order in hit}
            call.simulation.note_hidden_fills(call.account, hidden)
            shown = [_without_last_shares(order, hidden.get(order.number, 0)) for order in shown]
        elif fault.kind is FaultKind.WRONG_AMOUNT:
            shown = [_with_more_won(order, fault.won) if _hits(fault, order) else order for order in shown]
    return shown


def shown_branch(call: Call, order: Order) -> str:
    """Return the branch that a row shows."""
    hit = any(fault.kind is FaultKind.OTHER_BRANCH and _hits(fault, order) for fault in call.faults)
    return _OTHER_BRANCH if hit else branch(paper=call.is_paper)


def _hits(fault: FaultRule, order: Order) -> bool:
    return fault.number == order.number or (not fault.number and not order.by_hand)


def _without_last_shares(order: Order, hidden: int) -> Order:
    """Return the order without its last fills: still live, or cancelled before them."""
    if not hidden:
        return order
    left = order.filled - hidden
    amount = Won(order.amount * left // order.filled)
    cancelled = order.cancelled if order.remaining else order.quantity - left - order.rejected
    return replace(order, filled=left, amount=amount, fills=[], cancelled=cancelled)


def _with_more_won(order: Order, won: int) -> Order:
    return replace(order, amount=Won(order.amount + won), fills=[]) if order.filled else order
