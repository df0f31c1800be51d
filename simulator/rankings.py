"""Market-wide lists: volume-rank and fluctuation."""

from collections.abc import Callable
from typing import Final

from simulator.exchange import Snapshot
from simulator.quotes import change_fields
from simulator.trs.filters import chosen, number
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation, sign

_ROWS: Final = 30
Measure = Callable[[Snapshot], float]


def volume_rank(call: Call) -> Reply:
    """FHPST01710000: the 30 most traded stocks by the measure of FID_BLNG_CLS_CODE."""
    measures: dict[str, Measure] = {
        "1": lambda seen: seen.totals.volume / seen.listing.daily_volume,
        "2": lambda seen: seen.totals.volume / seen.listing.listed_shares,
        "3": lambda seen: seen.totals.turnover,
        "4": lambda seen: seen.totals.turnover / seen.listing.listed_shares,
    }
    measure = measures.get(call.values["FID_BLNG_CLS_CODE"], lambda seen: seen.totals.volume)
    ranked = sorted(chosen(call), key=measure, reverse=True)[:_ROWS]
    return quotation(output=[_volume_row(call, place, seen) for place, seen in enumerate(ranked, 1)])


def fluctuation(call: Call) -> Reply:
    """FHPST01700000: the 30 greatest gainers (sort code 0) or losers (1) against the previous close."""
    losers = call.values["FID_RANK_SORT_CLS_CODE"] == "1"
    least, most = _rates(call)
    within = [seen for seen in chosen(call) if least <= seen.change / seen.base * 100 <= most]
    ranked = sorted(within, key=lambda seen: seen.change / seen.base, reverse=not losers)[:_ROWS]
    return quotation(output=[_fluctuation_row(place, seen) for place, seen in enumerate(ranked, 1)])


def _rates(call: Call) -> tuple[float, float]:
    """Return the least and greatest change in percent. A blank means no limit, and so do two zeros."""
    least, most = (number(call, name) for name in ("FID_RSFL_RATE1", "FID_RSFL_RATE2"))
    named = call.values.get("FID_RSFL_RATE1", "").strip() and (least or most)
    return least if named else float("-inf"), most or float("inf")


def _volume_row(call: Call, place: int, seen: Snapshot) -> Fields:
    previous = call.simulation.exchange.previous_day(seen.listing.symbol, seen.session)
    listing, totals = seen.listing, seen.totals
    turnover_rate = percent(totals.volume, listing.listed_shares)
    value_rate = percent(totals.turnover, listing.listed_shares * seen.price)
    return change_fields(seen) | {
        "hts_kor_isnm": listing.name,
        "mksc_shrn_iscd": listing.symbol,
        "data_rank": str(place),
        "stck_prpr": str(seen.price),
        "acml_vol": str(totals.volume),
        "prdy_vol": str(previous.volume),
        "lstn_stcn": str(listing.listed_shares),
        "avrg_vol": str(listing.daily_volume),
        "n_befr_clpr_vrss_prpr_rate": percent(seen.change, seen.base),
        "vol_inrt": percent(totals.volume, previous.volume),
        "vol_tnrt": turnover_rate,
        "nday_vol_tnrt": turnover_rate,
        "avrg_tr_pbmn": str(listing.daily_volume * seen.base),
        "tr_pbmn_tnrt": value_rate,
        "nday_tr_pbmn_tnrt": value_rate,
        "acml_tr_pbmn": str(totals.turnover),
    }


def _fluctuation_row(place: int, seen: Snapshot) -> Fields:
    totals, day = seen.totals, seen.session.date.strftime("%Y%m%d")
    from_open = seen.price - totals.open_price if totals.open_price else 0
    return change_fields(seen) | {
        "stck_shrn_iscd": seen.listing.symbol,
        "data_rank": str(place),
        "hts_kor_isnm": seen.listing.name,
        "stck_prpr": str(seen.price),
        "acml_vol": str(totals.volume),
        "stck_hgpr": str(totals.high_price),
        "hgpr_hour": kst_time(seen.at),
        "acml_hgpr_date": day,
        "stck_lwpr": str(totals.low_price),
        "lwpr_hour": kst_time(seen.at),
        "acml_lwpr_date": day,
        "lwpr_vrss_prpr_rate": percent(seen.price - totals.low_price, totals.low_price),
        "dsgt_date_clpr_vrss_prpr_rate": percent(seen.change, seen.base),
        "cnnt_ascn_dynu": "0",
        "hgpr_vrss_prpr_rate": percent(seen.price - totals.high_price, totals.high_price),
        "cnnt_down_dynu": "0",
        "oprc_vrss_prpr_sign": sign(from_open),
        "oprc_vrss_prpr": str(from_open),
        "oprc_vrss_prpr_rate": percent(from_open, totals.open_price),
        "prd_rsfl": str(seen.change),
        "prd_rsfl_rate": percent(seen.change, seen.base),
    }
