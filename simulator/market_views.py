"""More views of one stock: inquire-price-2, today's ticks, investors, brokers and after-hours days."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Final

from simulator.charts import PeriodBar, days_of
from simulator.day_path import DayPath
from simulator.exchange import Snapshot, second_of
from simulator.flows import INVESTORS, Broker, Flow, brokers_of, flow_fields, flows_of, foreign_of
from simulator.krx.units import TradingFlag
from simulator.minute_charts import asked_time
from simulator.pressure import pressure_on
from simulator.quotes import (
    asked_or_any_stock,
    asked_stock,
    blanked,
    change_fields,
    flags_of,
    price_fields,
    status_fields,
)
from simulator.trading_hours import single_price_limits
from simulator.trs.words import View, row
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation, sign

_TICK_ROWS: Final = 30
_RECENT_TRADES: Final = 30
_INVESTOR_DAYS: Final = 30
_SINGLE_PRICE_DAYS: Final = 30
_FLOWS: Final = " ".join(
    f"{who}_{name}"
    for who in INVESTORS
    for name in ("ntby_qty", "ntby_tr_pbmn", "shnu_vol", "shnu_tr_pbmn", "seln_vol", "seln_tr_pbmn")
)


def _shown(output: Fields, *, known: bool) -> Fields:
    return output if known else blanked(output)


def inquire_price_2(call: Call) -> Reply:
    """FHPST01010000: the price with status texts."""
    seen, known = asked_or_any_stock(call)
    prices, status = price_fields(seen), status_fields(seen)
    totals, flags = seen.totals, flags_of(seen)
    at_limit = {seen.limits.upper: "1", seen.limits.lower: "4"}.get(seen.price, "")
    previous = call.simulation.exchange.previous_day(seen.listing.symbol, seen.session)
    shared = (
        *("new_hgpr_lwpr_cls_code", "crdt_able_yn", "elw_pblc_yn", "marg_rate", "short_over_yn", "invt_caful_yn"),
        *("vi_cls_code", "oprc_rang_cont_yn", "sltr_yn"),
    )
    output = (
        change_fields(seen)
        | {name: status[name] for name in shared}
        | {name: prices[name] for name in ("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_sdpr")}
        | {"stck_mxpr": prices["stck_mxpr"], "stck_llam": prices["stck_llam"]}
        | _against("hgpr", seen.price, totals.high_price, seen.base)
        | _against("lwpr", seen.price, totals.low_price, seen.base)
        | _against("oprc", seen.price, totals.open_price, seen.base)
        | {
            "rprs_mrkt_kor_name": seen.listing.board,
            "mxpr_llam_cls_code": at_limit,
            "crdt_rate": "0.00",
            "mang_issu_yn": status["mang_issu_cls_code"],
            "divi_app_cls_code": "",
            "mrkt_warn_cls_code": status["mrkt_warn_cls_code"],
            "stange_runup_yn": "N",
            "ssts_hot_yn": "N",
            "low_current_yn": "N",
            "short_over_cls_code": "1" if TradingFlag.OVERHEATED in flags else "",
            "new_lstn_cls_name": "",
            "vlnt_deal_cls_name": "",
            "flng_cls_name": "",
            "revl_issu_reas_name": "",
            "mrkt_warn_cls_name": "투자경고" if TradingFlag.WARNED in flags else "",
            "bstp_cls_code": "0027",
            "stck_prdy_clpr": str(seen.raw_close),
            "insn_pbnt_yn": "N",
            "fcam_mod_cls_name": "",
            "acml_tr_pbmn": str(totals.turnover),
            "acml_vol": str(totals.volume),
            "prdy_vrss_vol_rate": percent(totals.volume, previous.volume),
            "bstp_kor_isnm": "제조업",
            "trht_yn": status["temp_stop_yn"],
            "vlnt_fin_cls_code": "",
            "prdy_vol": str(previous.volume),
        }
    )
    return quotation(output=_shown(output, known=known))


def _against(name: str, price: int, other: int, base: int) -> Fields:
    difference = price - other if other else 0
    return {
        f"{name}_vrss_prpr": str(difference),
        f"{name}_vrss_prpr_sign": sign(difference),
        f"prdy_clpr_vrss_{name}_rate": percent(other - base if other else 0, base),
    }


def recent_trades(call: Call) -> Reply:
    """FHKST01010300: the last 30 seconds with trades, newest first."""
    seen = asked_stock(call)
    if seen is None:
        return quotation(output=[])
    path = call.simulation.exchange.path(seen.listing.symbol, seen.session)
    last = min(second_of(seen.session, call.at), path.minutes * 60 - 1)
    rows: list[Fields] = []
    for second in range(last, max(-1, last - 10 * _RECENT_TRADES), -1):
        if path.volume_in(second) and len(rows) < _RECENT_TRADES and seen.totals.volume:
            rows.append(_trade_row(seen, second, path))
    return quotation(output=rows)


def _trade_row(seen: Snapshot, second: int, path: DayPath) -> Fields:
    price = path.price_at(second)
    return {
        "stck_cntg_hour": kst_time(seen.session.opens_at + timedelta(seconds=second)),
        "stck_prpr": str(price),
        "prdy_vrss": str(price - seen.base),
        "prdy_vrss_sign": sign(price - seen.base),
        "cntg_vol": str(seen.division.shares(path.volume_in(second))),
        "tday_rltv": f"{pressure_on(path, path.totals_at(second).volume, second).strength:.2f}",
        "prdy_ctrt": percent(price - seen.base, seen.base),
    }


def item_conclusion(call: Call) -> Reply:
    """FHPST01060000: the last 30 seconds with trades up to a time of the day, newest first."""
    seen, known = asked_or_any_stock(call)
    previous = call.simulation.exchange.previous_day(seen.listing.symbol, seen.session)
    head = change_fields(seen) | {
        "stck_prpr": str(seen.price),
        "acml_vol": str(seen.totals.volume),
        "prdy_vol": str(previous.volume),
        "rprs_mrkt_kor_name": seen.listing.board,
    }
    rows = list(islice(_ticks(call, seen), _TICK_ROWS)) if known else []
    return quotation(output1=_shown(head, known=known), output2=rows)


def _ticks(call: Call, seen: Snapshot) -> Iterator[Fields]:
    exchange, symbol = call.simulation.exchange, seen.listing.symbol
    path = exchange.path(symbol, seen.session)
    asked = asked_time(call, seen.session)
    if not seen.totals.volume or asked < seen.session.opens_at:
        return
    last = min(second_of(seen.session, min(asked, call.at)), path.minutes * 60 - 1)
    for second in range(last, -1, -1):
        if not path.volume_in(second):
            continue
        at = seen.session.opens_at + timedelta(seconds=second)
        then = View(call, exchange.snapshot(symbol, at).on(seen.division))
        yield row(then, "prdy_vrss prdy_vrss_sign prdy_ctrt askp bidp tday_rltv acml_vol stck_prpr") | {
            "stck_cntg_hour": kst_time(at),
            "stck_pbpr": str(then.seen.price),
            "cnqn": str(seen.division.shares(path.volume_in(second))),
        }


def investors(call: Call) -> Reply:
    """FHKST01010900: purchases and sales by investor group over 30 days. Today's figures appear after the close."""
    seen, known = asked_or_any_stock(call)
    days = islice(days_of(call.simulation.exchange, seen), _INVESTOR_DAYS) if known else ()
    return quotation(output=[_investor_row(seen, day) for day in days])


def _investor_row(seen: Snapshot, day: PeriodBar) -> Fields:
    """Return one day. Individuals take the rest after foreigners and institutions, so purchases equal sales."""
    known = day.date != seen.session.date or seen.at >= seen.session.ends_at
    volume = day.bar.volume if known else 0
    average = day.bar.turnover / day.bar.volume if day.bar.volume else 0
    flows = flows_of(seen.listing.symbol, day.date, volume)
    fields = {
        "stck_bsop_date": f"{day.date:%Y%m%d}",
        "stck_clpr": str(day.bar.close_price),
        "prdy_vrss": str(day.bar.close_price - day.base),
        "prdy_vrss_sign": sign(day.bar.close_price - day.base),
    }
    return fields | {name: value if known else "" for name, value in flow_fields(_FLOWS, flows, average).items()}


def brokers(call: Call) -> Reply:
    """FHKST01010600: today's five largest selling and buying brokers, as a list of one row."""
    seen, known = asked_or_any_stock(call)
    output = broker_fields(brokers_of(seen.listing.symbol, seen.session.date, seen.totals.volume), seen.totals.volume)
    return quotation(output=[_shown(output, known=known)])


def broker_fields(brokers: list[tuple[Broker, Flow]], volume: int) -> Fields:
    """Return the five largest selling and buying brokers of a volume, the largest first."""
    foreign = foreign_of(brokers)
    output: Fields = {"glob_ntby_qty": str(foreign.net)}
    sides: tuple[tuple[str, str, Callable[[Flow], int]], ...] = (
        ("seln", "total_seln", lambda flow: flow.sold),
        ("shnu", "total_shnu", lambda flow: flow.bought),
    )
    for side, total, of in sides:
        ranked = sorted(brokers, key=lambda each: of(each[1]), reverse=True)
        for place, (broker, flow) in enumerate(ranked, 1):
            output |= {
                f"{side}_mbcr_no{place}": broker.number,
                f"{side}_mbcr_name{place}": broker.name,
                f"{total}_qty{place}": str(of(flow)),
                f"{side}_mbcr_rlim{place}": percent(of(flow), volume),
                f"{side}_qty_icdc{place}": "0",
                f"{side}_mbcr_glob_yn_{place}": "Y" if broker.is_foreign else "N",
            }
        output |= {
            f"glob_{total}_qty": str(of(foreign)),
            f"glob_{side}_rlim": percent(of(foreign), volume),
            f"glob_{total}_qty_icdc": "0",
        }
    return output


def daily_overtime_price(call: Call) -> Reply:
    """FHPST02320000: the after-hours single-price session. It has no trades here, so its prices are the closes."""
    seen, known = asked_or_any_stock(call)
    exchange = call.simulation.exchange
    closed = [day for day in islice(days_of(exchange, seen), _SINGLE_PRICE_DAYS + 1) if _is_over(seen, day)]
    close = closed[0].bar.close_price
    lower, upper = single_price_limits(close, seen.limits.grid)
    head = {
        "ovtm_untp_prpr": str(close),
        "ovtm_untp_mxpr": str(upper),
        "ovtm_untp_llam": str(lower),
        **dict.fromkeys(("ovtm_untp_oprc", "ovtm_untp_hgpr", "ovtm_untp_lwpr", "ovtm_untp_antc_cnpr"), "0"),
        **dict.fromkeys(("ovtm_untp_prdy_vrss", "ovtm_untp_vol", "ovtm_untp_tr_pbmn"), "0"),
        **dict.fromkeys(("ovtm_untp_antc_cntg_vrss", "ovtm_untp_antc_vol"), "0"),
        **dict.fromkeys(("ovtm_untp_prdy_vrss_sign", "ovtm_untp_antc_cntg_vrss_sign"), "3"),
        **dict.fromkeys(("ovtm_untp_prdy_ctrt", "ovtm_untp_antc_cntg_ctrt"), "0.00"),
    }
    rows = [_overtime_row(day) for day in closed[:_SINGLE_PRICE_DAYS]] if known else []
    return quotation(output1=_shown(head, known=known), output2=rows)


def _is_over(seen: Snapshot, day: PeriodBar) -> bool:
    return day.date != seen.session.date or seen.at >= seen.session.ends_at


def _overtime_row(day: PeriodBar) -> Fields:
    change = day.bar.close_price - day.base
    return {
        "stck_bsop_date": f"{day.date:%Y%m%d}",
        "ovtm_untp_prpr": str(day.bar.close_price),
        "ovtm_untp_prdy_vrss": "0",
        "ovtm_untp_prdy_vrss_sign": "3",
        "ovtm_untp_prdy_ctrt": "0.00",
        "ovtm_untp_vol": "0",
        "stck_clpr": str(day.bar.close_price),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": sign(change),
        "prdy_ctrt": percent(change, day.base),
        "acml_vol": str(day.bar.volume),
        "ovtm_untp_tr_pbmn": "0",
    }
