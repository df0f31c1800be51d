"""Orders and their changes as the journal keeps them."""

from collections.abc import Mapping
from typing import Any

from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.order_types import OrderType
from simulator.orders import AccountId, ChangeRequest, OrderAction, OrderRequest
from simulator.underway import Way


def way_from_json(values: Mapping[str, Any]) -> Way:
    """Return the way of a request; the straight one where the record has no values of it."""
    return Way(**{name: values[name] for name in Way._fields if name in values})


def order_to_json(request: OrderRequest) -> dict[str, Any]:
    """Return a new order as JSON values."""
    return {**request._asdict(), "account": list(request.account)}


def order_from_json(values: Mapping[str, Any]) -> OrderRequest:
    """Return the new order of a record."""
    return OrderRequest(
        AccountId(*values["account"]),
        Symbol(values["symbol"]),
        Side(values["side"]),
        OrderType(values["kind"]),
        Quantity(values["quantity"]),
        Price(values["price"]),
        Price(values.get("trigger", 0)),
    )


def change_to_json(request: ChangeRequest) -> dict[str, Any]:
    """Return an amendment or a cancellation as JSON values."""
    return {**request._asdict(), "account": list(request.account)}


def change_from_json(values: Mapping[str, Any]) -> ChangeRequest:
    """Return the amendment or the cancellation of a record."""
    quantity = values["quantity"]
    return ChangeRequest(
        AccountId(*values["account"]),
        values["original"],
        OrderAction(values["action"]),
        OrderType(values["kind"]),
        None if quantity is None else Quantity(quantity),
        Price(values["price"]),
        Price(values.get("trigger", 0)),
    )
