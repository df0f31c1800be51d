"""Rankings of the stocks at this moment: each a row of measure, filter and fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from simulator.exchange import Snapshot
from simulator.extremes import extremes_of
from simulator.trs.filters import BY_SHARE, BY_STATUS, NO_KINDS, Kinds, chosen, number
from simulator.trs.trades import bulk_trades
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, Reply, percent, quotation, sign

_ROWS: Final = 30
_PRICES: Final = "hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt acml_vol"
_NEAREST: Final = {"6": 8, "5": 10, "1": 15, "2": 20, "3": 25}
"""FID_DIV_CLS_CODE of the stocks near a price limit: percent from the base price."""
_OWN_CUSTOMERS: Final = 0.15
"""The share of all trades that this broker's customers make, as inquire-member shows it."""
_INTEREST: Final = 100_000_000
"""Won of yesterday's turnover that stand for one customer who watches a stock."""

Measure = Callable[[View], float]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A list of up to 30 stocks, the greatest measure first. ``sorts`` are the measures by FID_RANK_SORT_CLS_CODE."""

    fields: str
    by: Measure
    sorts: Mapping[str, Measure] = field(default_factory=dict)
    wanted: Callable[[View], bool] = lambda _: True
    own: Callable[[View], Mapping[str, object]] = lambda _: {}
    first: str = ""
    """The input that names the place to begin with."""
    kinds: Kinds = field(default_factory=lambda: BY_SHARE)

    def __call__(self, call: Call) -> Reply:
        """Answer a call."""
        views = [View(call, seen) for seen in chosen(call, self.kinds)]
        measure = self.sorts.get(call.values.get("FID_RANK_SORT_CLS_CODE", ""), self.by)
        ranked = sorted(filter(self.wanted, views), key=measure, reverse=True)
        first = max(int(number(call, self.first)), 1)
        rows = enumerate(ranked[first - 1 : first - 1 + _ROWS], first)
        return quotation(output=[row(view, self.fields, **self.own(view), data_rank=place) for place, view in rows])


def _strength(view: View) -> float:
    return view.pressure.strength


def _net_bids(view: View) -> float:
    return view.depth[1] - view.depth[0]


def _bids_per_ask(view: View) -> float:
    return view.depth[1] / (view.depth[0] or 1)


def auction_match(view: View) -> tuple[int, int]:
    """Return price and shares of the opening auction (FID_MKOP_CLS_CODE 0) or the closing auction (1)."""
    return view.match(closing=view.call.values.get("FID_MKOP_CLS_CODE") == "1")


def _expected_change(view: View) -> int:
    return auction_match(view)[0] - view.seen.base


def _expected(view: View) -> Fields:
    price, volume = auction_match(view)
    change = price - view.seen.base
    return {
        "stck_prpr": str(price),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": sign(change),
        "prdy_ctrt": percent(change, view.seen.base),
        "cntg_vol": str(volume),
        "antc_tr_pbmn": str(price * volume),
    }


def extremes(view: View) -> tuple[int, int]:
    """Return the highest and lowest price of a year."""
    found = extremes_of(view.call.simulation.exchange, view.seen)
    return found.high, found.low


def _near(view: View) -> Mapping[str, object]:
    high, low = extremes(view)
    price = view.seen.price
    return {
        "new_hgpr": high,
        "hprc_near_rate": percent(high - price, high),
        "new_lwpr": low,
        "lwpr_near_rate": percent(price - low, low),
    }


def _nearness(view: View) -> float:
    """Return how near a price is to the year's high, or to its low (FID_PRC_CLS_CODE 1), as a negative percentage."""
    high, low = extremes(view)
    price = view.seen.price
    return -(price - low) / low * 100 if view.call.values["FID_PRC_CLS_CODE"] == "1" else -(high - price) / high * 100


def _is_near(view: View) -> bool:
    least, most = number(view.call, "FID_INPUT_CNT_1"), number(view.call, "FID_INPUT_CNT_2")
    return least <= -_nearness(view) <= (most or float("inf"))


def _average(view: View, days: int) -> float:
    exchange, seen = view.call.simulation.exchange, view.seen
    position = exchange.sessions.position(seen.session)
    tape = exchange.tapes[seen.listing.symbol]
    earlier = [tape.base_price(each) for each in range(max(1, position - days + 2), position + 1)]
    return (seen.price + sum(earlier)) / (1 + len(earlier))


def _disparities(view: View) -> Mapping[str, object]:
    return {f"d{days}_dsrt": percent(view.seen.price, _average(view, days)) for days in (5, 10, 20, 60, 120)}


def _disparity(view: View) -> float:
    return view.seen.price / _average(view, int(number(view.call, "FID_HOUR_CLS_CODE")) or 20)


def _bulk(view: View) -> Mapping[str, object]:
    bought, sold = bulk_trades(view, number(view.call, "FID_INPUT_PRICE_1"))
    return {"shnu_cntg_csnu": bought, "seln_cntg_csnu": sold}


def _is_asked_for(view: View) -> bool:
    return view.call.values["FID_INPUT_ISCD_2"].strip() in ("", view.seen.listing.symbol)


def _watchers(view: View) -> int:
    return view.previous.turnover // _INTEREST


def _is_captured(view: View) -> bool:
    """Return whether a price is at its limit, or as near to it as FID_DIV_CLS_CODE asks for."""
    seen, rises = view.seen, view.call.values["FID_PRC_CLS_CODE"] != "1"
    percent_away = _NEAREST.get(view.call.values["FID_DIV_CLS_CODE"])
    if percent_away is None:
        return seen.price >= seen.limits.upper if rises else seen.price <= seen.limits.lower
    return seen.change * (1 if rises else -1) * 100 >= seen.base * percent_away


def _fallen_or_risen(view: View) -> float:
    return view.seen.change / view.seen.base * (-1 if view.call.values["FID_PRC_CLS_CODE"] == "1" else 1)


def _of_customers(view: View) -> Mapping[str, object]:
    bought, sold = (int(shares * _OWN_CUSTOMERS) for shares in view.pressure)
    return {"seln_cnqn_smtn": sold, "shnu_cnqn_smtn": bought, "ntby_cnqn": bought - sold}


def _all(call: Call) -> list[Snapshot]:
    exchange = call.simulation.exchange
    return [exchange.snapshot(symbol, call.at) for symbol in exchange.tapes]


def market_cap(call: Call) -> Reply:
    """FHPST01740000: the stocks of the greatest market value, with their share of the whole exchange."""
    whole = sum(seen.price * seen.listing.listed_shares for seen in _all(call))
    ranking = Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} lstn_stcn stck_avls mrkt_whol_avls_rlim",
        by=lambda view: view.value,
        own=lambda view: {"mrkt_whol_avls_rlim": percent(view.value, whole)},
    )
    return ranking(call)


def most_viewed(call: Call) -> Reply:
    """HHMCM000100C0: the twenty stocks with the greatest turnover; the simulator has no other viewers."""
    ranked = sorted(_all(call), key=lambda seen: seen.totals.turnover, reverse=True)[:20]
    return quotation(output1=[{"mrkt_div_cls_code": "J", "mksc_shrn_iscd": seen.listing.symbol} for seen in ranked])


RANKINGS: Final[dict[str, Callable[[Call], Reply]]] = {
    "volume_power": Ranking(
        f"stck_shrn_iscd data_rank {_PRICES} tday_rltv seln_cnqn_smtn shnu_cnqn_smtn", by=_strength
    ),
    "quote_balance": Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} total_askp_rsqn total_bidp_rsqn total_ntsl_bidp_rsqn shnu_rsqn_rate "
        "seln_rsqn_rate",
        by=_net_bids,
        sorts={
            "1": lambda view: -_net_bids(view),
            "2": _bids_per_ask,
            "3": lambda view: -_bids_per_ask(view),
        },
    ),
    "market_cap": market_cap,
    "exp_trans_updown": Ranking(
        "stck_shrn_iscd hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt stck_sdpr seln_rsqn askp bidp "
        "shnu_rsqn cntg_vol antc_tr_pbmn total_askp_rsqn total_bidp_rsqn",
        by=lambda view: _expected_change(view) / view.seen.base,
        sorts={
            "1": _expected_change,
            "2": lambda view: -abs(_expected_change(view)),
            "3": lambda view: -_expected_change(view) / view.seen.base,
            "4": lambda view: -_expected_change(view),
            "5": lambda view: auction_match(view)[1],
            "6": lambda view: auction_match(view)[0] * auction_match(view)[1],
        },
        wanted=lambda view: auction_match(view)[1] > 0,
        own=_expected,
    ),
    "near_new_highlow": Ranking(
        f"mksc_shrn_iscd {_PRICES} askp askp_rsqn1 bidp bidp_rsqn1 new_hgpr hprc_near_rate new_lwpr lwpr_near_rate "
        "stck_sdpr",
        by=_nearness,
        wanted=_is_near,
        own=_near,
        kinds=BY_STATUS,
    ),
    "disparity": Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} d5_dsrt d10_dsrt d20_dsrt d60_dsrt d120_dsrt",
        by=_disparity,
        sorts={"1": lambda view: -_disparity(view)},
        own=_disparities,
        kinds=BY_STATUS,
    ),
    "bulk_trans_num": Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} shnu_cntg_csnu seln_cntg_csnu ntby_cnqn",
        by=lambda view: bulk_trades(view, number(view.call, "FID_INPUT_PRICE_1"))[0],
        sorts={"1": lambda view: bulk_trades(view, number(view.call, "FID_INPUT_PRICE_1"))[1]},
        wanted=_is_asked_for,
        own=_bulk,
    ),
    "top_interest_stock": Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} acml_tr_pbmn askp bidp inter_issu_reg_csnu",
        by=_watchers,
        own=lambda view: {"inter_issu_reg_csnu": _watchers(view)},
        first="FID_INPUT_CNT_1",
        kinds=BY_STATUS,
    ),
    "capture_uplowprice": Ranking(
        f"mksc_shrn_iscd {_PRICES} total_askp_rsqn total_bidp_rsqn askp_rsqn1 bidp_rsqn1 prdy_vol seln_cnqn shnu_cnqn "
        "stck_llam stck_mxpr prdy_vrss_vol_rate",
        by=_fallen_or_risen,
        wanted=_is_captured,
        kinds=NO_KINDS,
    ),
    "traded_by_company": Ranking(
        f"mksc_shrn_iscd data_rank {_PRICES} acml_tr_pbmn seln_cnqn_smtn shnu_cnqn_smtn ntby_cnqn",
        by=lambda view: view.pressure.sold,
        sorts={"1": lambda view: view.pressure.bought},
        own=_of_customers,
        kinds=BY_STATUS,
    ),
    "hts_top_view": most_viewed,
}
"""By the name of the official function."""
