"""Brokers and programs: what they buy and sell of a stock, over the day and day by day."""

from collections.abc import Callable, Mapping
from itertools import islice, pairwise
from typing import Final

from simulator.charts import PeriodBar, days_of
from simulator.flows import BROKERS, Flow, brokers_of, flow_fields, flows_of, foreign_of, programs_of
from simulator.krx.units import Market, Symbol
from simulator.quotes import asked_stock
from simulator.trs.filters import NO_KINDS
from simulator.trs.rankings import Ranking
from simulator.trs.trades import moments
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation, sign

_ROWS: Final = 30
_DAYS: Final = 30
_MINUTE: Final = 60
_STOCK: Final = "stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol"
_WHOLE: Final = (
    "whol_smtn_seln_vol whol_smtn_shnu_vol whol_smtn_ntby_qty whol_smtn_seln_tr_pbmn whol_smtn_shnu_tr_pbmn "
    "whol_smtn_ntby_tr_pbmn"
)
_ORDERED_BY: Final = {"1": "frgn", "2": "orgn"}
"""FID_ETC_CLS_CODE of foreign-institution-total; any other adds both."""
_MARKETS: Final = {"1001": Market.KOSPI, "2001": Market.KOSDAQ}
"""The codes of frgnmem-trade-estimate, which are its own."""
_KINDS: Final = "frgn orgn ivtr bank insu mrbn fund"


def _foreign(view: View) -> Flow:
    """Return what the foreign brokers have bought and sold of a stock."""
    seen = view.seen
    return foreign_of(brokers_of(seen.listing.symbol, seen.session.date, seen.totals.volume))


def _flow_of(view: View, *kinds: str) -> int:
    totals = view.seen.totals
    flows = flows_of(view.seen.listing.symbol, view.seen.session.date, totals.volume)
    return sum(flows[kind].net for kind in kinds)


def _total(view: View) -> float:
    """Return the net purchases that foreign-institution-total sorts by."""
    values = view.call.values
    kind = _ORDERED_BY.get(values["FID_ETC_CLS_CODE"])
    net = _flow_of(view, *([kind] if kind else _ORDERED_BY.values()))
    price = view.seen.price if values["FID_DIV_CLS_CODE"] == "1" else 1
    return net * price * (-1 if values["FID_RANK_SORT_CLS_CODE"] == "1" else 1)


def _groups(view: View) -> Mapping[str, object]:
    totals = view.seen.totals
    flows = flows_of(view.seen.listing.symbol, view.seen.session.date, totals.volume)
    average = totals.turnover / (totals.volume or 1)
    names = [f"{kind}_{what}" for kind in _KINDS.split() for what in ("ntby_qty", "ntby_tr_pbmn")]
    names += [f"{kind}_{what}" for kind in ("etc_orgt", "etc_corp") for what in ("ntby_vol", "ntby_tr_pbmn")]
    return flow_fields(" ".join(names), flows, average) | {"ntby_qty": str(_flow_of(view, "frgn", "orgn"))}


def foreign_brokers(call: Call) -> Reply:
    """FHKST644100C0: the stocks that foreign brokers buy most, or sell most, by won or by shares."""
    market, exchange = _MARKETS.get(call.values["FID_INPUT_ISCD"]), call.simulation.exchange
    views = [View.of(call, symbol) for symbol in exchange.tapes]
    views = [view for view in views if market in (None, view.seen.listing.market)]
    by_won = call.values["FID_RANK_SORT_CLS_CODE"] == "0"
    ranked = sorted(views, key=lambda view: view.seen.totals.volume * (view.seen.price if by_won else 1), reverse=True)
    rows = []
    for view in ranked[:_ROWS]:
        flow = _foreign(view)
        own = {"glob_ntsl_qty": flow.net, "glob_total_seln_qty": flow.sold, "glob_total_shnu_qty": flow.bought}
        names = f"stck_shrn_iscd hts_kor_isnm glob_ntsl_qty {_STOCK} glob_total_seln_qty glob_total_shnu_qty"
        rows.append(row(view, names, **own))
    return quotation(output=rows)


def foreign_trend(call: Call) -> Reply:
    """FHKST644400C0: a stock's foreign brokers by the minute, newest first."""
    rows = []
    for view, before in _minutes(call):
        flow = _foreign(view)
        earlier = _foreign(before) if before else Flow(0, 0)
        own = {"bsop_hour": kst_time(view.seen.at), "frgn_seln_vol": flow.sold, "frgn_shnu_vol": flow.bought}
        own |= {"glob_ntby_qty": flow.net, "frgn_ntby_qty_icdc": flow.net - earlier.net}
        rows.append(
            row(view, f"bsop_hour {_STOCK} frgn_seln_vol frgn_shnu_vol glob_ntby_qty frgn_ntby_qty_icdc", **own)
        )
    return quotation(output=rows)


def foreign_ticks(call: Call) -> Reply:
    """FHPST04320000: a stock's foreign brokers minute by minute, with their totals of the day."""
    rows, seen = [], asked_stock(call)
    for view, before in _minutes(call):
        flow, earlier = _foreign(view), _foreign(before) if before else Flow(0, 0)
        own = {"bsop_hour": kst_time(view.seen.at), "cntg_vol": flow.bought - earlier.bought}
        own |= {"acml_ntby_qty": flow.net, "glob_ntby_qty": flow.net, "frgn_ntby_qty_icdc": flow.net - earlier.net}
        names = "bsop_hour hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign cntg_vol acml_ntby_qty glob_ntby_qty "
        rows.append(row(view, f"{names} frgn_ntby_qty_icdc", **own))
    total = _foreign(View(call, seen)) if seen else Flow(0, 0)
    head = {"total_seln_qty": str(total.sold), "total_shnu_qty": str(total.bought)}
    return quotation(output1=[head], output2=rows)


def _minutes(call: Call) -> list[tuple[View, View | None]]:
    """Return a stock at the last minutes, newest first, each with the minute before."""
    seen = asked_stock(call)
    views = list(moments(View(call, seen), _MINUTE, _ROWS)) if seen else []
    return list(zip(views, [*views[1:], None], strict=True))


def broker_days(call: Call) -> Reply:
    """FHPST04540000: one broker's trades of a stock by day, newest first."""
    seen = asked_stock(call)
    broker = next((one for one in BROKERS if one.number == call.values["FID_INPUT_ISCD_2"].strip()), None)
    if seen is None or broker is None:
        return quotation(output=[])
    first, last = (call.values[name].strip() for name in ("FID_INPUT_DATE_1", "FID_INPUT_DATE_2"))
    days = (
        day for day in days_of(call.simulation.exchange, seen) if first <= f"{day.date:%Y%m%d}" <= (last or "99999999")
    )
    rows = []
    for day in islice(days, _DAYS):
        flow = dict(brokers_of(seen.listing.symbol, day.date, day.bar.volume))[broker]
        own = {"total_seln_qty": flow.sold, "total_shnu_qty": flow.bought, "ntby_qty": flow.net}
        rows.append(_day(day) | {name: str(value) for name, value in own.items()})
    return quotation(output=rows)


def _day(day: PeriodBar) -> Fields:
    change = day.bar.close_price - day.base
    return {
        "stck_bsop_date": f"{day.date:%Y%m%d}",
        "stck_prpr": str(day.bar.close_price),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": sign(change),
        "prdy_ctrt": percent(change, day.base),
        "acml_vol": str(day.bar.volume),
    }


def program_trades(call: Call) -> Reply:
    """FHPPG04650101: programs in one stock by the minute, newest first."""
    rows = []
    for view, before in _minutes(call):
        fields, earlier = programs_until(view), programs_until(before) if before else None
        rows.append(
            row(view, f"bsop_hour {_STOCK}", bsop_hour=kst_time(view.seen.at)) | fields | _grown(fields, earlier)
        )
    return quotation(output=rows)


def programs_until(view: View) -> Fields:
    """Return the day's program trades of a stock up to a view's moment."""
    totals = view.seen.totals
    flow = programs_of(view.seen.listing.symbol, view.seen.session.date, totals.volume)
    return _whole(flow, totals.turnover / (totals.volume or 1))


def _whole(flow: Flow, average: float) -> Fields:
    return flow_fields(_WHOLE, {"whol_smtn": flow}, average, won=1)


def _grown(now: Fields, before: Fields | None, won: str = "whol_ntby_tr_pbmn_icdc") -> Fields:
    names = {"whol_ntby_vol_icdc": "whol_smtn_ntby_qty", won: "whol_smtn_ntby_tr_pbmn"}
    return {name: str(int(now[of]) - int(before[of] if before else 0)) for name, of in names.items()}


def program_days(call: Call) -> Reply:
    """FHPPG04650201: programs in one stock by day until a date, newest first."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output=[])
    until = call.values["FID_INPUT_DATE_1"].strip() or "99999999"
    days = (day for day in days_of(call.simulation.exchange, seen) if f"{day.date:%Y%m%d}" <= until)
    shown = [(day, _programs_of_day(seen.listing.symbol, day)) for day in islice(days, _DAYS + 1)]
    rows = []
    for (day, fields), (_, before) in pairwise(shown):
        row_of_day = _day(day) | {"acml_tr_pbmn": str(day.bar.turnover)}
        row_of_day["stck_clpr"] = row_of_day.pop("stck_prpr")
        rows.append(row_of_day | fields | _grown(fields, before, "whol_ntby_tr_pbmn_icdc2"))
    return quotation(output=rows)


def _programs_of_day(symbol: Symbol, day: PeriodBar) -> Fields:
    flow = programs_of(symbol, day.date, day.bar.volume)
    return _whole(flow, day.bar.turnover / (day.bar.volume or 1))


MEMBER_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "frgnmem_trade_estimate": foreign_brokers,
    "frgnmem_pchs_trend": foreign_trend,
    "frgnmem_trade_trend": foreign_ticks,
    "inquire_member_daily": broker_days,
    "program_trade_by_stock": program_trades,
    "program_trade_by_stock_daily": program_days,
}
TOTALS: Final[dict[str, Callable[[Call], Reply]]] = {
    "foreign_institution_total": Ranking(
        "hts_kor_isnm mksc_shrn_iscd ntby_qty stck_prpr prdy_vrss_sign prdy_vrss prdy_ctrt acml_vol "
        + " ".join(f"{kind}_{what}" for what in ("ntby_qty", "ntby_tr_pbmn") for kind in _KINDS.split())
        + " etc_orgt_ntby_vol etc_corp_ntby_vol etc_orgt_ntby_tr_pbmn etc_corp_ntby_tr_pbmn",
        by=_total,
        own=_groups,
        kinds=NO_KINDS,
    )
}
"""By the name of the official function; the second table has a market division of its own, V."""
