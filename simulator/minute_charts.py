"""Minute bars of today and past days: inquire-time-itemchartprice and inquire-time-dailychartprice."""

from datetime import datetime, timedelta
from typing import Final

from simulator.day_path import DayPath
from simulator.exchange import Exchange, Snapshot, second_of
from simulator.krx.sessions import KST, Session
from simulator.quotes import asked_stock, change_fields
from simulator.venues import Division
from simulator.wire import Call, Fields, GatewayRefusalError, Reply, kst_time, quotation

_MINUTE: Final = 60
_ROWS: Final = 30
_PAST_ROWS: Final = 120
_KEPT_DAYS: Final = 365


def minute_chart(call: Call) -> Reply:
    """FHKST03010200: up to 30 minute bars of today, newest first. Future minutes show the last price."""
    seen, exchange = asked_stock(call), call.simulation.exchange
    if seen is None:
        return quotation(output1={}, output2=[])
    rows: list[Fields] = []
    if seen.totals.volume:
        asked = asked_time(call, seen.session)
        rows = _future_rows(seen, asked)
        path = exchange.path(seen.listing.symbol, seen.session)
        rows += _on(seen.division, _rows_until(path, seen.session, (asked, call.at)))
    rows = rows[:_ROWS]
    return quotation(output1=_head(seen), output2=rows)


def past_minute_chart(call: Call) -> Reply:
    """FHKST03010230: up to 120 minute bars up to a moment, one year back. A closed day shows the previous session."""
    seen, exchange = asked_stock(call), call.simulation.exchange
    if seen is None:
        return quotation(output1={}, output2=[])
    session = _asked_session(call, exchange)
    until = asked_time(call, session) if session else call.at
    rows: list[Fields] = []
    while session is not None and len(rows) < _PAST_ROWS:
        path = exchange.path(seen.listing.symbol, session)
        rows += _on(seen.division, _rows_until(path, session, (until, call.at), _PAST_ROWS - len(rows)))
        earlier = call.values["FID_PW_DATA_INCU_YN"] == "Y"
        session = _session_before(call, exchange, session) if earlier else None
        until = session.ends_at if session else until
    return quotation(output1=_head(seen), output2=rows)


def _on(division: Division, rows: list[Fields]) -> list[Fields]:
    """Return KRX's bars with the volume and turnover of a division."""
    names = ("cntg_vol", "acml_tr_pbmn")
    return [row | {name: str(division.shares(int(row[name]))) for name in names} for row in rows]


def _head(seen: Snapshot) -> Fields:
    return change_fields(seen) | {
        "stck_prdy_clpr": str(seen.raw_close),
        "acml_vol": str(seen.totals.volume),
        "acml_tr_pbmn": str(seen.totals.turnover),
        "hts_kor_isnm": seen.listing.name,
        "stck_prpr": str(seen.price),
    }


def _rows_until(path: DayPath, session: Session, ends: tuple[datetime, datetime], most: int = _ROWS) -> list[Fields]:
    """Return bars backwards from the minute asked for, or from now: ``ends``. Only the running minute is incomplete.

    The closing auction has a bar of its own at the end of the session.
    """
    asked, now = ends
    until = min(asked, now)
    rows: list[Fields] = []
    if until >= session.ends_at and path.closing_volume:
        whole = path.whole_day()
        rows.append(
            {
                "stck_bsop_date": f"{session.date:%Y%m%d}",
                "stck_cntg_hour": kst_time(session.ends_at),
                **dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), str(path.close_price)),
                "cntg_vol": str(path.closing_volume),
                "acml_tr_pbmn": str(whole.turnover),
            }
        )
    whole_minute = second_of(session, asked) // _MINUTE * _MINUTE + _MINUTE - 1
    last = min(whole_minute, second_of(session, now)) if until >= session.opens_at else -1
    return rows + _rows(path, session, last, most - len(rows))


def _rows(path: DayPath, session: Session, last_second: int, most: int) -> list[Fields]:
    """Return bars backwards from the minute of a second; none before the open (-1)."""
    last_second = min(last_second, path.minutes * 60 - 1)
    rows: list[Fields] = []
    for minute in range(last_second // 60, max(-1, last_second // 60 - most), -1):
        end = min(minute * 60 + 59, last_second)
        prices = [path.price_at(second) for second in range(minute * 60, end + 1)]
        volume = path.bar(minute).volume * len(prices) // 60
        if not volume and not rows and minute and len(prices) < _MINUTE:
            volume = path.bar(minute - 1).volume  # KIS shows the previous minute until the new one has a trade
        rows.append(
            {
                "stck_bsop_date": f"{session.date:%Y%m%d}",
                "stck_cntg_hour": kst_time(session.opens_at + timedelta(minutes=minute)),
                "stck_prpr": str(prices[-1]),
                "stck_oprc": str(prices[0]),
                "stck_hgpr": str(max(prices)),
                "stck_lwpr": str(min(prices)),
                "cntg_vol": str(volume),
                "acml_tr_pbmn": str(path.totals_at(end).turnover),
            }
        )
    return rows


def _future_rows(seen: Snapshot, asked: datetime) -> list[Fields]:
    """Return the placeholder bars that KIS sends for future minutes."""
    now = seen.at.replace(second=0, microsecond=0)
    ends = min(asked, seen.session.auction_at - timedelta(minutes=1)).replace(second=0)
    count = min(_ROWS, max(0, int((ends - now).total_seconds()) // 60))
    price = str(seen.price)
    return [
        {
            "stck_bsop_date": f"{seen.session.date:%Y%m%d}",
            "stck_cntg_hour": kst_time(ends - timedelta(minutes=back)),
            **dict.fromkeys(("stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"), price),
            "cntg_vol": "0",
            "acml_tr_pbmn": str(seen.totals.turnover),
        }
        for back in range(count)
    ]


def _asked_session(call: Call, exchange: Exchange) -> Session | None:
    try:
        day = datetime.strptime(call.values["FID_INPUT_DATE_1"], "%Y%m%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise GatewayRefusalError("OPSQ2001", "ERROR INVALID FID_INPUT_DATE_1", status=200, rt_cd="2") from error
    shown = exchange.shown_session(call.at)
    session = exchange.calendar.session_on(min(day, shown.date)) or exchange.calendar.session_before(day)
    return session if _is_kept(call, exchange, session) else None


def _session_before(call: Call, exchange: Exchange, session: Session) -> Session | None:
    earlier = exchange.calendar.session_before(session.date)
    return earlier if _is_kept(call, exchange, earlier) else None


def _is_kept(call: Call, exchange: Exchange, session: Session) -> bool:
    age = exchange.shown_session(call.at).date - session.date
    return age < timedelta(days=_KEPT_DAYS) and session.date >= exchange.sessions.at(1).date


def asked_time(call: Call, session: Session) -> datetime:
    """Return the time of a session's day that FID_INPUT_HOUR_1 names; a blank means the time it is now."""
    try:
        text = call.values["FID_INPUT_HOUR_1"].strip() or kst_time(call.at)
        clock_time = datetime.strptime(text, "%H%M%S").time()  # noqa: DTZ007
    except ValueError as error:
        raise GatewayRefusalError("OPSQ2002", "ERROR INVALID FID_INPUT_HOUR_1", status=200, rt_cd="2") from error
    return datetime.combine(session.date, clock_time, KST)
