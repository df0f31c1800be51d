"""Order notices H0STCNI0 (26 fields) and H0STCNI9 (23 fields). Numbers are zero-padded; no field holds a date."""

from typing import Final

from simulator.krx.units import Side
from simulator.order_events import OrderEvent, OrderEventKind
from simulator.order_types import FILL_OR_KILL_TYPES, IMMEDIATE_TYPES
from simulator.orders import Order, OrderAction
from simulator.treatment import branch
from simulator.wire import kst_time

LONG: Final = 26
_SIDES: Final = {Side.SELL: "01", Side.BUY: "02"}
_ACTIONS: Final = {OrderAction.NEW: "0", OrderAction.AMEND: "1", OrderAction.CANCEL: "2"}
_NOTICE: Final = "1"
_FILL: Final = "2"
_ACCEPTANCE: Final = {
    OrderEventKind.ACCEPTED: "1",
    OrderEventKind.CONFIRMED: "2",
    OrderEventKind.FILLED: "2",
    OrderEventKind.DROPPED: "3",
    OrderEventKind.REJECTED: "1",
}
_ACCOUNT_NAME: Final = "모의고객"
_KRX, _POPS_UP = "1", "Y"
_CASH: Final = "10"
_VENUE_PLACE: Final = 19


def notice_record(event: OrderEvent, stock: str, hts_id: str, fields: int, *, paper: bool) -> list[str]:
    """Return the fields of one notice. ``stock`` is the stock's name, ``fields`` 26 or 23."""
    first = _first_fields(event, hts_id, paper=paper)
    venue = f"{_KRX}{_POPS_UP}"
    middle = [f"{event.order.trigger:09}", _KRX, _POPS_UP, "", _CASH, ""] if fields == LONG else [venue, _CASH, ""]
    order_price = f"{event.order.price:09}" if event.kind is OrderEventKind.FILLED else ""
    return [*first, *middle, stock, order_price]


def with_venue(record: list[str], code: str) -> list[str]:
    """Return a notice with another ORD_EXG_GB than KRX's."""
    place = _VENUE_PLACE if len(record) == LONG else _VENUE_PLACE - 1
    return [*record[:place], code + record[place][1:], *record[place + 1 :]]


def _first_fields(event: OrderEvent, hts_id: str, *, paper: bool) -> list[str]:
    order = event.order
    return [
        hts_id,
        order.account.number + order.account.product,
        order.number,
        order.original,
        _SIDES[order.side],
        _ACTIONS[order.action],
        order.kind.value,
        _condition(order),
        order.symbol,
        f"{event.quantity:010}",
        f"{event.price:09}",
        kst_time(event.at),
        "1" if event.kind is OrderEventKind.REJECTED else "0",
        _FILL if event.kind is OrderEventKind.FILLED else _NOTICE,
        _ACCEPTANCE[event.kind],
        branch(paper=paper),
        f"{order.quantity:09}",
        _ACCOUNT_NAME,
    ]


def _condition(order: Order) -> str:
    return "2" if order.kind in FILL_OR_KILL_TYPES else "1" if order.kind in IMMEDIATE_TYPES else "0"
