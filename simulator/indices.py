"""inquire-index-price: KOSPI and KOSDAQ from recorded minutes, or from the market value of the seeded stocks."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from simulator.exchange import Exchange, Snapshot
from simulator.index_days import Level
from simulator.krx.units import Market, Symbol
from simulator.wire import Call, Fields, Reply, percent, quotation, sign

_CODES: Final = {"0001": Market.KOSPI, "1001": Market.KOSDAQ}
_REFERENCE: Final = {Market.KOSPI: Decimal("2600.00"), Market.KOSDAQ: Decimal("850.00")}
"""The level at which every seeded stock stands at its reference price (points)."""
_STEP: Final = Decimal("0.01")
_BETWEEN_SAMPLES: Final = timedelta(minutes=10)
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000


def index_price(call: Call) -> Reply:
    """FHPUP02100000: an index with the day's extremes and counts. Another code shows level 0."""
    market = _CODES.get(call.values["FID_INPUT_ISCD"])
    exchange, at = call.simulation.exchange, call.at
    level = level_at(exchange, market, at) if market else Level()
    if market is None or not level.now:
        return quotation(output=_fields(Level(), (Decimal(0),) * 3, []))
    stocks = [exchange.snapshot(symbol, at) for symbol in _members(exchange, market)]
    return quotation(output=_fields(level, _extremes(exchange, market, at), stocks))


def level_at(exchange: Exchange, market: Market, at: datetime) -> Level:
    """Return an index at a market instant; an exchange that plays a recording has only the recorded levels."""
    if exchange.indices is None:
        return _seeded(exchange, market, at)
    session = exchange.shown_session(at)
    found = exchange.indices.get(session.date, {}).get(market)
    return found.at(min(at, session.ends_at)) if found else Level()


def _seeded(exchange: Exchange, market: Market, at: datetime) -> Level:
    now = before = reference = 0
    for symbol in _members(exchange, market):
        seen = exchange.snapshot(symbol, at)
        shares = seen.listing.listed_shares
        now, before, reference = (
            now + seen.price * shares,
            before + seen.base * shares,
            reference + seen.listing.price * shares,
        )
    if not reference:
        return Level()
    per_won = _REFERENCE[market] / reference
    return Level((now * per_won).quantize(_STEP), (before * per_won).quantize(_STEP))


def _members(exchange: Exchange, market: Market) -> list[Symbol]:
    listed = (tape.listing for tape in exchange.tapes.values())
    return [listing.symbol for listing in listed if listing.market is market and not listing.etf]


def _extremes(exchange: Exchange, market: Market, at: datetime) -> tuple[Decimal, ...]:
    """Return the day's first, highest and lowest level up to an instant, sampled every ten minutes."""
    session = exchange.shown_session(at)
    if at < session.opens_at:
        return (Decimal(0),) * 3
    instants, each = [at], session.opens_at
    while each < min(at, session.ends_at):
        instants.append(each)
        each += _BETWEEN_SAMPLES
    levels = {one: level_at(exchange, market, one).now for one in sorted(instants)}
    shown = [level for level in levels.values() if level]
    return shown[0], max(shown), min(shown)


def _fields(level: Level, extremes: tuple[Decimal, ...], stocks: list[Snapshot]) -> Fields:
    first, high, low = extremes
    volume = sum(seen.totals.volume for seen in stocks)
    turnover = sum(seen.totals.turnover for seen in stocks)
    ups, downs = (sum(seen.change * way > 0 for seen in stocks) for way in (1, -1))
    uppers = sum(seen.price >= seen.limits.upper for seen in stocks)
    lowers = sum(seen.price <= seen.limits.lower for seen in stocks)
    return {
        "bstp_nmix_prpr": f"{level.now:.2f}",
        **_against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "bstp_nmix_prdy_ctrt", level.now, level.before),
        "acml_vol": str(volume // _THOUSAND),
        "prdy_vol": "0",
        "acml_tr_pbmn": str(turnover // _MILLION),
        "prdy_tr_pbmn": "0",
        "bstp_nmix_oprc": f"{first:.2f}",
        **_against("prdy_nmix_vrss_nmix_oprc", "oprc_vrss_prpr_sign", "bstp_nmix_oprc_prdy_ctrt", first, level.before),
        "bstp_nmix_hgpr": f"{high:.2f}",
        **_against("prdy_nmix_vrss_nmix_hgpr", "hgpr_vrss_prpr_sign", "bstp_nmix_hgpr_prdy_ctrt", high, level.before),
        "bstp_nmix_lwpr": f"{low:.2f}",
        **_against("prdy_clpr_vrss_lwpr", "lwpr_vrss_prpr_sign", "prdy_clpr_vrss_lwpr_rate", low, level.before),
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


def _against(change: str, code: str, rate: str, level: Decimal, before: Decimal) -> Fields:
    """Return the change of a level against the close before: points, sign code and percent."""
    difference = level - before if level and before else Decimal(0)
    way = (difference > 0) - (difference < 0)
    return {change: f"{difference:.2f}", code: sign(way), rate: percent(float(difference), float(before))}
