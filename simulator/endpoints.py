"""KIS's paths: the TR ids of the real and the paper service, and the required parameters."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from simulator.charts import daily_chart, daily_price
from simulator.endpoint import INDEX_MARKETS, Endpoint, declared
from simulator.indices import index_price
from simulator.ledger import balance, daily_ccld, psbl_rvsecncl
from simulator.market_views import (
    brokers,
    daily_overtime_price,
    inquire_price_2,
    investors,
    item_conclusion,
    recent_trades,
)
from simulator.minute_charts import minute_chart, past_minute_chart
from simulator.overseas import overseas_holdings, overseas_orders, overseas_present_balance
from simulator.profits import account_balance, balance_rlz_pl, period_profit, period_trade_profit
from simulator.quotes import asking_price, inquire_price, intstock_multprice
from simulator.rankings import fluctuation, volume_rank
from simulator.reference import chk_holiday, search_info, search_stock_info
from simulator.trading import BUY_IDS, SELL_IDS, order_cash, order_rvsecncl, psbl_order, psbl_sell
from simulator.trs.after_hours import AFTER_HOURS
from simulator.trs.index_overviews import INDEX_TRS
from simulator.trs.investors import INVESTOR_TRS, MARKET_INVESTOR_TRS
from simulator.trs.lists import LIST_TRS
from simulator.trs.margins import margins
from simulator.trs.members import MEMBER_TRS, TOTALS
from simulator.trs.rankings import RANKINGS
from simulator.trs.stock_details import STOCK_TRS
from simulator.vi_status import vi_status
from simulator.wire import Call, Reply

_STOCK: Final = ("FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD")
_ACCOUNT: Final = ("CANO", "ACNT_PRDT_CD")
_PAGES: Final = ("CTX_AREA_FK100", "CTX_AREA_NK100")
_PRODUCT: Final = ("PRDT_TYPE_CD", "PDNO")


def _quotation(tr_id: str, required: tuple[str, ...], answer: Callable[[Call], Reply], *, paper: bool) -> Endpoint:
    ids = frozenset({tr_id})
    return Endpoint("GET", ids, ids if paper else frozenset(), required, answer)


def _trading(method: str, ids: str, required: tuple[str, ...], answer: Callable[[Call], Reply]) -> Endpoint:
    every = frozenset(ids.split())
    paper = frozenset(tr_id for tr_id in every if tr_id.startswith("V"))
    return Endpoint(method, every - paper, paper, (*_ACCOUNT, *required), answer)


_RANKING: Final = (*_STOCK, "FID_COND_SCR_DIV_CODE")
_PREFIX: Final = "/uapi/domestic-stock/v1"
_OVERSEAS: Final = "/uapi/overseas-stock/v1/trading"
_ORDER_LIST: Final = (
    *("INQR_STRT_DT", "INQR_END_DT", "SLL_BUY_DVSN_CD", "PDNO", "ODNO", "CCLD_DVSN", "INQR_DVSN"),
    *_PAGES,
)
_ORDER_LIST_IDS: Final = "TTTC0081R TTTC8001R CTSC9215R CTSC9115R VTTC0081R VTTC8001R VTSC9215R VTSC9115R"
_INTERRUPTIONS: Final = (
    *("FID_DIV_CLS_CODE", "FID_COND_SCR_DIV_CODE", "FID_MRKT_CLS_CODE", "FID_INPUT_ISCD", "FID_RANK_SORT_CLS_CODE"),
    *("FID_INPUT_DATE_1", "FID_TRGT_CLS_CODE", "FID_TRGT_EXLS_CLS_CODE"),
)
_PERIOD: Final = ("INQR_STRT_DT", "INQR_END_DT", "PDNO", "SORT_DVSN", "CBLC_DVSN")
_ORDER: Final = ("PDNO", "ORD_DVSN", "ORD_QTY", "ORD_UNPR")
_CHANGE: Final = (
    *("KRX_FWDG_ORD_ORGNO", "ORGN_ODNO", "ORD_DVSN", "RVSE_CNCL_DVSN_CD", "ORD_QTY", "ORD_UNPR"),
    "QTY_ALL_ORD_YN",
)

ENDPOINTS: Final = {
    **declared(RANKINGS),
    **declared(STOCK_TRS),
    **declared(AFTER_HOURS),
    **declared(MEMBER_TRS),
    **declared(TOTALS, frozenset({"V"})),
    **declared(INVESTOR_TRS),
    **declared(LIST_TRS),
    **declared({"intgr_margin": margins}),
    **declared(INDEX_TRS | MARKET_INVESTOR_TRS, INDEX_MARKETS),
    f"{_PREFIX}/quotations/inquire-price": _quotation("FHKST01010100", _STOCK, inquire_price, paper=True),
    f"{_PREFIX}/quotations/inquire-asking-price-exp-ccn": _quotation("FHKST01010200", _STOCK, asking_price, paper=True),
    f"{_PREFIX}/quotations/inquire-ccnl": _quotation("FHKST01010300", _STOCK, recent_trades, paper=True),
    f"{_PREFIX}/quotations/inquire-time-itemchartprice": _quotation(
        "FHKST03010200",
        (*_STOCK, "FID_ETC_CLS_CODE", "FID_INPUT_HOUR_1", "FID_PW_DATA_INCU_YN"),
        minute_chart,
        paper=True,
    ),
    f"{_PREFIX}/quotations/inquire-daily-itemchartprice": _quotation(
        "FHKST03010100",
        (*_STOCK, "FID_INPUT_DATE_1", "FID_INPUT_DATE_2", "FID_PERIOD_DIV_CODE", "FID_ORG_ADJ_PRC"),
        daily_chart,
        paper=True,
    ),
    f"{_PREFIX}/quotations/inquire-daily-price": _quotation(
        "FHKST01010400", (*_STOCK, "FID_PERIOD_DIV_CODE", "FID_ORG_ADJ_PRC"), daily_price, paper=True
    ),
    f"{_PREFIX}/quotations/inquire-price-2": _quotation("FHPST01010000", _STOCK, inquire_price_2, paper=False),
    f"{_PREFIX}/quotations/inquire-vi-status": _quotation("FHPST01390000", _INTERRUPTIONS, vi_status, paper=False),
    f"{_PREFIX}/quotations/inquire-time-itemconclusion": _quotation(
        "FHPST01060000", (*_STOCK, "FID_INPUT_HOUR_1"), item_conclusion, paper=True
    ),
    f"{_PREFIX}/quotations/inquire-investor": _quotation("FHKST01010900", _STOCK, investors, paper=True),
    f"{_PREFIX}/quotations/inquire-member": _quotation("FHKST01010600", _STOCK, brokers, paper=True),
    f"{_PREFIX}/quotations/inquire-daily-overtimeprice": _quotation(
        "FHPST02320000", _STOCK, daily_overtime_price, paper=True
    ),
    f"{_PREFIX}/quotations/inquire-time-dailychartprice": _quotation(
        "FHKST03010230",
        (*_STOCK, "FID_INPUT_HOUR_1", "FID_INPUT_DATE_1", "FID_PW_DATA_INCU_YN", "FID_FAKE_TICK_INCU_YN"),
        past_minute_chart,
        paper=True,
    ),
    f"{_PREFIX}/quotations/intstock-multprice": _quotation(
        "FHKST11300006", ("FID_COND_MRKT_DIV_CODE_1", "FID_INPUT_ISCD_1"), intstock_multprice, paper=False
    ),
    f"{_PREFIX}/quotations/volume-rank": _quotation(
        "FHPST01710000", (*_RANKING, "FID_BLNG_CLS_CODE"), volume_rank, paper=False
    ),
    f"{_PREFIX}/ranking/fluctuation": _quotation(
        "FHPST01700000", (*_RANKING, "FID_RANK_SORT_CLS_CODE"), fluctuation, paper=False
    ),
    f"{_PREFIX}/quotations/inquire-index-price": replace(
        _quotation("FHPUP02100000", _STOCK, index_price, paper=False), markets=INDEX_MARKETS
    ),
    f"{_PREFIX}/quotations/chk-holiday": _quotation("CTCA0903R", ("BASS_DT",), chk_holiday, paper=False),
    f"{_PREFIX}/quotations/search-info": _quotation("CTPF1604R", _PRODUCT, search_info, paper=False),
    f"{_PREFIX}/quotations/search-stock-info": _quotation("CTPF1002R", _PRODUCT, search_stock_info, paper=False),
    f"{_PREFIX}/trading/order-cash": _trading("POST", " ".join(BUY_IDS | SELL_IDS), _ORDER, order_cash),
    f"{_PREFIX}/trading/order-rvsecncl": _trading(
        "POST", "TTTC0013U TTTC0803U VTTC0013U VTTC0803U", _CHANGE, order_rvsecncl
    ),
    f"{_PREFIX}/trading/inquire-psbl-order": _trading(
        "GET", "TTTC8908R VTTC8908R", ("PDNO", "ORD_UNPR", "ORD_DVSN"), psbl_order
    ),
    f"{_PREFIX}/trading/inquire-psbl-sell": _trading("GET", "TTTC8408R", ("PDNO",), psbl_sell),
    f"{_PREFIX}/trading/inquire-psbl-rvsecncl": _trading(
        "GET", "TTTC0084R TTTC8036R", ("INQR_DVSN_1", "INQR_DVSN_2", *_PAGES), psbl_rvsecncl
    ),
    f"{_PREFIX}/trading/inquire-balance": _trading(
        "GET", "TTTC8434R VTTC8434R", ("AFHR_FLPR_YN", "INQR_DVSN", "UNPR_DVSN", "PRCS_DVSN", *_PAGES), balance
    ),
    f"{_PREFIX}/trading/inquire-daily-ccld": _trading("GET", _ORDER_LIST_IDS, _ORDER_LIST, daily_ccld),
    f"{_PREFIX}/trading/inquire-balance-rlz-pl": _trading(
        "GET",
        "TTTC8494R",
        ("AFHR_FLPR_YN", "INQR_DVSN", "UNPR_DVSN", "PRCS_DVSN", "COST_ICLD_YN", *_PAGES),
        balance_rlz_pl,
    ),
    f"{_PREFIX}/trading/inquire-period-profit": _trading(
        "GET", "TTTC8708R", (*_PERIOD, "INQR_DVSN", *_PAGES), period_profit
    ),
    f"{_PREFIX}/trading/inquire-period-trade-profit": _trading(
        "GET", "TTTC8715R", (*_PERIOD, *_PAGES), period_trade_profit
    ),
    f"{_PREFIX}/trading/inquire-account-balance": _trading(
        "GET", "CTRP6548R", ("INQR_DVSN_1", "BSPR_BF_DT_APLY_YN"), account_balance
    ),
    f"{_OVERSEAS}/inquire-ccnl": _trading("GET", "TTTS3035R VTTS3035R", (), overseas_orders),
    f"{_OVERSEAS}/inquire-nccs": _trading("GET", "TTTS3018R VTTS3018R", (), overseas_orders),
    f"{_OVERSEAS}/inquire-balance": _trading("GET", "TTTS3012R VTTS3012R", (), overseas_holdings),
    f"{_OVERSEAS}/inquire-present-balance": _trading("GET", "CTRP6504R VTRP6504R", (), overseas_present_balance),
}
"""Every path of the simulated service with its checks and its handler."""
