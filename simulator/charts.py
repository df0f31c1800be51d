"""Bars: inquire-time-itemchartprice, inquire-daily-itemchartprice and inquire-daily-price."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from domain.clock import KST
from domain.market import Symbol
from domain.session import Session
from simulator.day_path import DaySummary
from simulator.exchange import Exchange, Snapshot, second_of
from simulator.quotes import change_fields, price_fields
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, kst_time, percent, quotation, sign

_MINUTE_ROWS: Final = 30
_DAILY_ROWS: Final = 100
_SHORT_ROWS: Final = 30


def minute_chart(call: Call) -> Reply:
    """FHKST03010200: up to thirty minute bars of today, newest first."""
    symbol = call.values["FID_INPUT_ISCD"]
    if call.simulation.exchange.listing(symbol) is None:
        return quotation(output1={}, output2=[])
    seen = call.simulation.exchange.snapshot(Symbol(symbol), call.at)
    head = change_fields(seen) | {
        "stck_prdy_clpr": str(seen.base),
        "acml_vol": str(seen.totals.volume),
        "acml_tr_pbmn": str(seen.totals.turnover),
        "hts_kor_isnm": seen.listing.name,
        "stck_prpr": str(seen.price),
    }
    return quotation(output1=head, output2=_minute_rows(call, seen))


def _minute_rows(call: Call, seen: Snapshot) -> list[Fields]:
    path = call.simulation.exchange.path(seen.listing.symbol, seen.session)
    asked = _time_today(seen, call.values["FID_INPUT_HOUR_1"])
    if not seen.totals.volume or asked < seen.session.opens_at:
        return []
    last_second = min(second_of(seen.session, min(asked, call.at)), path.minutes * 60 - 1)
    rows = []
    for minute in range(last_second // 60, max(-1, last_second // 60 - _MINUTE_ROWS), -1):
        end = min(minute * 60 + 59, last_second)
        prices = [path.price_at(second) for second in range(minute * 60, end + 1)]
        rows.append(
            {
                "stck_bsop_date": seen.session.date.strftime("%Y%m%d"),
                "stck_cntg_hour": kst_time(seen.session.opens_at + timedelta(minutes=minute)),
                "stck_prpr": str(prices[-1]),
                "stck_oprc": str(prices[0]),
                "stck_hgpr": str(max(prices)),
                "stck_lwpr": str(min(prices)),
                "cntg_vol": str(path.bar(minute).volume * len(prices) // 60),
                "acml_tr_pbmn": str(path.totals_at(end).turnover),
            }
        )
    return rows


def daily_chart(call: Call) -> Reply:
    """FHKST03010100: up to a hundred daily bars between two dates, newest first."""
    exchange = call.simulation.exchange
    symbol = call.values["FID_INPUT_ISCD"]
    if exchange.listing(symbol) is None:
        return quotation(output1={}, output2=[])
    _check_period(call)
    seen = exchange.snapshot(Symbol(symbol), call.at)
    first, last = call.values["FID_INPUT_DATE_1"], call.values["FID_INPUT_DATE_2"]
    rows: list[Fields] = []
    for session, bar, base in _days(exchange, seen):
        day = session.date.strftime("%Y%m%d")
        if day < first or len(rows) == _DAILY_ROWS:
            break
        if day <= last:
            rows.append(_daily_row(day, bar, base))
    return quotation(output1=_daily_head(exchange, seen), output2=rows)


def daily_price(call: Call) -> Reply:
    """FHKST01010400: the last thirty daily bars, newest first."""
    exchange = call.simulation.exchange
    symbol = call.values["FID_INPUT_ISCD"]
    if exchange.listing(symbol) is None:
        return quotation(output=[])
    _check_period(call)
    seen = exchange.snapshot(Symbol(symbol), call.at)
    extra = {
        "prdy_vrss_vol_rate": "0.00",
        "hts_frgn_ehrt": "0.00",
        "frgn_ntby_qty": "0",
        "acml_prtt_rate": "0.00",
    }
    rows: list[Fields] = []
    for session, bar, base in _days(exchange, seen):
        if len(rows) == _SHORT_ROWS:
            break
        row = _daily_row(session.date.strftime("%Y%m%d"), bar, base)
        rows.append(row | extra | {"prdy_ctrt": percent(bar.close_price - base, base)})
    return quotation(output=rows)


def _check_period(call: Call) -> None:
    if call.values["FID_PERIOD_DIV_CODE"] != "D":
        raise GatewayRefusalError(
            "OPSQ2001", "ERROR INVALID FID_PERIOD_DIV_CODE (the simulator has daily bars)", status=200, rt_cd="2"
        )


def _days(exchange: Exchange, seen: Snapshot) -> Iterator[tuple[Session, DaySummary, int]]:
    """Yield sessions backwards with their bars and the close before; today's bar only once it has a trade."""
    symbol = seen.listing.symbol
    position = exchange.sessions.position(seen.session)
    if seen.totals.volume:
        today = seen.totals
        bar = DaySummary(today.open_price, today.high_price, today.low_price, seen.price, today.volume, today.turnover)
        yield seen.session, bar, seen.base
    for earlier in range(position - 1, 0, -1):
        yield (
            exchange.sessions.at(earlier),
            exchange.day(symbol, earlier),
            exchange.tapes[symbol].base_price(earlier),
        )


def _daily_row(day: str, bar: DaySummary, base: int) -> Fields:
    return {
        "stck_bsop_date": day,
        "stck_clpr": str(bar.close_price),
        "stck_oprc": str(bar.open_price),
        "stck_hgpr": str(bar.high_price),
        "stck_lwpr": str(bar.low_price),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.turnover),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": sign(bar.close_price - base),
        "prdy_vrss": str(bar.close_price - base),
        "revl_issu_reas": "",
    }


def _daily_head(exchange: Exchange, seen: Snapshot) -> Fields:
    previous = exchange.previous_day(seen.listing.symbol, seen.session)
    prices = price_fields(seen)
    names = ("stck_prpr", "stck_mxpr", "stck_llam", "stck_oprc", "stck_hgpr", "stck_lwpr")
    return (
        change_fields(seen)
        | {name: prices[name] for name in names}
        | {
            "stck_prdy_clpr": str(seen.base),
            "acml_vol": str(seen.totals.volume),
            "acml_tr_pbmn": str(seen.totals.turnover),
            "hts_kor_isnm": seen.listing.name,
            "stck_shrn_iscd": seen.listing.symbol,
            "prdy_vol": str(previous.volume),
            "stck_prdy_oprc": str(previous.open_price),
            "stck_prdy_hgpr": str(previous.high_price),
            "stck_prdy_lwpr": str(previous.low_price),
            "askp": str(seen.price),
            "bidp": str(seen.price),
            "prdy_vrss_vol": str(seen.totals.volume - previous.volume),
            "vol_tnrt": percent(seen.totals.volume, seen.listing.listed_shares),
            "stck_fcam": "500",
            "lstn_stcn": str(seen.listing.listed_shares),
            "cpfn": "0",
            "hts_avls": str(seen.listing.listed_shares * seen.price // 100_000_000),
            "per": "0.00",
            "eps": "0.00",
            "pbr": "0.00",
            "itewhol_loan_rmnd_ratem": "0.00",
        }
    )


def _time_today(seen: Snapshot, text: str) -> datetime:
    try:
        clock_time = datetime.strptime(text, "%H%M%S").time()  # noqa: DTZ007
    except ValueError as error:
        raise GatewayRefusalError("OPSQ2002", "ERROR INVALID FID_INPUT_HOUR_1", status=200, rt_cd="2") from error
    return datetime.combine(seen.session.date, clock_time, KST)
