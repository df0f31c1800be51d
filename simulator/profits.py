"""Realised profit and loss, and the account's assets: the only KIS calls that report fees and taxes (real only)."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from simulator.day_trades import DayTrade, sum_of
from simulator.krx.sessions import in_seoul
from simulator.ledger import BALANCE_ROWS, cash_fields, holding_row, shown_holdings
from simulator.orders import Account
from simulator.wire import Call, Fields, Reply, ledger, page, percent

_ROWS: Final = 50
_MARGIN_NAMES: Final = frozenset({"item_mgna_rt_name", "grta_rt_name", "sbst_pric"})
_ASSET_LINES: Final = 20
_ASSET_AMOUNTS: Final = (
    *("pchs_amt_smtl", "nass_tot_amt", "loan_amt_smtl", "evlu_pfls_amt_smtl", "evlu_amt_smtl", "tot_asst_amt"),
    *("tot_lnda_tot_ulst_lnda", "cma_auto_loan_amt", "tot_mgln_amt", "stln_evlu_amt", "crdt_fncg_amt"),
    *("ocl_apl_loan_amt", "pldg_stup_amt", "frcr_evlu_tota", "tot_dncl_amt", "cma_evlu_amt", "dncl_amt"),
    *("tot_sbst_amt", "thdt_rcvb_amt", "ovrs_stck_evlu_amt1", "ovrs_bond_evlu_amt", "mmf_cma_mgge_loan_amt"),
    *("sbsc_dncl_amt", "pbst_sbsc_fnds_loan_use_amt", "etpr_crdt_grnt_loan_amt"),
)


def balance_rlz_pl(call: Call) -> Reply:
    """TTTC8494R: the balance with today's realised profit and loss."""
    account = call.simulation.engine.account(call.account)
    holdings = shown_holdings(call, account)
    rows = [(holding.symbol, _without_margin(holding_row(call, account, holding))) for holding in holdings]
    shown, keys, tr_cont = page(call, rows, BALANCE_ROWS[False])
    today = call.simulation.exchange.shown_session(call.at).date
    traded = sum_of((trade for trade in account.day_trades.values() if trade.day == today), today)
    cost = sum(holding.cost for holding in holdings)
    cash = cash_fields(call, account, holdings)
    unrealised = int(cash["evlu_pfls_smtl_amt"])
    cash |= {
        "rlzt_pfls": str(traded.realised),
        "rlzt_erng_rt": percent(traded.realised, traded.sold_cost, 8),
        "real_evlu_pfls": str(unrealised),
        "real_evlu_pfls_erng_rt": percent(unrealised, cost, 8),
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output1": shown, "output2": [cash], **keys}, tr_cont)


def _without_margin(row: Fields) -> Fields:
    return {name: value for name, value in row.items() if name not in _MARGIN_NAMES}


def period_profit(call: Call) -> Reply:
    """TTTC8708R: one row per day with trades, and the period's totals."""
    trades = _chosen(call)
    days = sorted({trade.day for trade in trades}, reverse=call.values["SORT_DVSN"] != "01")
    by_day = [sum_of((trade for trade in trades if trade.day == day), day) for day in days]
    shown, keys, tr_cont = page(call, [(f"{one.day:%Y%m%d}", _day_row(one)) for one in by_day], _ROWS)
    output2 = _sums(trades) | {"buy_qty_smtl": str(sum(trade.bought for trade in trades))}
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output1": shown, "output2": output2, **keys}, tr_cont)


def period_trade_profit(call: Call) -> Reply:
    """TTTC8715R: one row per day and stock, and the period's totals."""
    account = call.simulation.engine.account(call.account)
    trades = _chosen(call)
    if call.values["SORT_DVSN"] != "01":
        trades.reverse()
    rows = [(f"{trade.day:%Y%m%d}{trade.symbol}", _trade_row(call, account, trade)) for trade in trades]
    shown, keys, tr_cont = page(call, rows, _ROWS)
    total = sum_of(trades, date.min)
    output2 = _sums(trades) | {
        "buyqty_smtl": str(total.bought),
        "tot_pftrt": percent(total.realised, total.sold_cost, 8),
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output1": shown, "output2": output2, **keys}, tr_cont)


def account_balance(call: Call) -> Reply:
    """CTRP6548R: the account's assets by kind; here only stocks and cash."""
    account = call.simulation.engine.account(call.account)
    holdings = shown_holdings(call, account)
    cash = cash_fields(call, account, holdings)
    cost, value = int(cash["pchs_amt_smtl_amt"]), int(cash["scts_evlu_amt"])
    total = value + account.cash
    lines = [_asset_line(0, 0, 0, total) for _ in range(_ASSET_LINES)]
    lines[0] = _asset_line(cost, value, value, total)
    lines[-1] = _asset_line(0, account.cash, account.cash, total)
    sums = dict.fromkeys(_ASSET_AMOUNTS, "0") | {
        "pchs_amt_smtl": str(cost),
        "nass_tot_amt": str(total),
        "evlu_pfls_amt_smtl": str(value - cost),
        "evlu_amt_smtl": str(value),
        "tot_asst_amt": str(total),
        "tot_dncl_amt": str(account.cash),
        "dncl_amt": cash["dnca_tot_amt"],
    }
    return ledger("KIOK0510", "조회가 완료되었습니다.", {"output1": lines, "output2": sums})


def _asset_line(cost: int, value: int, net: int, total: int) -> Fields:
    return {
        "pchs_amt": str(cost),
        "evlu_amt": str(value),
        "evlu_pfls_amt": str(value - cost if cost else 0),
        "crdt_lnd_amt": "0",
        "real_nass_amt": str(net),
        "whol_weit_rt": percent(value, total),
    }


def _chosen(call: Call) -> list[DayTrade]:
    """Return the day trades of the period, oldest first."""
    account = call.simulation.engine.account(call.account)
    first, last = call.values["INQR_STRT_DT"], call.values["INQR_END_DT"]
    symbol = call.values["PDNO"].strip()
    last = min(last, f"{in_seoul(call.at):%Y%m%d}")
    return [
        trade
        for _, trade in sorted(account.day_trades.items())
        if first <= f"{trade.day:%Y%m%d}" <= last and symbol in ("", trade.symbol)
    ]


def _day_row(trade: DayTrade) -> Fields:
    return {
        "trad_dt": f"{trade.day:%Y%m%d}",
        "buy_amt": str(trade.buy_amount),
        "sll_amt": str(trade.sell_amount),
        "rlzt_pfls": str(trade.realised),
        "fee": str(trade.fee),
        "loan_int": "0",
        "tl_tax": str(trade.tax),
        "pfls_rt": percent(trade.realised, trade.sold_cost, 8),
        "sll_qty1": str(trade.sold),
        "buy_qty1": str(trade.bought),
    }


def _trade_row(call: Call, account: Account, trade: DayTrade) -> Fields:
    row = _day_row(trade)
    del row["sll_qty1"], row["buy_qty1"]
    held = sum(
        one.bought - one.sold
        for one in account.day_trades.values()
        if one.symbol == trade.symbol and one.day <= trade.day
    )
    return row | {
        "pdno": trade.symbol,
        "prdt_name": call.simulation.exchange.tapes[trade.symbol].listing.name,
        "trad_dvsn_name": "현금",
        "loan_dt": "",
        "hldg_qty": str(held),
        "pchs_unpr": _average(trade.sold_cost, trade.sold),
        "buy_qty": str(trade.bought),
        "sll_pric": _average(trade.sell_amount, trade.sold),
        "sll_qty": str(trade.sold),
    }


def _average(amount: int, quantity: int) -> str:
    return f"{amount / quantity if quantity else 0:.4f}"


def _sums(trades: Iterable[DayTrade]) -> Fields:
    total = sum_of(trades, date.min)
    paid = total.buy_amount + total.buy_fee
    received = total.sell_amount - total.sell_fee - total.tax
    return {
        "sll_qty_smtl": str(total.sold),
        "sll_tr_amt_smtl": str(total.sell_amount),
        "sll_fee_smtl": str(total.sell_fee),
        "sll_tltx_smtl": str(total.tax),
        "sll_excc_amt_smtl": str(received),
        "buy_tr_amt_smtl": str(total.buy_amount),
        "buy_fee_smtl": str(total.buy_fee),
        "buy_tax_smtl": "0",
        "buy_excc_amt_smtl": str(paid),
        "tot_qty": str(total.bought + total.sold),
        "tot_tr_amt": str(total.buy_amount + total.sell_amount),
        "tot_fee": str(total.fee),
        "tot_tltx": str(total.tax),
        "tot_excc_amt": str(received - paid),
        "tot_rlzt_pfls": str(total.realised),
        "loan_int": "0",
    }
