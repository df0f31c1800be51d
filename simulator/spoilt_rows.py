"""Order list rows that a fault hides or changes, while the account's cash and holdings stay correct."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from simulator.faults import FaultKind, FaultRule
from simulator.krx.costs import Costs
from simulator.krx.units import Won
from simulator.orders import Order, OrderAction
from simulator.wire import Call


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


def as_listed(call: Call, orders: Iterable[Order], kind: FaultKind, *, with_cancels: bool) -> list[Order]:
    """Return the orders as a list that lags by a kind of fault shows them: without the newest orders and fills.

    Cancels are late only ``with_cancels``, or by a fault of their own (``lag_cancels``).
    """
    every = list(orders)
    hidden_from = lagging_since(call, kind)
    late_cancels = [lagging_since(call, FaultKind.LAG_CANCELS)] + ([hidden_from] if with_cancels else [])
    undone = [row for row in every if row.original and row.placed_at >= min(late_cancels)]
    placed = [order for order in every if order.placed_at < hidden_from and not (order in undone and _is_cancel(order))]
    return [_as_seen(order, hidden_from, undone) for order in placed]


def lagging_since(call: Call, kind: FaultKind) -> datetime:
    """Return the market instant from which a lagging reply hides what happened."""
    lags = [fault.drawn_seconds for fault in call.faults if fault.kind is kind]
    if not lags:
        return datetime.max.replace(tzinfo=call.at.tzinfo)
    return call.at - timedelta(seconds=max(lags)) * call.simulation.speed


def _is_cancel(order: Order) -> bool:
    return order.action is OrderAction.CANCEL


def _as_seen(order: Order, hidden_from: datetime, undone: list[Order]) -> Order:
    """Return the order without the newest fills and without the effect of cancels that are not shown yet."""
    late = any(fill.at >= hidden_from for fill in order.fills)
    restored = sum(row.quantity - row.rejected for row in undone if row.original == order.number and _took(row, order))
    if not late and not restored:
        return order
    earlier = replace(order, cancelled=max(0, order.cancelled - restored))
    if late:
        earlier = replace(earlier, filled=0, amount=Won(0), costs=Costs(), fills=[])
        for fill in order.fills:
            if fill.at < hidden_from:
                earlier.take(fill)
    return earlier


def _took(row: Order, order: Order) -> bool:
    return (row.day, row.account) == (order.day, order.account)


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
