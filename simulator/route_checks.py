"""What KIS takes for each venue. All orders trade in one book.

NXT has its main market only (09:00:30 to the closing auction), without market orders; SOR sends to KRX what NXT does
not take.
"""

from datetime import timedelta
from typing import Final

from simulator.krx.sessions import in_seoul
from simulator.krx.units import Symbol
from simulator.order_types import MARKET_TYPES, OrderType
from simulator.refusals import OrderRefusedError, Refusal
from simulator.routing import Route
from simulator.wire import Call

_NXT_LEAD: Final = timedelta(seconds=30)
_NXT_TYPES: Final = frozenset(
    map(OrderType, ["00", "03", "04", "11", "12", "13", "14", "15", "16", "21", "22", "23", "24"])
)
_SOR_TYPES: Final = frozenset(map(OrderType, ["00", "01", "03", "04", "11", "12", "13", "14", "15", "16"]))
_EVENING_AFTER: Final = timedelta(minutes=10)
"""SOR serves the after-market of NXT from 15:40 on."""


def chosen_route(call: Call, symbol: Symbol, kind: OrderType) -> Route:
    """Return the route of a new order, or raise ``OrderRefusedError`` for one that KIS does not take."""
    text = call.values.get("EXCG_ID_DVSN_CD", "").strip()
    if text in ("", Route.KRX):
        return Route.KRX
    if call.is_paper or text not in tuple(Route):
        raise OrderRefusedError(Refusal.VENUE)
    if text == Route.NXT:
        _check_nxt(call, symbol, kind)
    else:
        _check_sor(call, kind)
    return Route(text)


def _check_nxt(call: Call, symbol: Symbol, kind: OrderType) -> None:
    seen = call.simulation.exchange.snapshot(symbol, call.at)
    session, is_today = seen.session, in_seoul(call.at).date() == seen.session.date
    if not seen.is_on_nxt:
        raise OrderRefusedError(Refusal.VENUE)
    if kind not in _NXT_TYPES:
        raise OrderRefusedError(Refusal.ORDER_TYPE)
    if is_today and call.at < session.opens_at + _NXT_LEAD:
        raise OrderRefusedError(Refusal.BEFORE_OPEN)
    if is_today and call.at >= session.auction_at:
        raise OrderRefusedError(Refusal.AFTER_CLOSE)


def _check_sor(call: Call, kind: OrderType) -> None:
    session = call.simulation.exchange.shown_session(call.at)
    is_over = in_seoul(call.at).date() == session.date and call.at >= session.ends_at
    if is_over and kind in MARKET_TYPES:
        in_evening = call.at >= session.ends_at + _EVENING_AFTER
        raise OrderRefusedError(Refusal.EVENING_LIMITS_ONLY if in_evening else Refusal.AUCTION_LIMITS_ONLY)
    if kind not in _SOR_TYPES:
        raise OrderRefusedError(Refusal.ORDER_TYPE)


def route_of_original(call: Call) -> Route:
    """Return the route of the order that a call changes; refuse a call that names another one."""
    named = call.values.get("EXCG_ID_DVSN_CD", "").strip() or Route.KRX
    number = call.values["ORGN_ODNO"].strip().lstrip("0")
    orders = call.simulation.engine.account(call.account).live_orders
    original = next((order for order in orders if order.number.lstrip("0") == number), None)
    route = call.simulation.routes.of(original) if original else Route.KRX
    if original and named != route:
        raise OrderRefusedError(Refusal.NO_ORIGINAL)
    return route
