"""Several indices at once, and the level that the orders of an auction would make."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from simulator.index_levels import INDICES, WHOLE_MARKETS, Index, IndexDay
from simulator.indices import against, index_fields
from simulator.krx.sessions import Session
from simulator.trs.filters import number
from simulator.trs.index_charts import (
    HEAD,
    asked_index,
    daily_chart,
    daily_prices,
    minute_chart,
    tick_prices,
    time_prices,
    today,
    whole_fields,
)
from simulator.trs.words import View
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation

_GROUPS: Final = {"K": ("0001", "2001"), "Q": ("1001",), "K2": ("2001",)}
_CLOSE: Final = "2"
_ROWS: Final = 30
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000


def categories(call: Call) -> Reply:
    """FHPUP02140000: an index, and all indices of its market; the exchange has no indices of industries."""
    shown = whole_fields(call, asked_index(call))
    rows = [_category(call, INDICES[code]) for code in _GROUPS.get(call.values["FID_MRKT_CLS_CODE"], INDICES)]
    return quotation(output1={name: shown[name] for name in HEAD.split()}, output2=rows)


def _category(call: Call, index: Index) -> Fields:
    shown = index_fields(call.simulation.exchange, index, call.at)
    names = (
        "bstp_nmix_prpr",
        "bstp_nmix_prdy_vrss",
        "prdy_vrss_sign",
        "bstp_nmix_prdy_ctrt",
        "acml_vol",
        "acml_tr_pbmn",
    )
    whole = index_fields(call.simulation.exchange, WHOLE_MARKETS[index.market], call.at)
    return {name: shown[name] for name in names} | {
        "bstp_cls_code": index.code,
        "hts_kor_isnm": index.name,
        "acml_vol_rlim": percent(int(shown["acml_vol"]), int(whole["acml_vol"])),
        "acml_tr_pbmn_rlim": percent(int(shown["acml_tr_pbmn"]), int(whole["acml_tr_pbmn"])),
    }


def expected_trend(call: Call) -> Reply:
    """FHPST01840000: the expected level of the opening (FID_MKOP_CLS_CODE 1) or closing auction (2) up to now."""
    day = today(call, asked_index(call))
    first, last = _auction(call, day.session)
    step = timedelta(seconds=max(int(number(call, "FID_INPUT_HOUR_1")), 10))
    matches = _matches(call, day)
    level = day.scaled([price for _, price, _ in matches])
    volume, turnover = sum(shares for *_, shares in matches), sum(price * shares for _, price, shares in matches)
    rows: list[Fields] = []
    at = min(call.at, last)
    while at >= first and len(rows) < _ROWS:
        rows.append(
            {
                "stck_cntg_hour": kst_time(at),
                "bstp_nmix_prpr": f"{level:.2f}",
                **against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", level, day.before),
                "acml_vol": str(volume // _THOUSAND),
                "acml_tr_pbmn": str(turnover // _MILLION),
            }
        )
        at -= step
    return quotation(output=rows)


def _auction(call: Call, session: Session) -> tuple[datetime, datetime]:
    if call.values["FID_MKOP_CLS_CODE"] == _CLOSE:
        return session.auction_at, session.ends_at
    return session.opens_at - timedelta(minutes=30), session.opens_at


def _matches(call: Call, day: IndexDay) -> list[tuple[View, int, int]]:
    """Return each stock with price and shares of the auction that the call names."""
    views = [View.of(call, one.symbol) for one in day.listings]
    closing = call.values["FID_MKOP_CLS_CODE"] == _CLOSE
    return [(view, *view.match(closing=closing)) for view in views]


def expected_totals(call: Call) -> Reply:
    """FHKUP11750000: the expected levels of all indices of a market, with the stocks that would rise and fall."""
    wanted = _GROUPS.get(call.values["FID_MRKT_CLS_CODE"], tuple(INDICES))
    rows = [_expected_row(call, INDICES[code]) for code in wanted]
    chosen = next((row for row in rows if row["bstp_cls_code"] == call.values["FID_INPUT_ISCD"]), rows[0])
    head = ("bstp_nmix_prpr", "bstp_nmix_prdy_vrss", "prdy_vrss_sign", "acml_vol")
    counts = ("ascn_issu_cnt", "down_issu_cnt", "stnr_issu_cnt")
    output = {name: chosen[name] for name in (*head, *counts)} | {"prdy_ctrt": chosen["bstp_nmix_prdy_ctrt"]}
    return quotation(output1=output, output2=rows)


def _expected_row(call: Call, index: Index) -> Fields:
    day = today(call, index)
    matches = _matches(call, day)
    level = day.scaled([price for _, price, _ in matches])
    changes = [price - view.seen.base for view, price, _ in matches]
    ups, downs = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    return {
        "bstp_cls_code": index.code,
        "hts_kor_isnm": index.name,
        "bstp_nmix_prpr": f"{level:.2f}",
        **against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "bstp_nmix_prdy_ctrt", level, day.before),
        "acml_vol": str(sum(shares for *_, shares in matches) // _THOUSAND),
        "nmix_sdpr": f"{day.before:.2f}",
        "ascn_issu_cnt": str(ups),
        "stnr_issu_cnt": str(len(changes) - ups - downs),
        "down_issu_cnt": str(downs),
    }


INDEX_TRS: Final[dict[str, Callable[[Call], Reply]]] = {
    "inquire_index_timeprice": time_prices,
    "inquire_index_tickprice": tick_prices,
    "inquire_index_daily_price": daily_prices,
    "inquire_index_category_price": categories,
    "inquire_daily_indexchartprice": daily_chart,
    "inquire_time_indexchartprice": minute_chart,
    "exp_index_trend": expected_trend,
    "exp_total_index": expected_totals,
}
"""By the name of the official function."""
