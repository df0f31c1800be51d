"""inquire-index-price: KOSPI, KOSDAQ and KOSPI 200 with the day's extremes and the counts of their stocks."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from simulator.exchange import Exchange, Snapshot, second_of
from simulator.index_days import Level
from simulator.index_levels import INDICES, Index, IndexDay, level_of
from simulator.wire import Call, Fields, Reply, percent, quotation, sign

_BETWEEN_SAMPLES: Final = 600
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000
_NOTHING: Final = (Decimal(0),) * 3


def index_price(call: Call) -> Reply:
    """FHPUP02100000: an index with the day's extremes and counts. Another code shows level 0."""
    index = INDICES.get(call.values["FID_INPUT_ISCD"])
    output = index_fields(call.simulation.exchange, index, call.at) if index else fields_of(Level(), _NOTHING, [])
    return quotation(output=output)


def index_fields(exchange: Exchange, index: Index, at: datetime) -> Fields:
    """Return the fields of inquire-index-price."""
    day = IndexDay(exchange, index, exchange.shown_session(at))
    level = level_of(exchange, index, at)
    if not level.now:
        return fields_of(Level(), _NOTHING, [])
    stocks = [exchange.snapshot(one.symbol, at) for one in day.listings]
    return fields_of(level, _extremes(day, at, level), stocks)


def _extremes(day: IndexDay, at: datetime, level: Level) -> tuple[Decimal, ...]:
    """Return the day's first, highest and lowest level up to an instant, sampled every ten minutes."""
    if at < day.session.opens_at:
        return _NOTHING
    last = min(second_of(day.session, at), day.last_second)
    levels = [*(day.level(second) for second in range(0, last, _BETWEEN_SAMPLES)), level.now]
    shown = [each for each in levels if each]
    return shown[0], max(shown), min(shown)


def fields_of(level: Level, extremes: tuple[Decimal, ...], stocks: list[Snapshot]) -> Fields:
    """Return an index with its first, highest and lowest level and the counts of its stocks."""
    first, high, low = extremes
    volume = sum(seen.totals.volume for seen in stocks)
    turnover = sum(seen.totals.turnover for seen in stocks)
    ups, downs = (sum(seen.change * way > 0 for seen in stocks) for way in (1, -1))
    uppers = sum(seen.price >= seen.limits.upper for seen in stocks)
    lowers = sum(seen.price <= seen.limits.lower for seen in stocks)
    return {
        "bstp_nmix_prpr": f"{level.now:.2f}",
        **against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "bstp_nmix_prdy_ctrt", level.now, level.before),
        "acml_vol": str(volume // _THOUSAND),
        "prdy_vol": "0",
        "acml_tr_pbmn": str(turnover // _MILLION),
        "prdy_tr_pbmn": "0",
        "bstp_nmix_oprc": f"{first:.2f}",
        **against("prdy_nmix_vrss_nmix_oprc", "oprc_vrss_prpr_sign", "bstp_nmix_oprc_prdy_ctrt", first, level.before),
        "bstp_nmix_hgpr": f"{high:.2f}",
        **against("prdy_nmix_vrss_nmix_hgpr", "hgpr_vrss_prpr_sign", "bstp_nmix_hgpr_prdy_ctrt", high, level.before),
        "bstp_nmix_lwpr": f"{low:.2f}",
        **against("prdy_clpr_vrss_lwpr", "lwpr_vrss_prpr_sign", "prdy_clpr_vrss_lwpr_rate", low, level.before),
        "ascn_issu_cnt": str(ups),
        "uplm_issu_cnt": str(uppers),
        "stnr_issu_cnt": str(len(stocks) - ups - downs),
        "down_issu_cnt": str(downs),
        "lslm_issu_cnt": str(lowers),
        **{f"dryy_bstp_nmix_{name}": "0.00" for name in ("hgpr", "lwpr")},
        **{f"dryy_{name}_vrss_prpr_rate": "0.00" for name in ("hgpr", "lwpr")},
        **{f"dryy_bstp_nmix_{name}_date": "" for name in ("hgpr", "lwpr")},
        **dict.fromkeys(("total_askp_rsqn", "total_bidp_rsqn", "ntby_rsqn"), "0"),
        **dict.fromkeys(("seln_rsqn_rate", "shnu_rsqn_rate"), "0.00"),
    }


def against(change: str, code: str, rate: str, level: Decimal, before: Decimal) -> Fields:
    """Return the change of a level against the close before: points, sign code and percent."""
    difference = level - before if level and before else Decimal(0)
    way = (difference > 0) - (difference < 0)
    return {change: f"{difference:.2f}", code: sign(way), rate: percent(float(difference), float(before))}
