"""More views of one stock: inquire-price-2, today's ticks, investors, brokers and after-hours days."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zlib import crc32

from simulator.charts import PeriodBar, days_of
from simulator.exchange import Snapshot, second_of
from simulator.krx.sessions import KST
from simulator.krx.units import TradingFlag
from simulator.quotes import asked_or_any_stock, blanked, book_of, change_fields, flags_of, price_fields, status_fields
from simulator.trading_hours import single_price_limits
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, kst_time, percent, quotation, sign

_TICK_ROWS: Final = 30
_INVESTOR_DAYS: Final = 30
_SINGLE_PRICE_DAYS: Final = 30
_INVESTORS: Final = ("prsn", "frgn", "orgn")
_BROKERS: Final = (
    ("00050", "키움증권", "N"),
    ("00003", "한국투자증권", "N"),
    ("00005", "미래에셋", "N"),
    ("00036", "모간서울", "Y"),
    ("00033", "JP모간", "Y"),
)
_BROKER_SHARES: Final = (24, 15, 12, 6, 4)
_FOREIGN_BROKERS: Final = (3, 4)


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
    path = call.simulation.exchange.path(seen.listing.symbol, seen.session)
    asked = _time_of(call, seen)
    if not seen.totals.volume or asked < seen.session.opens_at:
        return
    asks, bids = book_of(call, seen)
    last = min(second_of(seen.session, min(asked, call.at)), path.minutes * 60 - 1)
    for second in range(last, -1, -1):
        volume, price = path.volume_in(second), path.price_at(second)
        if volume:
            yield {
                "stck_cntg_hour": kst_time(seen.session.opens_at + timedelta(seconds=second)),
                "stck_pbpr": str(price),
                "prdy_vrss": str(price - seen.base),
                "prdy_vrss_sign": sign(price - seen.base),
                "prdy_ctrt": percent(price - seen.base, seen.base),
                "askp": str(asks[0].price if asks else 0),
                "bidp": str(bids[0].price if bids else 0),
                "tday_rltv": "100.00",
                "acml_vol": str(path.totals_at(second).volume),
                "cnqn": str(volume),
            }


def _time_of(call: Call, seen: Snapshot) -> datetime:
    try:
        clock_time = datetime.strptime(call.values["FID_INPUT_HOUR_1"], "%H%M%S").time()  # noqa: DTZ007
    except ValueError as error:
        raise GatewayRefusalError("OPSQ2002", "ERROR INVALID FID_INPUT_HOUR_1", status=200, rt_cd="2") from error
    return datetime.combine(seen.session.date, clock_time, KST)


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
    bought, sold = (_split(volume, f"{seen.listing.symbol}{day.date}{side}") for side in ("buy", "sell"))
    row = {
        "stck_bsop_date": f"{day.date:%Y%m%d}",
        "stck_clpr": str(day.bar.close_price),
        "prdy_vrss": str(day.bar.close_price - day.base),
        "prdy_vrss_sign": sign(day.bar.close_price - day.base),
    }
    for who, buys, sells in zip(_INVESTORS, bought, sold, strict=True):
        for name, shares in (("ntby_qty", buys - sells), ("shnu_vol", buys), ("seln_vol", sells)):
            row[f"{who}_{name}"] = str(shares) if known else ""
            value_name = name.replace("_qty", "").replace("_vol", "") + "_tr_pbmn"
            row[f"{who}_{value_name}"] = str(int(shares * average) // 1_000_000) if known else ""
    return row


def _split(volume: int, seed: str) -> tuple[int, int, int]:
    chance = crc32(seed.encode()) / 0xFFFFFFFF
    foreigners = int(volume * (0.1 + 0.2 * chance))
    institutions = int(volume * (0.25 - 0.15 * chance))
    return volume - foreigners - institutions, foreigners, institutions


def brokers(call: Call) -> Reply:
    """FHKST01010600: today's five largest selling and buying brokers, with fixed shares of the volume."""
    seen, known = asked_or_any_stock(call)
    volume = seen.totals.volume
    output: Fields = {}
    for side, total in (("seln", "total_seln"), ("shnu", "total_shnu")):
        for place, ((number, name, foreign), share) in enumerate(zip(_BROKERS, _BROKER_SHARES, strict=True), 1):
            output |= {
                f"{side}_mbcr_no{place}": number,
                f"{side}_mbcr_name{place}": name,
                f"{total}_qty{place}": str(volume * share // 100),
                f"{side}_mbcr_rlim{place}": f"{share:.2f}" if volume else "0.00",
                f"{side}_qty_icdc{place}": "0",
                f"{side}_mbcr_glob_yn_{place}": foreign,
            }
        share = sum(_BROKER_SHARES[place] for place in _FOREIGN_BROKERS)
        output |= {
            f"glob_{total}_qty": str(sum(volume * _BROKER_SHARES[place] // 100 for place in _FOREIGN_BROKERS)),
            f"glob_{side}_rlim": f"{share:.2f}" if volume else "0.00",
            f"glob_{total}_qty_icdc": "0",
        }
    output["glob_ntby_qty"] = "0"
    return quotation(output=_shown(output, known=known))


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
