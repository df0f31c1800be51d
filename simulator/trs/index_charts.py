"""Indices over time: by the minute, by ten seconds, and by the day."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice, pairwise, takewhile
from typing import Final, NamedTuple

from simulator.charts import PERIODS
from simulator.exchange import second_of
from simulator.index_levels import INDICES, Index, IndexBar, IndexDay
from simulator.indices import against, index_fields
from simulator.krx.sessions import Session
from simulator.trs.filters import number
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, kst_time, percent, quotation

_ROWS: Final = 100
_TICK: Final = 10
_TICK_ROWS: Final = 30
_MINUTE_ROWS: Final = 102
_SAMPLES: Final = (0.0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
_THOUSAND: Final = 1_000
_MILLION: Final = 1_000_000
_MOOD_DAYS: Final = 10
_DISPARITY_DAYS: Final = 20
HEAD: Final = (
    "bstp_nmix_prpr bstp_nmix_prdy_vrss prdy_vrss_sign bstp_nmix_prdy_ctrt acml_vol acml_tr_pbmn bstp_nmix_oprc "
    "bstp_nmix_hgpr bstp_nmix_lwpr prdy_vol ascn_issu_cnt down_issu_cnt stnr_issu_cnt uplm_issu_cnt lslm_issu_cnt "
    "prdy_tr_pbmn dryy_bstp_nmix_hgpr_date dryy_bstp_nmix_hgpr dryy_bstp_nmix_lwpr dryy_bstp_nmix_lwpr_date"
)


class DayBar(NamedTuple):
    """An index on a day or a longer period (points, shares, won), and the close before."""

    date: date
    opened: Decimal
    high: Decimal
    low: Decimal
    closed: Decimal
    volume: int
    turnover: int
    before: Decimal


def asked_index(call: Call) -> Index:
    """Return the index that a call names, or raise KIS's refusal of its input."""
    found = INDICES.get(call.values["FID_INPUT_ISCD"])
    if found is None:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID FID_INPUT_ISCD", status=200, rt_cd="2")
    return found


def today(call: Call, index: Index) -> IndexDay:
    """Return an index on the day on display."""
    exchange = call.simulation.exchange
    return IndexDay(exchange, index, exchange.shown_session(call.at))


def _steps(day: IndexDay, until: datetime, step: int, most: int) -> Iterator[tuple[int, IndexBar]]:
    """Yield the last bars of ``step`` seconds up to an instant, newest first, each with the second it begins at."""
    if until < day.session.opens_at:
        return
    last = min(second_of(day.session, until), day.last_second)
    for first in islice(range(last // step * step, -1, -step), most):
        bar = day.bar(first, min(first + step - 1, last))
        if bar.closed:
            yield first, bar


def time_prices(call: Call) -> Reply:
    """FHPUP02110200: the level every FID_INPUT_HOUR_1 seconds, newest first."""
    return quotation(output=_levels(call, max(int(number(call, "FID_INPUT_HOUR_1")), _TICK), "bsop_hour", _ROWS))


def tick_prices(call: Call) -> Reply:
    """FHPUP02110100: the level every ten seconds, newest first."""
    return quotation(output=_levels(call, _TICK, "stck_cntg_hour", _TICK_ROWS))


def _levels(call: Call, step: int, hour: str, most: int) -> list[Fields]:
    day = today(call, asked_index(call))
    return [
        {hour: kst_time(day.session.opens_at + timedelta(seconds=first))} | _level_fields(bar, day.before)
        for first, bar in _steps(day, call.at, step, most)
    ]


def _level_fields(bar: IndexBar, before: Decimal) -> Fields:
    return {
        "bstp_nmix_prpr": f"{bar.closed:.2f}",
        **against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "bstp_nmix_prdy_ctrt", bar.closed, before),
        "acml_tr_pbmn": str(bar.turnover // _MILLION),
        "acml_vol": str(bar.volume // _THOUSAND),
        "cntg_vol": str(bar.traded // _THOUSAND),
    }


def minute_chart(call: Call) -> Reply:
    """FHKUP03500200: up to 102 bars of FID_INPUT_HOUR_1 seconds, with past data of two sessions."""
    index, exchange = asked_index(call), call.simulation.exchange
    step, day = max(int(number(call, "FID_INPUT_HOUR_1")), _TICK), today(call, index)
    rows = [_chart_row(day.session, first, bar) for first, bar in _steps(day, call.at, step, _MINUTE_ROWS)]
    if call.values["FID_PW_DATA_INCU_YN"] == "Y" and len(rows) < _MINUTE_ROWS and exchange.indices is None:
        earlier = IndexDay(exchange, index, exchange.calendar.session_before(day.session.date))
        steps = _steps(earlier, earlier.session.ends_at, step, _MINUTE_ROWS - len(rows))
        rows += [_chart_row(earlier.session, first, bar) for first, bar in steps]
    return quotation(output1=_chart_head(call, index), output2=rows)


def _chart_row(session: Session, first: int, bar: IndexBar) -> Fields:
    return {
        "stck_bsop_date": f"{session.date:%Y%m%d}",
        "stck_cntg_hour": kst_time(session.opens_at + timedelta(seconds=first)),
        "bstp_nmix_prpr": f"{bar.closed:.2f}",
        "bstp_nmix_oprc": f"{bar.opened:.2f}",
        "bstp_nmix_hgpr": f"{bar.high:.2f}",
        "bstp_nmix_lwpr": f"{bar.low:.2f}",
        "cntg_vol": str(bar.traded // _THOUSAND),
        "acml_tr_pbmn": str(bar.turnover // _MILLION),
    }


def _chart_head(call: Call, index: Index) -> Fields:
    shown = whole_fields(call, index)
    yesterday = next(index_days(call, index, with_today=False), None)
    names = (
        "bstp_nmix_prdy_vrss prdy_vrss_sign bstp_nmix_prdy_ctrt acml_vol acml_tr_pbmn bstp_nmix_prpr prdy_vol "
        "bstp_nmix_oprc bstp_nmix_hgpr bstp_nmix_lwpr"
    )
    return {name: shown[name] for name in names.split()} | {
        "prdy_nmix": f"{today(call, index).before:.2f}",
        "hts_kor_isnm": index.name,
        "bstp_cls_code": index.code,
        "futs_prdy_oprc": f"{yesterday.opened if yesterday else 0:.2f}",
        "futs_prdy_hgpr": f"{yesterday.high if yesterday else 0:.2f}",
        "futs_prdy_lwpr": f"{yesterday.low if yesterday else 0:.2f}",
    }


def daily_chart(call: Call) -> Reply:
    """FHKUP03500100: up to 100 day, week, month or year bars between two dates, newest first."""
    first, last = call.values["FID_INPUT_DATE_1"], call.values["FID_INPUT_DATE_2"]
    index = asked_index(call)
    days = takewhile(lambda day: f"{day.date:%Y%m%d}" >= first, index_days(call, index))
    wanted = (day for day in days if f"{day.date:%Y%m%d}" <= last)
    rows = [_bar_fields(bar) | {"mod_yn": "N"} for bar in islice(_grouped(wanted, _period(call)), _ROWS)]
    return quotation(output1=_chart_head(call, index), output2=rows)


def daily_prices(call: Call) -> Reply:
    """FHPUP02120000: up to 100 day, week or month bars until a date, newest first."""
    last, index = call.values["FID_INPUT_DATE_1"] or "99999999", asked_index(call)
    wanted = (day for day in index_days(call, index) if f"{day.date:%Y%m%d}" <= last)
    bars = list(islice(_grouped(wanted, _period(call)), _ROWS + _DISPARITY_DAYS))
    rows = [_price_row(bars[place : place + _DISPARITY_DAYS]) for place in range(min(_ROWS, len(bars)))]
    shown = whole_fields(call, index)
    return quotation(output1={name: shown[name] for name in HEAD.split()}, output2=rows)


def _price_row(bars: list[DayBar]) -> Fields:
    """Return the newest of these bars; the others give its mood and its disparity."""
    newest = bars[0]
    ups = sum(later.closed > earlier.closed for later, earlier in pairwise(bars[: _MOOD_DAYS + 1]))
    average = sum(bar.closed for bar in bars) / len(bars)
    return day_fields(newest) | {
        "acml_vol_rlim": "100.00",
        "invt_new_psdg": percent(ups, _MOOD_DAYS),
        "d20_dsrt": percent(float(newest.closed), float(average)),
    }


def day_fields(bar: DayBar) -> Fields:
    """Return a bar with its change against the close before."""
    change = against("bstp_nmix_prdy_vrss", "prdy_vrss_sign", "bstp_nmix_prdy_ctrt", bar.closed, bar.before)
    return _bar_fields(bar) | change


def _bar_fields(bar: DayBar) -> Fields:
    return {
        "stck_bsop_date": f"{bar.date:%Y%m%d}",
        "bstp_nmix_prpr": f"{bar.closed:.2f}",
        "bstp_nmix_oprc": f"{bar.opened:.2f}",
        "bstp_nmix_hgpr": f"{bar.high:.2f}",
        "bstp_nmix_lwpr": f"{bar.low:.2f}",
        "acml_vol": str(bar.volume // _THOUSAND),
        "acml_tr_pbmn": str(bar.turnover // _MILLION),
    }


def _period(call: Call) -> Callable[[date], object]:
    try:
        return PERIODS[call.values["FID_PERIOD_DIV_CODE"]]
    except KeyError as error:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID FID_PERIOD_DIV_CODE", status=200, rt_cd="2") from error


def index_days(call: Call, index: Index, *, with_today: bool = True) -> Iterator[DayBar]:
    """Yield days backwards; today once it has a level. A recording has the days of its bars only."""
    exchange, day = call.simulation.exchange, today(call, index)
    shown = whole_fields(call, index) if with_today else {}
    if with_today and Decimal(shown["bstp_nmix_oprc"]):
        opened, high, low, closed = (Decimal(shown[f"bstp_nmix_{name}"]) for name in ("oprc", "hgpr", "lwpr", "prpr"))
        traded = day.traded(second_of(day.session, min(call.at, day.session.ends_at)))
        yield DayBar(day.session.date, opened, high, low, closed, *traded, day.before)
    if exchange.indices is not None:
        return
    for position in range(exchange.sessions.position(day.session) - 1, 0, -1):
        yield _past_day(IndexDay(exchange, index, exchange.sessions.at(position)), position)


def _past_day(day: IndexDay, position: int) -> DayBar:
    tapes = [day.exchange.tapes[one.symbol] for one in day.listings]
    outlines = zip(*(tape.outline(position, _SAMPLES) for tape in tapes), strict=True)
    closed = day.scaled([tape.base_price(position + 1) for tape in tapes])
    levels = [day.scaled(prices) for prices in outlines]
    volumes = [tape.usual_volume(position) for tape in tapes]
    turnover = sum(volume * tape.base_price(position) for volume, tape in zip(volumes, tapes, strict=True))
    high, low = max(*levels, closed), min(*levels, closed)
    return DayBar(day.session.date, levels[0], high, low, closed, sum(volumes), turnover, day.before)


def _grouped(days: Iterator[DayBar], period: Callable[[date], object]) -> Iterator[DayBar]:
    for _, group in groupby(days, key=lambda day: period(day.date)):
        bars = list(group)
        high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
        volume, turnover = sum(bar.volume for bar in bars), sum(bar.turnover for bar in bars)
        newest, oldest = bars[0], bars[-1]
        yield DayBar(newest.date, oldest.opened, high, low, newest.closed, volume, turnover, oldest.before)


def whole_fields(call: Call, index: Index) -> Fields:
    """Return the fields of inquire-index-price with yesterday's trade and the extremes of this year's closes."""
    fields, exchange = index_fields(call.simulation.exchange, index, call.at), call.simulation.exchange
    if exchange.indices is not None or not Decimal(fields["bstp_nmix_prpr"]):
        return fields
    day = today(call, index)
    position = exchange.sessions.position(day.session)
    yesterday = _past_day(IndexDay(exchange, index, exchange.sessions.at(position - 1)), position - 1)
    high, low = (choose(_closes_of_the_year(day, position)) for choose in (max, min))
    return fields | {
        "prdy_vol": str(yesterday.volume // _THOUSAND),
        "prdy_tr_pbmn": str(yesterday.turnover // _MILLION),
        "dryy_bstp_nmix_hgpr": f"{high[0]:.2f}",
        "dryy_bstp_nmix_hgpr_date": f"{high[1]:%Y%m%d}",
        "dryy_bstp_nmix_lwpr": f"{low[0]:.2f}",
        "dryy_bstp_nmix_lwpr_date": f"{low[1]:%Y%m%d}",
    }


def _closes_of_the_year(day: IndexDay, position: int) -> list[tuple[Decimal, date]]:
    """Return the closes of this year's sessions before a day, at least yesterday's, with their dates."""
    sessions, tapes = day.exchange.sessions, [day.exchange.tapes[one.symbol] for one in day.listings]
    earlier = [each for each in range(1, position) if sessions.at(each).date.year == day.session.date.year]
    return [
        (day.scaled([tape.base_price(each + 1) for tape in tapes]), sessions.at(each).date)
        for each in earlier or [position - 1]
    ]
