"""Groups of investors of a stock or a market: by day, and as estimated during the day."""

from collections.abc import Callable
from datetime import time, timedelta
from itertools import islice
from typing import Final

from simulator.charts import PeriodBar, days_of
from simulator.exchange import second_of
from simulator.flows import Flows, added, flow_fields, flows_of
from simulator.index_levels import WHOLE_MARKETS
from simulator.krx.sessions import at_kst, in_seoul
from simulator.krx.units import Market, Symbol
from simulator.quotes import asked_stock
from simulator.trs.index_charts import DayBar, day_fields, index_days
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, percent, quotation, sign

_ROWS: Final = 100
_THOUSAND: Final = 1_000
_COUNTED_AFTER: Final = timedelta(minutes=10)
"""After the close, from 15:40 on, KIS shows the investors of a stock by day."""
_TIMES: Final = (time(9, 30), time(11, 20), time(13, 20), time(14, 30), time(15, 10))
"""When the estimates of foreigners and institutions come; bsop_hour_gb counts them."""
_KINDS: Final = "prsn orgn scrt ivtr pe_fund bank insu mrbn fund"
_MARKETS: Final = {"KSP": Market.KOSPI, "KSQ": Market.KOSDAQ}
_STOCK: Final = "stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol"
_VOLUMES: Final = ("pe_fund", "etc_orgt", "etc_corp")
"""The groups whose net quantity ends in ``vol``."""


def _net(group: str) -> str:
    return f"{group}_ntby_vol" if group in _VOLUMES else f"{group}_ntby_qty"


_GROUPS: Final = (*_KINDS.split(), "etc", "etc_corp", "etc_orgt")
_NETS: Final = " ".join((*map(_net, ("frgn", "frgn_reg", "frgn_nreg", *_GROUPS)), "frgn_reg_ntby_pbmn"))
_NET_WON: Final = " ".join((*(f"{group}_ntby_tr_pbmn" for group in ("frgn", *_GROUPS)), "frgn_nreg_ntby_pbmn"))
_BOTH: Final = " ".join(
    f"{group}_{what}"
    for group in ("frgn", *_GROUPS)
    for what in ("seln_vol", "shnu_vol", "seln_tr_pbmn", "shnu_tr_pbmn")
)
_REGISTERED: Final = " ".join(
    f"frgn_{kind}_{what}" for kind in ("reg", "nreg") for what in ("askp_qty", "bidp_qty", "askp_pbmn", "bidp_pbmn")
)


def estimates(call: Call) -> Reply:
    """HHPTJ04160200: foreigners and institutions of one stock as estimated five times a day, newest first."""
    exchange, symbol = call.simulation.exchange, call.values["MKSC_SHRN_ISCD"]
    if exchange.listing(symbol) is None:
        return quotation(output2=[])
    session = exchange.shown_session(call.at)
    path = exchange.path(Symbol(symbol), session)
    rows = []
    for place, at in enumerate((at_kst(session.date, each) for each in _TIMES), 1):
        if session.opens_at <= at <= call.at:
            flows = flows_of(Symbol(symbol), session.date, path.totals_at(second_of(session, at)).volume)
            foreign, institutions = flows["frgn"].net, flows["orgn"].net
            rows.append(
                {
                    "bsop_hour_gb": str(place),
                    "frgn_fake_ntby_qty": f"{foreign:018}",
                    "orgn_fake_ntby_qty": f"{institutions:018}",
                    "sum_fake_ntby_qty": f"{foreign + institutions:018}",
                }
            )
    return quotation(output2=rows[::-1])


def daily_investors(call: Call) -> Reply:
    """FHPTJ04160001: every group of investors of one stock, by day until a date, newest first; not before 15:40."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output1={}, output2=[])
    if seen.at < seen.session.ends_at + _COUNTED_AFTER and in_seoul(seen.at).date() == seen.session.date:
        raise GatewayRefusalError("OPSQ2001", "TIME LIMIT 00:00 ~ 15:40", status=200, rt_cd="2")
    until = call.values["FID_INPUT_DATE_1"].strip() or "99999999"
    days = (day for day in days_of(call.simulation.exchange, seen) if f"{day.date:%Y%m%d}" <= until)
    head = row(View(call, seen), f"{_STOCK} prdy_vol rprs_mrkt_kor_name")
    return quotation(output1=head, output2=[_day_row(seen.listing.symbol, day) for day in islice(days, _ROWS)])


def _day_row(symbol: Symbol, day: PeriodBar) -> Fields:
    bar, change = day.bar, day.bar.close_price - day.base
    names = f"{_NETS} {_NET_WON} {_BOTH} {_REGISTERED}"
    return {
        "stck_bsop_date": f"{day.date:%Y%m%d}",
        "stck_clpr": str(bar.close_price),
        "stck_oprc": str(bar.open_price),
        "stck_hgpr": str(bar.high_price),
        "stck_lwpr": str(bar.low_price),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": sign(change),
        "prdy_ctrt": percent(change, day.base),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.turnover),
        "bold_yn": "N",
        **flow_fields(names, flows_of(symbol, day.date, bar.volume), bar.turnover / (bar.volume or 1)),
    }


def market_investors(call: Call) -> Reply:
    """FHPTJ04030000: every group of investors of a market today; in thousand shares and million won."""
    market = _MARKETS.get(call.values["FID_INPUT_ISCD"])
    exchange = call.simulation.exchange
    views = [View.of(call, symbol) for symbol in exchange.tapes]
    views = [view for view in views if market in (None, view.seen.listing.market)]
    groups = [group for group in ("frgn", *_GROUPS) if group != "etc"]
    names = [f"{group}_{what}" for group in groups for what in ("seln_vol", "shnu_vol", "seln_tr_pbmn", "shnu_tr_pbmn")]
    names += [name for group in groups for name in (_net(group), f"{group}_ntby_tr_pbmn")]
    fields = dict.fromkeys(names, 0)
    for view in views:
        totals = view.seen.totals
        flows = flows_of(view.seen.listing.symbol, view.seen.session.date, totals.volume)
        shown = flow_fields(" ".join(names), flows, totals.turnover / (totals.volume or 1))
        fields = {name: total + int(shown[name]) for name, total in fields.items()}
    return quotation(output=[{name: str(total) for name, total in fields.items()}])


def daily_market_investors(call: Call) -> Reply:
    """FHPTJ04040000: every group of investors of a market by day until a date, newest first, beside its index."""
    market = _MARKETS.get(call.values["FID_INPUT_ISCD_1"])
    if market is None:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID FID_INPUT_ISCD_1", status=200, rt_cd="2")
    until = call.values["FID_INPUT_DATE_1"].strip() or "99999999"
    index, rows = WHOLE_MARKETS[market], []
    for day in index_days(call, index):
        if f"{day.date:%Y%m%d}" <= until:
            flows = _market_flows(call, market, day.date, day.volume)
            average = day.turnover / (day.volume or 1)
            rows.append(_index_fields(day) | flow_fields(f"{_NETS} {_NET_WON}", flows, average, shares=_THOUSAND))
        if len(rows) == _ROWS:
            break
    return quotation(output=rows)


def _index_fields(day: DayBar) -> Fields:
    fields = day_fields(day) | {"stck_prdy_clpr": f"{day.before:.2f}"}
    return {name: value for name, value in fields.items() if not name.startswith("acml_")}


def _market_flows(call: Call, market: Market, day: object, volume: int) -> Flows:
    """Return the groups of a market's day: each stock's shares, weighted by its usual volume."""
    listed = [tape.listing for tape in call.simulation.exchange.tapes.values()]
    members = [one for one in listed if one.market is market]
    usual = sum(one.daily_volume for one in members)
    return added([flows_of(one.symbol, day, volume * one.daily_volume // usual) for one in members])


INVESTOR_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "investor_trend_estimate": estimates,
    "investor_trade_by_stock_daily": daily_investors,
    "inquire_investor_time_by_market": market_investors,
}
MARKET_INVESTOR_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "inquire_investor_daily_by_market": daily_market_investors
}
"""By the name of the official function; the second asks for a market, as an index does."""
