"""Details of one stock: where its volume lies, who took it, and what an auction is about to make."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Final

from simulator.charts import days_of
from simulator.exchange import second_of
from simulator.krx.sessions import SessionPhase
from simulator.krx.units import Symbol
from simulator.minute_charts import asked_time
from simulator.pressure import pressure_on, share_bought
from simulator.quotes import asked_or_any_stock, asked_stock, blanked, price_fields
from simulator.trs.rankings import Ranking
from simulator.trs.trades import minutes_so_far
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation, sign

_MINUTE: Final = 60
_DAYS: Final = 30
_TREND_ROWS: Final = 30
_ZERO_EXCLUDED: Final = "4"
_AMOUNTS: Final = (
    ("3백 이하", 3_000_000),
    ("5백 이하", 5_000_000),
    ("1천 이하", 10_000_000),
    ("3천 이하", 30_000_000),
    ("5천 이하", 50_000_000),
    ("1억 이하", 100_000_000),
    ("1억 초과", float("inf")),
)
"""Classes of a trade's size: name in ten thousand won, most in won."""


def volume_by_price(call: Call) -> Reply:
    """FHPST01130000: today's volume at each price, by minutes, up to FID_INPUT_HOUR_1 if it is given."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output1={}, output2=[])
    view = View(call, seen)
    names = (
        "rprs_mrkt_kor_name stck_shrn_iscd hts_kor_isnm stck_prpr prdy_vrss_sign prdy_vrss prdy_ctrt acml_vol prdy_vol "
        "wghn_avrg_stck_prc lstn_stcn"
    )
    head = row(view, names, wghn_avrg_stck_prc=price_fields(seen)["wghn_avrg_stck_prc"])
    last = second_of(seen.session, asked_time(call, seen.session)) // _MINUTE
    traded: Counter[int] = Counter()
    for minute in minutes_so_far(view)[: last + 1]:
        bar = view.bar(minute)
        traded[bar.close] += bar.volume
    rows = [
        {
            "data_rank": str(place),
            "stck_prpr": str(price),
            "cntg_vol": str(volume),
            "acml_vol_rlim": percent(volume, traded.total()),
        }
        for place, (price, volume) in enumerate(traded.most_common(), 1)
    ]
    return quotation(output1=head, output2=rows)


def volume_by_amount(call: Call) -> Reply:
    """FHKST111900C0: today's trades by their size in won."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output=[])
    view = View(call, seen)
    return quotation(output=[_amount_row(view, place) for place in range(len(_AMOUNTS))])


def _amount_row(view: View, place: int) -> Fields:
    name, most = _AMOUNTS[place]
    least = _AMOUNTS[place - 1][1] if place else 0
    bought = sold = won = 0.0
    buys = sells = 0.0
    for minute in minutes_so_far(view):
        bar = view.bar(minute)
        trades = min(_MINUTE, bar.volume)
        if trades and least < bar.volume / trades * bar.close <= most:
            share = share_bought(view.path, minute)
            bought, sold = bought + bar.volume * share, sold + bar.volume * (1 - share)
            buys, sells = buys + trades * share, sells + trades * (1 - share)
            won += bar.volume * bar.close
    volume, whole = int(bought) + int(sold), view.seen.totals.volume
    return {
        "prpr_name": name,
        "smtn_avrg_prpr": str(int(won / volume) if volume else 0),
        "acml_vol": str(volume),
        "whol_ntby_qty_rate": percent(int(bought) - int(sold), whole),
        "ntby_cntg_csnu": str(int(buys) - int(sells)),
        "seln_cnqn_smtn": str(int(sold)),
        "whol_seln_vol_rate": percent(int(sold), whole),
        "seln_cntg_csnu": str(int(sells)),
        "shnu_cnqn_smtn": str(int(bought)),
        "whol_shun_vol_rate": percent(int(bought), whole),
        "shnu_cntg_csnu": str(int(buys)),
    }


def daily_pressure(call: Call) -> Reply:
    """FHKST03010800: the shares that buyers and sellers took, day by day, newest first."""
    seen, exchange = asked_stock(call), call.simulation.exchange
    if seen is None:
        return quotation(output1={}, output2=[])
    first, last = (call.values[name].strip() for name in ("FID_INPUT_DATE_1", "FID_INPUT_DATE_2"))
    days = (day for day in days_of(exchange, seen) if first <= f"{day.date:%Y%m%d}" <= (last or "99999999"))
    rows = []
    for day in islice(days, _DAYS):
        session = exchange.calendar.session_on(day.date) or seen.session
        path = exchange.path(Symbol(seen.listing.symbol), session)
        moment = second_of(session, seen.at) if session == seen.session else path.minutes * _MINUTE
        taken = pressure_on(path, day.bar.volume, moment)
        rows.append(
            {
                "stck_bsop_date": f"{day.date:%Y%m%d}",
                "total_seln_qty": str(taken.sold),
                "total_shnu_qty": str(taken.bought),
            }
        )
    head = row(View(call, seen), "shnu_cnqn_smtn seln_cnqn_smtn")
    return quotation(output1=head, output2=rows)


def expected_trend(call: Call) -> Reply:
    """FHPST01810000: the expected match of the running or the last auction, every ten seconds, newest first."""
    seen, known = asked_or_any_stock(call)
    view = View(call, seen)
    session, closing = seen.session, seen.at >= seen.session.auction_at
    price, volume = view.match(closing=closing)
    change = price - seen.base
    head = {
        "rprs_mrkt_kor_name": seen.listing.board,
        "antc_cnpr": str(price),
        "antc_cntg_vrss_sign": sign(change),
        "antc_cntg_vrss": str(change),
        "antc_cntg_prdy_ctrt": percent(change, seen.base),
        "antc_vol": str(volume),
        "antc_tr_pbmn": str(price * volume),
    }
    begins, ends = session.auction_at, session.ends_at
    if not closing:
        begins, ends = session.opens_at - timedelta(minutes=30), session.opens_at
    rows: list[Fields] = []
    at = min(call.at, ends)
    skipped = call.values["FID_MKOP_CLS_CODE"] == _ZERO_EXCLUDED and not volume
    while known and not skipped and at >= begins and len(rows) < _TREND_ROWS:
        rows.append(
            {
                "stck_bsop_date": f"{session.date:%Y%m%d}",
                "stck_cntg_hour": kst_time(at),
                "stck_prpr": str(price),
                "prdy_vrss_sign": sign(change),
                "prdy_vrss": str(change),
                "prdy_ctrt": percent(change, seen.base),
                "acml_vol": str(volume),
            }
        )
        at -= timedelta(seconds=10)
    return quotation(output1=head if known else blanked(head), output2=rows)


def _closing(view: View) -> int:
    return view.match(closing=True)[0]


def _is_expected(view: View) -> bool:
    """Return whether the closing auction collects orders, and the stock fits FID_RANK_SORT_CLS_CODE."""
    choice, limits = view.call.values["FID_RANK_SORT_CLS_CODE"], view.seen.limits
    fits = {"1": _closing(view) >= limits.upper, "2": _closing(view) <= limits.lower}.get(choice, True)
    return view.seen.phase is SessionPhase.CLOSING_AUCTION and fits


def _closing_fields(view: View) -> Fields:
    price, volume = view.match(closing=True)
    change, from_last = price - view.seen.base, price - view.seen.price
    return {
        "stck_prpr": str(price),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": sign(change),
        "prdy_ctrt": percent(change, view.seen.base),
        "sdpr_vrss_prpr": str(from_last),
        "sdpr_vrss_prpr_rate": percent(from_last, view.seen.price),
        "cntg_vol": str(volume),
    }


def warrant_price(call: Call) -> Reply:
    """FHKEW15010000: the exchange lists no equity-linked warrant, so each code is unknown."""
    names = (
        "elw_prpr prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol prdy_vrss_vol_rate unas_prpr unas_prdy_vrss "
        "unas_prdy_vrss_sign unas_prdy_ctrt bidp askp acml_tr_pbmn vol_tnrt elw_oprc elw_hgpr elw_lwpr stck_prdy_clpr "
        "hts_thpr dprt hts_ints_vltl acpr pvt_scnd_dmrs_prc pvt_frst_dmrs_prc pvt_pont_val pvt_frst_dmsp_prc "
        "pvt_scnd_dmsp_prc dmsp_val dmrs_val elw_sdpr apprch_rate tick_conv_prc"
    )
    texts = ("hts_kor_isnm", "unas_shrn_iscd", "unas_isnm", "atm_cls_name", "invt_epmd_cntt")
    unknown = dict.fromkeys(texts, "") | {"elw_shrn_iscd": call.values["FID_INPUT_ISCD"]}
    return quotation(output=dict.fromkeys(names.split(), "0") | unknown)


STOCK_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "pbar_tratio": volume_by_price,
    "tradprt_byamt": volume_by_amount,
    "inquire_daily_trade_volume": daily_pressure,
    "exp_price_trend": expected_trend,
    "exp_closing_price": Ranking(
        "stck_shrn_iscd hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt sdpr_vrss_prpr sdpr_vrss_prpr_rate "
        "cntg_vol",
        by=lambda view: _closing(view) / view.seen.price,
        sorts={"4": lambda view: -_closing(view) / view.seen.price},
        wanted=_is_expected,
        own=_closing_fields,
    ),
    "inquire_elw_price": warrant_price,
}
"""By the name of the official function."""
