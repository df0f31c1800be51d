"""Lists that a customer keeps at KIS (conditions and watched stocks), and the market's hours."""

from collections.abc import Callable, Mapping
from datetime import time
from typing import Final, NamedTuple

from simulator.krx.sessions import at_kst, in_seoul
from simulator.krx.units import Market, Symbol
from simulator.trs.rankings import extremes
from simulator.trs.words import View
from simulator.wire import Call, Fields, Reply, kst_date, kst_time, percent, quotation, sign

_MOST: Final = 100
_HUNDRED_MILLION: Final = 100_000_000


class Condition(NamedTuple):
    """A saved search: its name and what it finds."""

    name: str
    finds: Callable[[View], bool]


CONDITIONS: Final = (
    Condition("상승률 3% 이상", lambda view: view.seen.change * 100 >= view.seen.base * 3),
    Condition("하락률 3% 이상", lambda view: view.seen.change * 100 <= -view.seen.base * 3),
    Condition("체결강도 120% 이상", lambda view: view.pressure.strength >= 120),
    Condition("52주 신고가 5% 이내", lambda view: view.seen.price * 100 >= extremes(view)[0] * 95),
)
"""What every HTS id has saved."""


def conditions(call: Call) -> Reply:
    """HHKST03900300: the saved searches of an HTS id."""
    user = call.values["USER_ID"]
    rows = [
        {"user_id": user, "seq": str(place), "grp_nm": "시뮬레이터", "condition_nm": condition.name}
        for place, condition in enumerate(CONDITIONS)
    ]
    return quotation(output2=rows if user.strip() else [])


def found(call: Call) -> Reply:
    """HHKST03900400: up to 100 stocks that a saved search finds now, the most traded first."""
    seq = call.values["SEQ"].strip()
    if not seq.isdigit() or int(seq) >= len(CONDITIONS):
        return quotation(output2=[])
    views = [View.of(call, symbol) for symbol in call.simulation.exchange.tapes]
    matching = filter(CONDITIONS[int(seq)].finds, views)
    ranked = sorted(matching, key=lambda view: view.seen.totals.turnover, reverse=True)
    return quotation(output2=[_found_row(view) for view in ranked[:_MOST]])


def _found_row(view: View) -> Fields:
    seen, totals = view.seen, view.seen.totals
    high, low = extremes(view)
    expected, shares = view.match(closing=seen.at >= seen.session.auction_at)
    values: Mapping[str, object] = {
        "code": seen.listing.symbol,
        "name": seen.listing.name,
        "daebi": view.change["prdy_vrss_sign"],
        "price": seen.price,
        "chgrate": view.change["prdy_ctrt"],
        "acml_vol": totals.volume,
        "trade_amt": totals.turnover,
        "change": seen.change,
        "cttr": f"{view.pressure.strength:.2f}",
        "open": totals.open_price,
        "high": totals.high_price,
        "low": totals.low_price,
        "high52": high,
        "low52": low,
        "expprice": expected,
        "expchange": expected - seen.base,
        "expchggrate": percent(expected - seen.base, seen.base),
        "expcvol": shares,
        "chgrate2": percent(totals.volume, view.previous.volume),
        "expdaebi": sign(expected - seen.base),
        "recprice": seen.base,
        "uplmtprice": seen.limits.upper,
        "dnlmtprice": seen.limits.lower,
        "stotprice": view.value // _HUNDRED_MILLION,
    }
    return {name: str(value) for name, value in values.items()}


def _groups(call: Call) -> dict[str, tuple[str, list[Symbol]]]:
    """Return the watched groups of every HTS id: KOSPI, KOSDAQ and ETFs."""
    listed = [tape.listing for tape in call.simulation.exchange.tapes.values()]
    groups = {
        "001": ("코스피", [one.symbol for one in listed if one.market is Market.KOSPI and not one.etf]),
        "002": ("코스닥", [one.symbol for one in listed if one.market is Market.KOSDAQ and not one.etf]),
        "003": ("ETF", [one.symbol for one in listed if one.etf]),
    }
    return {code: group for code, group in groups.items() if group[1]}


def watched_groups(call: Call) -> Reply:
    """HHKCM113004C7: the groups of watched stocks of an HTS id."""
    rows = [
        {
            "date": kst_date(call.at),
            "trnm_hour": kst_time(call.at),
            "data_rank": str(place),
            "inter_grp_code": code,
            "inter_grp_name": name,
            "ask_cnt": str(len(symbols)),
        }
        for place, (code, (name, symbols)) in enumerate(_groups(call).items(), 1)
    ]
    return quotation(output2=rows if call.values["USER_ID"].strip() else [])


def watched_stocks(call: Call) -> Reply:
    """HHKCM113004C6: the stocks of one group."""
    groups = _groups(call)
    code = call.values["INTER_GRP_CODE"].strip()
    name, symbols = groups.get(code, ("", []))
    place = str([*groups, code].index(code) + 1)
    rows = [
        {
            "fid_mrkt_cls_code": "J",
            "data_rank": str(rank),
            "exch_code": "KRX",
            "jong_code": symbol,
            "color_code": "",
            "memo": "",
            "hts_kor_isnm": call.simulation.exchange.tapes[symbol].listing.name,
            "fxdt_ntby_qty": "0",
            "cntg_unpr": "0",
            "cntg_cls_code": "0",
        }
        for rank, symbol in enumerate(symbols, 1)
    ]
    return quotation(output1={"data_rank": place, "inter_grp_name": name}, output2=rows)


def market_time(call: Call) -> Reply:
    """HHMCM000002C0: two trading days before today's or the next, that day, and two after it, with its hours."""
    exchange, now = call.simulation.exchange, in_seoul(call.at)
    today = exchange.calendar.session_at_or_after(at_kst(now.date(), time(0)))
    position = exchange.sessions.position(today)
    days = [exchange.sessions.at(each) for each in range(position - 2, position + 3)]
    dates = {f"date{place}": f"{session.date:%Y%m%d}" for place, session in enumerate(days, 1)}
    hours = {"s_time": kst_time(today.opens_at), "e_time": kst_time(today.ends_at)}
    return quotation(output1=[dates | {"today": kst_date(call.at), "time": kst_time(call.at)} | hours])


LIST_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "psearch_title": conditions,
    "psearch_result": found,
    "intstock_grouplist": watched_groups,
    "intstock_stocklist_by_group": watched_stocks,
    "market_time": market_time,
}
"""By the name of the official function."""
