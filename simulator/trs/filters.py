"""The filters of rankings: market, price, volume, kinds, excluded kinds. A blank or a zero means no limit."""

from collections.abc import Mapping
from typing import Final

from simulator.exchange import Snapshot
from simulator.krx.units import Market, TradingFlag
from simulator.quotes import flags_of
from simulator.venues import Division, division_of
from simulator.wire import Call

_ALL: Final = frozenset({"0000", "4001"})
"""Every stock, and KRX 100; the simulated exchange has too few stocks to leave some out."""
_INDEX_GROUP: Final = "2"
_MARKETS: Final = {"0": Market.KOSPI, "1": Market.KOSDAQ, "2": Market.KOSPI}
"""By the first digit of an industry code; 2001 is KOSPI 200."""
_EXCLUSIONS: Final[tuple[frozenset[TradingFlag], ...]] = (
    frozenset({TradingFlag.WARNED}),
    frozenset({TradingFlag.ADMINISTRATIVE}),
    frozenset({TradingFlag.LIQUIDATION_TRADING}),
    frozenset(),
    frozenset(),
    frozenset({TradingFlag.HALTED}),
)
_EXCLUDES_ETFS: Final = 6
_PREFERRED, _COMMON = "preferred", "common"
Kinds = Mapping[str, str]
"""What FID_DIV_CLS_CODE selects in a ranking; a code without a meaning selects all."""
BY_SHARE: Final[Kinds] = {"1": _COMMON, "2": _PREFERRED}
BY_STATUS: Final[Kinds] = {
    "1": "administrative",
    "2": "caution",
    "3": "warned",
    "4": "forewarned",
    "5": "danger",
    "6": _COMMON,
    "7": _PREFERRED,
}
NO_KINDS: Final[Kinds] = {}


def number(call: Call, *names: str) -> float:
    """Return the first of these inputs that the call has; 0 if it is blank or no number."""
    text = next((call.values[name].strip() for name in names if name in call.values), "")
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def chosen(call: Call, kinds: Kinds = BY_SHARE) -> list[Snapshot]:
    """Return the stocks that pass the filters of a call."""
    exchange = call.simulation.exchange
    kind = kinds.get(call.values.get("FID_DIV_CLS_CODE", ""), "")
    division = division_of(call.values.get("FID_COND_MRKT_DIV_CODE", ""))
    seen = [exchange.snapshot(symbol, call.at).on(division) for symbol in exchange.tapes]
    if division is Division.NXT:
        seen = [one for one in seen if one.is_on_nxt]
    return [one for one in seen if _is_in(call, one) and _fits(call, one) and (not kind or _is_kind(one, kind))]


def _is_in(call: Call, seen: Snapshot) -> bool:
    code = call.values.get("FID_INPUT_ISCD", "")
    market = None if code in _ALL else _MARKETS.get(code[:1])
    return market is None or (seen.listing.market is market and not (code[:1] == _INDEX_GROUP and seen.listing.etf))


def _fits(call: Call, seen: Snapshot) -> bool:
    lowest = number(call, "FID_APLY_RANG_PRC_1", "FID_INPUT_PRICE_1")
    highest = number(call, "FID_APLY_RANG_PRC_2", "FID_INPUT_PRICE_2")
    least = number(call, "FID_VOL_CNT", "FID_APLY_RANG_VOL", "FID_INPUT_VOL_1")
    within = lowest <= seen.price <= (highest or float("inf")) and seen.totals.volume >= least
    return within and not _is_excluded(call.values.get("FID_TRGT_EXLS_CLS_CODE", ""), seen)


def _is_excluded(choices: str, seen: Snapshot) -> bool:
    if seen.listing.etf and choices[_EXCLUDES_ETFS : _EXCLUDES_ETFS + 1] == "1":
        return True
    flags = flags_of(seen)
    return any(choice == "1" and flags & excluded for choice, excluded in zip(choices, _EXCLUSIONS, strict=False))


def _is_kind(seen: Snapshot, kind: str) -> bool:
    if kind == _COMMON:
        return not seen.listing.etf
    return kind in flags_of(seen)
