"""The after-hours single-price session and its rankings. It has no trades of others, so its prices are the closes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from simulator.exchange import Exchange, Snapshot
from simulator.krx.sessions import MarketHours
from simulator.krx.units import Side
from simulator.order_types import Board
from simulator.quotes import asked_or_any_stock, asked_stock, blanked
from simulator.trading_hours import single_price_limits, window_of
from simulator.trs.filters import BY_STATUS, NO_KINDS, chosen
from simulator.trs.rankings import Ranking
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, Reply, kst_time, quotation

_EVERY: Final = timedelta(minutes=10)
_ROWS: Final = 30
_LEVELS: Final = range(1, 11)
_UNCHANGED: Final = {"vrss": "0", "vrss_sign": "3", "ctrt": "0.00"}
_STOCK: Final = "hts_kor_isnm stck_prpr acml_vol askp bidp"


def last_close(exchange: Exchange, seen: Snapshot) -> int:
    """Return the close that the latest single-price session is based on (won)."""
    path = exchange.path(seen.listing.symbol, seen.session)
    return path.close_price if seen.at >= seen.session.ends_at else seen.base


def _prices(exchange: Exchange, seen: Snapshot) -> Fields:
    close = last_close(exchange, seen)
    lower, upper = single_price_limits(close, seen.limits.grid)
    return {
        "ovtm_untp_prpr": str(close),
        "ovtm_untp_mxpr": str(upper),
        "ovtm_untp_llam": str(lower),
        **dict.fromkeys(("ovtm_untp_oprc", "ovtm_untp_hgpr", "ovtm_untp_lwpr", "ovtm_untp_antc_cnpr"), "0"),
        **dict.fromkeys(("ovtm_untp_vol", "ovtm_untp_tr_pbmn", "ovtm_untp_antc_vol"), "0"),
        **{f"ovtm_untp_prdy_{name}": value for name, value in _UNCHANGED.items()},
        **{f"ovtm_untp_antc_cntg_{name}": value for name, value in _UNCHANGED.items()},
    }


def overtime_price(call: Call) -> Reply:
    """FHPST02300000: the single-price session of one stock."""
    seen, known = asked_or_any_stock(call)
    view = View(call, seen)
    prices = _prices(call.simulation.exchange, seen)
    del prices["ovtm_untp_antc_vol"]
    output = prices | {
        **row(view, "bidp askp rprs_mrkt_kor_name bstp_kor_isnm marg_rate crdt_able_yn sltr_yn mrkt_warn_cls_code"),
        **row(view, "ovtm_vi_cls_code"),
        "mang_issu_yn": view.status["mang_issu_cls_code"],
        "trht_yn": view.status["temp_stop_yn"],
        "ovtm_untp_antc_cnqn": "0",
        "ovtm_untp_sdpr": prices["ovtm_untp_prpr"],
        "insn_pbnt_yn": "N",
        **dict.fromkeys(("mang_issu_cls_name", "new_lstn_cls_name", "vlnt_deal_cls_name", "mrkt_warn_cls_name"), ""),
        **dict.fromkeys(("revl_issu_reas_name", "flng_cls_name"), ""),
    }
    return quotation(output=output if known else blanked(output))


def overtime_book(call: Call) -> Reply:
    """FHPST02300400: the book of the single-price session, which is empty, and the regular one's totals."""
    seen, known = asked_or_any_stock(call)
    view, off_hours = View(call, seen), call.simulation.engine.off_hours
    sides = [(name, side) for name in ("askp", "bidp") for side in _LEVELS]
    waiting = [str(off_hours.left(seen.listing.symbol, side, call.at)) for side in (Side.BUY, Side.SELL)]
    has_post_close = _is_open(window_of(Board.POST_CLOSE, seen.session), call)
    output = {
        "ovtm_untp_last_hour": "",
        **{f"ovtm_untp_{name}{place}": "0" for name, place in sides},
        **{f"ovtm_untp_{name}_icdc{place}": "0" for name, place in sides},
        **{f"ovtm_untp_{name}_rsqn{place}": "0" for name, place in sides if (name, place) != ("bidp", 2)},
        "ovtm_untp_bidp_rsqn": "0",
        **{f"{part}total_{name}_rsqn": "0" for part in ("ovtm_untp_",) for name in ("askp", "bidp")},
        **{f"{part}total_{name}_rsqn_icdc": "0" for part in ("ovtm_untp_", "") for name in ("askp", "bidp")},
        "ovtm_untp_ntby_bidp_rsqn": "0",
        **row(view, "total_askp_rsqn total_bidp_rsqn"),
        "ovtm_total_askp_rsqn": waiting[0] if has_post_close else "0",
        "ovtm_total_bidp_rsqn": waiting[1] if has_post_close else "0",
        "ovtm_total_askp_icdc": "0",
        "ovtm_total_bidp_icdc": "0",
    }
    return quotation(output=output if known else blanked(output))


def _is_open(hours: MarketHours | None, call: Call) -> bool:
    return hours is not None and hours.trades_from <= call.at < hours.until


def overtime_trades(call: Call) -> Reply:
    """FHPST02310000: the single-price session's matches, newest first: one every ten minutes where it exists."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output1={}, output2=[])
    prices = _prices(call.simulation.exchange, seen) | {"uplm_sign": "1", "lslm_sign": "4"}
    hours = window_of(Board.SINGLE_PRICE, seen.session)
    matches = []
    if hours is not None:
        at = hours.trades_from + _EVERY
        while at <= min(call.at, hours.until):
            matches.append(_match(View(call, seen), kst_time(at)))
            at += _EVERY
    return quotation(output1=prices, output2=matches[::-1])


def _match(view: View, hour: str) -> Fields:
    fixed = {"prdy_vrss": "0", "prdy_vrss_sign": "3", "prdy_ctrt": "0.00", "askp": "0", "bidp": "0", "cntg_vol": "0"}
    close = last_close(view.call.simulation.exchange, view.seen)
    return fixed | {"stck_cntg_hour": hour, "stck_prpr": str(close), "acml_vol": "0"}


def _nothing(view: View) -> Fields:
    """Return the single-price fields of a ranking's row."""
    prices = _prices(view.call.simulation.exchange, view.seen)
    return prices | {
        **dict.fromkeys(("ovtm_untp_askp1", "ovtm_untp_bidp1", "ovtm_untp_seln_rsqn", "ovtm_untp_shnu_rsqn"), "0"),
        **dict.fromkeys(("ovtm_untp_askp_rsqn1", "ovtm_untp_bidp_rsqn1", "ovtm_untp_antc_cnqn"), "0"),
        "ovtm_vrss_acml_vol_rlim": "0.00",
        "ovtm_untp_antc_cnpr": prices["ovtm_untp_prpr"],
    }


def overtime_changes(call: Call) -> Reply:
    """FHPST02340000: the stocks of the single-price session by their change, and the counts of all."""
    views = [View(call, seen) for seen in chosen(call, NO_KINDS)]
    names = (
        "mksc_shrn_iscd ovtm_untp_prpr ovtm_untp_prdy_vrss ovtm_untp_prdy_vrss_sign ovtm_untp_prdy_ctrt "
        "ovtm_untp_askp1 ovtm_untp_seln_rsqn ovtm_untp_bidp1 ovtm_untp_shnu_rsqn ovtm_untp_vol ovtm_vrss_acml_vol_rlim "
    )
    wanted = views if call.values["FID_DIV_CLS_CODE"] not in ("1", "4") else []
    kinds = ("uplm", "ascn", "stnr", "lslm", "down")
    head = {f"ovtm_untp_{kind}_issu_cnt": str(len(views) if kind == "stnr" else 0) for kind in kinds}
    head |= _turnover() | {"ovtm_untp_acml_vol": "0", "ovtm_untp_acml_tr_pbmn": "0"}
    rows = [row(view, names + _STOCK, **_nothing(view)) for view in wanted[:_ROWS]]
    return quotation(output1=head, output2=rows)


def overtime_volumes(call: Call) -> Reply:
    """FHPST02350000: the stocks of the single-price session by what trades and waits there."""
    names = (
        "stck_shrn_iscd ovtm_untp_prpr ovtm_untp_prdy_vrss ovtm_untp_prdy_vrss_sign ovtm_untp_prdy_ctrt "
        "ovtm_untp_seln_rsqn ovtm_untp_shnu_rsqn ovtm_untp_vol ovtm_vrss_acml_vol_rlim "
    )
    views = [View(call, seen) for seen in chosen(call, NO_KINDS)]
    rows = [row(view, names + _STOCK, **_nothing(view)) for view in views[:_ROWS]]
    return quotation(output1=_turnover(), output2=rows)


def _turnover() -> Fields:
    return {f"ovtm_untp_{market}_{what}": "0" for market in ("exch", "kosdaq") for what in ("vol", "tr_pbmn")}


def _waiting(view: View) -> Fields:
    off_hours, symbol, call = view.call.simulation.engine.off_hours, view.seen.listing.symbol, view.call
    is_open = any(_is_open(window_of(board, view.seen.session), call) for board in (Board.PRE_OPEN, Board.POST_CLOSE))
    asked, bid = (off_hours.left(symbol, side, call.at) if is_open else 0 for side in (Side.BUY, Side.SELL))
    return {
        "ovtm_total_askp_rsqn": str(asked),
        "ovtm_total_bidp_rsqn": str(bid),
        "mkob_otcp_vol": "0",
        "mkfa_otcp_vol": "0",
    }


AFTER_HOURS: Final[dict[str, Callable[[Call], Reply]]] = {
    "inquire_overtime_price": overtime_price,
    "inquire_overtime_asking_price": overtime_book,
    "inquire_time_overtimeconclusion": overtime_trades,
    "overtime_fluctuation": overtime_changes,
    "overtime_volume": overtime_volumes,
    "overtime_exp_trans_fluct": Ranking(
        "data_rank iscd_stat_cls_code stck_shrn_iscd hts_kor_isnm ovtm_untp_antc_cnpr ovtm_untp_antc_cntg_vrss "
        "ovtm_untp_antc_cntg_vrss_sign ovtm_untp_antc_cntg_ctrt ovtm_untp_askp_rsqn1 ovtm_untp_bidp_rsqn1 "
        "ovtm_untp_antc_cnqn itmt_vol stck_prpr",
        by=lambda view: view.seen.totals.volume,
        own=lambda view: _nothing(view) | {"itmt_vol": str(view.seen.totals.volume)},
        kinds=BY_STATUS,
    ),
    "after_hour_balance": Ranking(
        "stck_shrn_iscd data_rank hts_kor_isnm stck_prpr prdy_vrss prdy_vrss_sign prdy_ctrt ovtm_total_askp_rsqn "
        "ovtm_total_bidp_rsqn mkob_otcp_vol mkfa_otcp_vol",
        by=lambda view: int(_waiting(view)["ovtm_total_bidp_rsqn"]),
        sorts={"3": lambda view: int(_waiting(view)["ovtm_total_askp_rsqn"])},
        own=_waiting,
    ),
}
"""By the name of the official function."""
