"""Order entry and buying power: order-cash, order-rvsecncl, inquire-psbl-order, inquire-psbl-sell."""

from typing import Final

from simulator.faults import FaultKind
from simulator.krx.units import Price, Quantity, Side, Symbol
from simulator.order_types import LIMIT_TYPES, PAPER_TYPES, OrderType
from simulator.orders import ChangeRequest, Order, OrderAction, OrderRequest
from simulator.refusals import OrderRefusedError, Refusal
from simulator.route_checks import chosen_route, route_of_original
from simulator.routing import Route
from simulator.treatment import branch_of, has, spendable, stamped, way_of
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, kst_time, ledger, percent

SELL_IDS: Final = frozenset({"TTTC0011U", "TTTC0801U", "VTTC0011U", "VTTC0801U"})
BUY_IDS: Final = frozenset({"TTTC0012U", "TTTC0802U", "VTTC0012U", "VTTC0802U"})
_KNOWN_KEYS: Final = frozenset(
    {
        *("CANO", "ACNT_PRDT_CD", "PDNO", "ORD_DVSN", "ORD_QTY", "ORD_UNPR", "SLL_TYPE", "CNDT_PRIC"),
        *("EXCG_ID_DVSN_CD", "CTAC_TLNO", "ALGO_NO", "MGCO_APTM_ODNO", "KRX_FWDG_ORD_ORGNO", "ORGN_ODNO"),
        *("RVSE_CNCL_DVSN_CD", "QTY_ALL_ORD_YN"),
    }
)
_AMEND, _CANCEL = "01", "02"
_LEAST_PAPER_PRICE: Final = 1_000


def order_cash(call: Call) -> Reply:
    """TTTC0012U buys, TTTC0011U sells (also the old and paper ids). Only the TR id gives the side."""
    _check_body(call)
    side = Side.BUY if call.tr_id in BUY_IDS else Side.SELL
    symbol = call.values["PDNO"].strip()
    if call.simulation.exchange.listing(symbol) is None:
        raise OrderRefusedError(Refusal.UNKNOWN_SYMBOL)
    quantity, price = Quantity(_whole(call, "ORD_QTY")), Price(_whole(call, "ORD_UNPR"))
    kind = _order_type(call)
    route = chosen_route(call, Symbol(symbol), kind)
    request = OrderRequest(call.account, Symbol(symbol), side, kind, quantity, price, _trigger(call, kind))
    if call.is_paper and call.simulation.exchange.snapshot(Symbol(symbol), call.at).price < _LEAST_PAPER_PRICE:
        raise OrderRefusedError(Refusal.NOT_TRADED_ON_PAPER)
    order = call.simulation.place_order(request, way=way_of(call))
    _note_route(call, order, route)
    paper_code = ("40600000", "모의투자 매수주문이 완료 되었습니다.")
    if side is Side.SELL:
        paper_code = ("40590000", "모의투자 매도주문이 완료 되었습니다.")
    return _accepted(call, order, paper_code)


def order_rvsecncl(call: Call) -> Reply:
    """TTTC0013U amends (01) or cancels (02) the rest of an order. The reply carries a new order number."""
    _check_body(call)
    choice = call.values["RVSE_CNCL_DVSN_CD"]
    if choice not in (_AMEND, _CANCEL):
        raise GatewayRefusalError("IGW00007", "MCA 전문바디 구성 중 오류가 발생하였습니다.")
    whole = call.values["QTY_ALL_ORD_YN"] == "Y"
    quantity, price = _whole(call, "ORD_QTY"), Price(_whole(call, "ORD_UNPR"))
    if not whole and quantity <= 0:
        raise OrderRefusedError(Refusal.QUANTITY)
    kind = OrderType.LIMIT if choice == _CANCEL else _order_type(call)
    request = ChangeRequest(
        call.account,
        call.values["ORGN_ODNO"],
        OrderAction.AMEND if choice == _AMEND else OrderAction.CANCEL,
        kind,
        None if whole else Quantity(quantity),
        price,
        _trigger(call, kind),
    )
    _check_branch(call)
    route = route_of_original(call)
    order = call.simulation.change_order(request, way_of(call))
    _note_route(call, order, route)
    return _accepted(call, order, ("40600000", "모의투자 정정/취소주문이 완료 되었습니다."))


def psbl_order(call: Call) -> Reply:
    """TTTC8908R: buying power. Orders without a price count at the upper limit."""
    account = call.simulation.engine.account(call.account)
    symbol = _known_symbol(call)
    price = _buying_price(call, symbol)
    cash = spendable(call, account)
    quantity = call.simulation.engine.buyable(account, price, symbol, cash)
    sold_today = max(0, account.cash_flows.get(call.simulation.exchange.shown_session(call.at).date, 0))
    output = {
        "ord_psbl_cash": str(cash),
        "ord_psbl_sbst": "0",
        "ruse_psbl_amt": str(min(sold_today, cash)),
        "fund_rpch_chgs": "0",
        "psbl_qty_calc_unpr": str(price),
        "nrcvb_buy_amt": str(cash),
        "nrcvb_buy_qty": str(quantity),
        "max_buy_amt": str(cash * 5 // 2),
        "max_buy_qty": str(quantity * 5 // 2),
        "cma_evlu_amt": "0",
        "ovrs_re_use_amt_wcrc": "0",
        "ord_psbl_frcr_amt_wcrc": "0",
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output": output})


def psbl_sell(call: Call) -> Reply:
    """TTTC8408R: how many shares of a stock can still be sold (real only)."""
    account = call.simulation.engine.account(call.account)
    symbol = _known_symbol(call)
    if symbol is None:
        raise OrderRefusedError(Refusal.UNKNOWN_SYMBOL)
    seen = call.simulation.exchange.snapshot(symbol, call.at)
    holding = account.holdings.get(symbol)
    held, cost = (holding.quantity, holding.cost) if holding else (0, 0)
    value = held * seen.price
    output = {
        "pdno": symbol,
        "prdt_name": seen.listing.name,
        "buy_qty": "0",
        "sll_qty": "0",
        "cblc_qty": str(held),
        "nsvg_qty": "0",
        "ord_psbl_qty": str(account.sellable(symbol)),
        "pchs_avg_pric": f"{cost / held if held else 0:.4f}",
        "pchs_amt": str(cost),
        "now_pric": str(seen.price),
        "evlu_amt": str(value),
        "evlu_pfls_amt": str(value - cost),
        "evlu_pfls_rt": percent(value - cost, cost),
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output": output})


def _accepted(call: Call, order: Order, paper_code: tuple[str, str]) -> Reply:
    output: Fields = {
        "KRX_FWDG_ORD_ORGNO": branch_of(call, order),
        "ODNO": order.number,
        "ORD_TMD": kst_time(stamped(call, order.placed_at)),
    }
    code, message = paper_code if call.is_paper else ("APBK0013", "주문 전송 완료 되었습니다.")
    return ledger(code, message, {"output": output})


def _note_route(call: Call, order: Order, route: Route) -> None:
    if route is not Route.KRX:
        call.simulation.note_route(order, route)


def _check_branch(call: Call) -> None:
    """Refuse a change that names another branch than its order's, where branches vary."""
    named, number = call.values.get("KRX_FWDG_ORD_ORGNO", "").strip(), call.values["ORGN_ODNO"].strip().lstrip("0")
    if not named or not has(call, FaultKind.VARIED_BRANCHES):
        return
    live = call.simulation.engine.account(call.account).live_orders
    if any(order.number.lstrip("0") == number and branch_of(call, order) != named for order in live):
        raise OrderRefusedError(Refusal.NOTHING_TO_CHANGE)


def _check_body(call: Call) -> None:
    if set(call.values) - _KNOWN_KEYS or not all(isinstance(value, str) for value in call.values.values()):
        raise GatewayRefusalError("IGW00007", "MCA 전문바디 구성 중 오류가 발생하였습니다.")


def _whole(call: Call, name: str) -> int:
    text = call.values.get(name, "")
    if not (text.isascii() and text.isdigit()):
        raise GatewayRefusalError("IGW00007", f"MCA 전문바디 구성 중 오류가 발생하였습니다.({name})")
    return int(text)


def _order_type(call: Call) -> OrderType:
    try:
        kind = OrderType(call.values["ORD_DVSN"])
    except ValueError as error:
        raise OrderRefusedError(Refusal.ORDER_TYPE) from error
    if call.is_paper and kind not in PAPER_TYPES:
        raise OrderRefusedError(Refusal.NOT_ON_PAPER)
    return kind


def _trigger(call: Call, kind: OrderType) -> Price:
    return Price(_whole(call, "CNDT_PRIC")) if kind is OrderType.STOP_LIMIT else Price(0)


def _known_symbol(call: Call) -> Symbol | None:
    symbol = call.values["PDNO"].strip()
    return Symbol(symbol) if call.simulation.exchange.listing(symbol) else None


def _buying_price(call: Call, symbol: Symbol | None) -> Price:
    if symbol is None:
        return Price(0)
    if call.values["ORD_DVSN"] in LIMIT_TYPES and call.values["ORD_UNPR"].strip("0"):
        return Price(_whole(call, "ORD_UNPR"))
    return call.simulation.exchange.snapshot(symbol, call.at).limits.upper
