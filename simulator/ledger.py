"""Account lists: inquire-balance, inquire-daily-ccld, inquire-psbl-rvsecncl."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from simulator.day_trades import DayTrade, sum_of
from simulator.exchange import Snapshot
from simulator.faults import FaultKind
from simulator.krx.costs import Costs
from simulator.krx.units import Market, Side, Symbol, Won
from simulator.order_types import FILL_OR_KILL_TYPES, IMMEDIATE_TYPES, OrderType
from simulator.orders import Account, Holding, Order, OrderAction
from simulator.spoilt_rows import as_listed, lagging_since, spoilt
from simulator.treatment import branch, branch_of, has, stamped
from simulator.wire import Call, Fields, Reply, failure, kst_date, kst_time, ledger, page, percent

_SIDE_CODES: Final = {Side.SELL: "01", Side.BUY: "02"}
_SIDE_NAMES: Final = {Side.SELL: "현금매도", Side.BUY: "현금매수"}
_CHANGE_NAMES: Final = {
    (Side.SELL, OrderAction.AMEND): "매도정정*",
    (Side.BUY, OrderAction.AMEND): "매수정정*",
    (Side.SELL, OrderAction.CANCEL): "매도취소*",
    (Side.BUY, OrderAction.CANCEL): "매수취소*",
}
_TYPE_NAMES: Final = {
    OrderType.LIMIT: "지정가",
    OrderType.MARKET: "시장가",
    OrderType.CONDITIONAL_LIMIT: "조건부지정가",
    OrderType.BEST_LIMIT: "최유리지정가",
    OrderType.PRIORITY_LIMIT: "최우선지정가",
    OrderType.PRE_OPEN_CLOSE: "장전시간외",
    OrderType.POST_CLOSE: "장후시간외",
    OrderType.SINGLE_PRICE: "시간외단일가",
    OrderType.MID_PRICE: "중간가",
    OrderType.STOP_LIMIT: "스톱지정가",
}
_VENUES: Final = {Market.KOSPI: "02", Market.KOSDAQ: "03"}
BALANCE_ROWS: Final = {False: 50, True: 20}
_ORDER_ROWS: Final = {False: 100, True: 15}
_OPEN_ROWS: Final = 50
_SETTLEMENT_SESSIONS: Final = 2
_BY_SYMBOL: Final = "02"


def balance(call: Call) -> Reply:
    """TTTC8434R: holdings and cash. Sold-out stocks stay with quantity 0 until settlement."""
    if call.values["INQR_DVSN"] == _BY_SYMBOL and has(call, FaultKind.REFUSE_BY_SYMBOL):
        return failure("OPSQ2001", "INPUT INVALID_CHECK_INQR_DVSN", status=200, rt_cd="2")
    account = _as_balanced(call, call.simulation.engine.account(call.account))
    holdings = shown_holdings(call, account)
    rows = [(holding.symbol, holding_row(call, account, holding)) for holding in holdings]
    shown, keys, tr_cont = page(call, rows, BALANCE_ROWS[call.is_paper])
    output = {"output1": shown, "output2": [cash_fields(call, account, holdings)], **keys}
    return ledger("KIOK0510", "조회가 완료되었습니다.", output, tr_cont)


def _as_balanced(call: Call, account: Account) -> Account:
    """Return the account as a lagging balance shows it: without the newest fills."""
    hidden_from = lagging_since(call, FaultKind.LAG_BALANCE)
    if not any(fill.at >= hidden_from for order in account.orders for fill in order.fills):
        return account
    earlier = Account(account.id, account.opening_cash, account.opening_cash)
    fresh = {id(order): replace(order, filled=0, amount=Won(0), costs=Costs(), fills=[]) for order in account.orders}
    fills = [(fill.at, place, fill, order) for place, order in enumerate(account.orders) for fill in order.fills]
    for at, _, fill, order in sorted(fills, key=lambda one: one[:2]):
        if at < hidden_from:
            earlier.take(fresh[id(order)], fill)
    return earlier


def shown_holdings(call: Call, account: Account) -> list[Holding]:
    """Return the holdings that a balance lists, including sold-out ones that are not yet settled."""
    if has(call, FaultKind.EMPTY_BALANCE):
        return []
    oldest_unsettled = _sessions_back(call, _SETTLEMENT_SESSIONS - 1)
    return [
        holding
        for holding in account.holdings.values()
        if holding.quantity or (holding.last_sold and holding.last_sold >= oldest_unsettled)
    ]


def holding_row(call: Call, account: Account, holding: Holding) -> Fields:
    """Return one row of a balance."""
    seen = _valued(call, holding.symbol)
    value = holding.quantity * seen.price
    today = account.traded_on(call.simulation.exchange.shown_session(call.at).date, holding.symbol)
    before = account.traded_on(_sessions_back(call, 1), holding.symbol)
    gain = value - holding.cost
    return {
        "pdno": holding.symbol,
        "prdt_name": seen.listing.name,
        "trad_dvsn_name": "현금",
        "bfdy_buy_qty": str(before.bought),
        "bfdy_sll_qty": str(before.sold),
        "thdt_buyqty": str(today.bought),
        "thdt_sll_qty": str(today.sold),
        "hldg_qty": str(holding.quantity),
        "ord_psbl_qty": str(account.sellable(holding.symbol)),
        "pchs_avg_pric": f"{holding.cost / holding.quantity if holding.quantity else 0:.4f}",
        "pchs_amt": str(holding.cost),
        "prpr": str(seen.price),
        "evlu_amt": str(value),
        "evlu_pfls_amt": str(gain),
        "evlu_pfls_rt": percent(gain, holding.cost),
        "evlu_erng_rt": percent(gain, holding.cost, 8),
        "loan_dt": "",
        "loan_amt": "0",
        "stln_slng_chgs": "0",
        "expd_dt": "",
        "fltt_rt": percent(seen.change, seen.base, 8),
        "bfdy_cprs_icdc": str(seen.change),
        "item_mgna_rt_name": "20%",
        "grta_rt_name": "",
        "sbst_pric": str(seen.base * 7 // 10),
        "stck_loan_unpr": "0.0000",
    }


def cash_fields(call: Call, account: Account, holdings: Sequence[Holding]) -> Fields:
    """Return the second part of a balance: deposits, the day's trades and the totals."""
    exchange = call.simulation.exchange
    today = exchange.shown_session(call.at).date
    value = sum(holding.quantity * _valued(call, holding.symbol).price for holding in holdings)
    cost = sum(holding.cost for holding in holdings)
    traded, earlier = _traded_on(account, today), _traded_on(account, _sessions_back(call, 1))
    settled = account.settled_cash(_sessions_back(call, _SETTLEMENT_SESSIONS))
    zeros = (
        *("cma_evlu_amt", "nxdy_auto_rdpt_amt", "d2_auto_rdpt_amt", "tot_loan_amt", "tot_stln_slng_chgs"),
        *("bfdy_tot_asst_evlu_amt", "asst_icdc_amt"),
    )
    return dict.fromkeys(zeros, "0") | {
        "dnca_tot_amt": str(settled),
        "nxdy_excc_amt": str(account.settled_cash(_sessions_back(call, 1))),
        "prvs_rcdl_excc_amt": str(account.cash),
        "bfdy_buy_amt": str(earlier.buy_amount),
        "thdt_buy_amt": str(traded.buy_amount),
        "bfdy_sll_amt": str(earlier.sell_amount),
        "thdt_sll_amt": str(traded.sell_amount),
        "bfdy_tlex_amt": str(earlier.fee + earlier.tax),
        "thdt_tlex_amt": str(traded.fee + traded.tax),
        "scts_evlu_amt": str(value),
        "tot_evlu_amt": str(value + account.cash),
        "nass_amt": str(value + account.cash),
        "fncg_gld_auto_rdpt_yn": "",
        "pchs_amt_smtl_amt": str(cost),
        "evlu_amt_smtl_amt": str(value),
        "evlu_pfls_smtl_amt": str(value - cost),
        "asst_icdc_erng_rt": "0.00000000",
    }


def _valued(call: Call, symbol: Symbol) -> Snapshot:
    """Return a stock at its valuation price: the regular close until the next day, unless AFHR_FLPR_YN is set."""
    exchange = call.simulation.exchange
    if call.values.get("AFHR_FLPR_YN", "N") not in ("", "N"):
        return exchange.snapshot(symbol, call.at)
    return exchange.snapshot(symbol, min(call.at, exchange.shown_session(call.at).ends_at))


def _traded_on(account: Account, day: date) -> DayTrade:
    return sum_of((trade for trade in account.day_trades.values() if trade.day == day), day)


def _sessions_back(call: Call, count: int) -> date:
    session = call.simulation.exchange.shown_session(call.at)
    for _ in range(count):
        session = call.simulation.settings.calendar.session_before(session.date)
    return session.date


def daily_ccld(call: Call) -> Reply:
    """TTTC0081R: one row per order with cumulative fills. Cancels and amendments have their own rows."""
    paper = call.is_paper
    account = call.simulation.engine.account(call.account)
    seen = as_listed(call, spoilt(call, account.orders), FaultKind.LAG_ORDERS, with_cancels=False)
    chosen = [order for order in seen if _is_wanted(call, order)]
    if call.values["INQR_DVSN"] != "01":
        chosen.reverse()
    rows = [(f"{order.day:%Y%m%d}{order.number}", _order_row(call, order)) for order in chosen]
    if has(call, FaultKind.EMPTY_ORDERS):
        rows = []
    shown, keys, tr_cont = page(call, rows, _ORDER_ROWS[paper])
    output = {"output1": shown, "output2": _order_totals(chosen), **keys}
    if not shown and paper:
        return ledger("70070000", "모의투자 조회할 내역(자료)이 없습니다.", output, tr_cont)
    code = "KIOK0460" if tr_cont in ("D", "E") else "KIOK0490"
    return ledger(code, "조회 되었습니다.", output, tr_cont)


def _is_wanted(call: Call, order: Order) -> bool:
    values = call.values
    state = values["CCLD_DVSN"]
    checks = (
        values["INQR_STRT_DT"] <= f"{order.day:%Y%m%d}" <= values["INQR_END_DT"],
        values["SLL_BUY_DVSN_CD"] in ("", "00", _SIDE_CODES[order.side]),
        values["PDNO"].strip() in ("", order.symbol),
        values["ODNO"].strip().lstrip("0") in ("", order.number.lstrip("0")),
        state != "01" or order.filled > 0,
        state != "02" or order.remaining > 0,
        values.get("EXCG_ID_DVSN_CD", "") in ("", "ALL", call.simulation.routes.of(order)),
    )
    return all(checks)


def _order_row(call: Call, order: Order) -> Fields:
    listing = call.simulation.exchange.tapes[order.symbol].listing
    cancelled = 0 if order.action is OrderAction.CANCEL else order.cancelled
    condition = "FOK" if order.kind in FILL_OR_KILL_TYPES else "IOC" if order.kind in IMMEDIATE_TYPES else "없음"
    return {
        "ord_dt": f"{order.day:%Y%m%d}",
        "ord_gno_brno": branch_of(call, order),
        "odno": order.number,
        "orgn_odno": order.original,
        "ord_dvsn_name": _TYPE_NAMES.get(order.kind, "지정가"),
        "ord_dvsn_cd": order.kind.value,
        "sll_buy_dvsn_cd": _SIDE_CODES[order.side],
        "sll_buy_dvsn_cd_name": _CHANGE_NAMES.get((order.side, order.action), _SIDE_NAMES[order.side]),
        "pdno": order.symbol,
        "prdt_name": listing.name,
        "prdt_type_cd": "300",
        "ord_qty": str(order.quantity),
        "ord_unpr": str(order.price),
        "ord_tmd": kst_time(stamped(call, order.placed_at)),
        "tot_ccld_qty": str(order.filled),
        "tot_ccld_amt": str(order.amount),
        "avg_prvs": _average(order),
        "cncl_yn": "Y" if cancelled else "N",
        "cnc_cfrm_qty": str(cancelled),
        "rmn_qty": str(order.remaining),
        "rjct_qty": str(order.rejected),
        "ccld_cndt_name": condition,
        "loan_dt": "",
        "rsvn_ord_end_dt": "",
        "ordr_empno": "" if order.by_hand else "OpnAPI",
        "inqr_ip_addr": "",
        "ctac_tlno": "",
        "infm_tmd": kst_time(order.placed_at) if call.is_paper else "",
        "excg_dvsn_cd": _VENUES[order.market],
        "excg_id_dvsn_Cd": call.simulation.routes.of(order),
        "ord_orgno": branch(paper=call.is_paper),
        "cpbc_ordp_ord_rcit_dvsn_cd": "",
        "cpbc_ordp_infm_mthd_dvsn_cd": "",
        "cpbc_ordp_mtrl_dvsn_cd": "",
        "stpm_cndt_pric": str(order.trigger),
        "stpm_efct_occr_dtmd": "",
    }


def _average(order: Order) -> str:
    if not order.filled:
        return "0"
    return f"{order.amount / order.filled:.4f}".rstrip("0").rstrip(".")


def _order_totals(orders: Sequence[Order]) -> Fields:
    counted = [order for order in orders if order.action is not OrderAction.CANCEL]
    filled, amount = sum(order.filled for order in counted), sum(order.amount for order in counted)
    return {
        "tot_ord_qty": str(sum(order.filled + order.remaining for order in counted)),
        "tot_ccld_qty": str(filled),
        "tot_ccld_amt": str(amount),
        "prsm_tlex_smtl": str(sum(order.costs.total for order in counted)),
        "pchs_avg_pric": f"{amount / filled if filled else 0:.4f}",
    }


def psbl_rvsecncl(call: Call) -> Reply:
    """TTTC0084R: orders that can be amended or cancelled (real only)."""
    account = call.simulation.engine.account(call.account)
    side = {"1": Side.SELL, "2": Side.BUY}.get(call.values["INQR_DVSN_2"])
    underway = call.simulation.engine.is_underway
    today = [order for order in account.orders[::-1] if order.day == account.orders[-1].day and not underway(order)]
    seen = as_listed(call, spoilt(call, today), FaultKind.LAG_OPEN_ORDERS, with_cancels=True)
    live = [order for order in seen if order.remaining and side in (None, order.side)]
    rows = [(f"{kst_date(order.placed_at)}{order.number}", _open_row(call, order)) for order in live]
    shown, keys, tr_cont = page(call, rows, _OPEN_ROWS)
    return ledger("KIOK0460", "조회 되었습니다.", {"output": shown, **keys}, tr_cont)


def _open_row(call: Call, order: Order) -> Fields:
    row = _order_row(call, order)
    kept = (
        *("ord_gno_brno", "odno", "orgn_odno", "ord_dvsn_name", "pdno", "prdt_name", "ord_qty", "ord_unpr"),
        *("ord_tmd", "tot_ccld_qty", "tot_ccld_amt", "sll_buy_dvsn_cd", "ord_dvsn_cd", "excg_dvsn_cd"),
        "stpm_cndt_pric",
    )
    return {name: row[name] for name in kept} | {
        "rvse_cncl_dvsn_name": row["sll_buy_dvsn_cd_name"] if order.original else "",
        "psbl_qty": str(order.remaining),
        "mgco_aptm_odno": "",
        "excg_id_dvsn_cd": call.simulation.routes.of(order),
        "excg_id_dvsn_name": call.simulation.routes.of(order).label,
        "stpm_efct_occr_yn": "Y" if order.triggered else "N",
    }
