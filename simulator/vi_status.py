"""inquire-vi-status: stocks with a volatility interruption today."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from simulator.exchange import Snapshot, second_of
from simulator.krx.units import Market, Symbol
from simulator.pauses import Pause, PauseKind
from simulator.wire import Call, Fields, Reply, kst_time, percent, quotation

_MARKETS: Final = {"K": Market.KOSPI, "Q": Market.KOSDAQ}
_SINCE_THE_OPEN: Final = {"0", "3", ""}


def vi_status(call: Call) -> Reply:
    """FHPST01390000: the day's volatility interruptions, newest first."""
    exchange = call.simulation.exchange
    symbol, market = call.values["FID_INPUT_ISCD"], _MARKETS.get(call.values["FID_MRKT_CLS_CODE"])
    rows = []
    for listed, tape in exchange.tapes.items():
        if symbol in ("", "0", listed) and market in (None, tape.listing.market):
            rows += list(_rows(call, listed))
    return quotation(output=sorted(rows, key=lambda row: row["cntg_vi_hour"], reverse=True))


def _rows(call: Call, symbol: Symbol) -> Iterator[Fields]:
    seen = call.simulation.exchange.snapshot(symbol, call.at)
    if not seen.totals.volume:
        return
    second = second_of(seen.session, call.at)
    pauses = call.simulation.exchange.path(symbol, seen.session).pauses_until(second)
    begun = [pause for pause in pauses if pause.start <= second and pause.is_interruption]
    wanted = call.values["FID_RANK_SORT_CLS_CODE"]
    for count, pause in enumerate(begun, 1):
        if wanted in _SINCE_THE_OPEN or pause.kind in (wanted, PauseKind.BOTH):
            yield _row(seen, pause, count, running=second < pause.end)


def _row(seen: Snapshot, pause: Pause, count: int, *, running: bool) -> Fields:
    opens = seen.session.opens_at
    static, dynamic = (pause.kind in (kind, PauseKind.BOTH) for kind in (PauseKind.STATIC, PauseKind.DYNAMIC))
    return {
        "hts_kor_isnm": seen.listing.name,
        "mksc_shrn_iscd": seen.listing.symbol,
        "vi_cls_code": "Y" if running else "N",
        "bsop_date": f"{seen.session.date:%Y%m%d}",
        "cntg_vi_hour": kst_time(opens + timedelta(seconds=pause.start)),
        "vi_cncl_hour": "" if running else kst_time(opens + timedelta(seconds=pause.end)),
        "vi_kind_code": pause.kind.value,
        "vi_prc": str(pause.trigger),
        "vi_stnd_prc": str(pause.static_reference if static else 0),
        "vi_dprt": percent(pause.trigger - pause.static_reference, pause.static_reference) if static else "0.00",
        "vi_dmc_stnd_prc": str(pause.dynamic_reference if dynamic else 0),
        "vi_dmc_dprt": percent(pause.trigger - pause.dynamic_reference, pause.dynamic_reference) if dynamic else "0.00",
        "vi_count": str(count),
    }
