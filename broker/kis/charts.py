"""Past bars from KIS: a session's minutes, and daily bars as traded."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from broker.kis.base_price import base_from_change
from broker.kis.calls import Call
from broker.kis.fields import read
from broker.kis.queries import KisQueries, Query
from broker.kis.quote_messages import DailyChartRow, MinuteRow
from broker.kis.rows import Source, rows_of
from broker.kis.translation import day_of
from domain.bar import DailyBar, MinuteBar
from domain.clock import in_seoul
from domain.errors import BrokerProtocolError
from domain.lane import Lane
from domain.market import Symbol
from domain.session import Session
from domain.unreadable import AccountList, Rows

_MINUTES: Final = Source(Call.PAST_MINUTES, AccountList.QUOTES, "output2", "stck_shrn_iscd")
_DAYS: Final = Source(Call.DAILY_BARS, AccountList.QUOTES, "output2", "stck_shrn_iscd")
_MOST_PAGES: Final = 20
_AS_TRADED: Final = "1"
_GREATEST_PRICE: Final = 10**9
Row = TypeVar("Row")
Bar = TypeVar("Bar", MinuteBar, DailyBar)


class KisCharts:
    """Charts of one KIS service. A day with a row that cannot be read is refused as a whole."""

    def __init__(self, client: KisQueries, lane: Lane = Lane.SCAN) -> None:
        self._client = client
        self._lane = lane

    async def minute_bars(self, symbol: Symbol, session: Session) -> list[MinuteBar]:
        """Return the minutes of a past session that have trades (FHKST03010230); none if KIS does not keep them.

        Raises:
            BrokerProtocolError: a row cannot be read.
        """
        until, rows = in_seoul(session.ends_at), dict[str, MinuteRow]()
        for _ in range(_MOST_PAGES):
            page = await self._minutes_until(symbol, until)
            new = [row for row in page if row.stck_bsop_date == f"{session.date:%Y%m%d}"]  # a holiday shows another day
            if not new or rows.keys() >= {row.stck_cntg_hour for row in new}:
                break
            rows |= {row.stck_cntg_hour: row for row in new}
            oldest = min(rows)
            until = until.replace(hour=int(oldest[:2]), minute=int(oldest[2:4]), second=0) - timedelta(minutes=1)
            if until < in_seoul(session.opens_at):
                break
        return _sensible(_minute_bars([rows[at] for at in sorted(rows)]))

    async def daily_bars(self, symbol: Symbol, first: date, last: date) -> list[DailyBar]:
        """Return the daily bars between two dates, both included, not adjusted (FHKST03010100).

        Raises:
            BrokerProtocolError: a row cannot be read.
        """
        bars: dict[date, DailyBar] = {}
        while first <= last:
            page = await self._days(symbol, first, last)
            new = {bar.date: bar for bar in page if first <= bar.date <= last}
            if not new:
                break
            bars |= new
            last = min(new) - timedelta(days=1)
        return _sensible([bars[day] for day in sorted(bars)])

    async def _minutes_until(self, symbol: Symbol, until: datetime) -> Rows[MinuteRow]:
        query = Query(
            Call.PAST_MINUTES,
            {
                "FID_COND_MRKT_DIV_CODE": "J",
                "FID_INPUT_ISCD": symbol,
                "FID_INPUT_HOUR_1": f"{until:%H%M%S}",
                "FID_INPUT_DATE_1": f"{until:%Y%m%d}",
                "FID_PW_DATA_INCU_YN": "N",
                "FID_FAKE_TICK_INCU_YN": "",
            },
        )
        envelope = await self._client.ask(query, self._lane)
        return _whole(await rows_of(_MINUTES, [envelope], lambda row: read(Call.PAST_MINUTES, MinuteRow, row)))

    async def _days(self, symbol: Symbol, first: date, last: date) -> list[DailyBar]:
        query = Query(
            Call.DAILY_BARS,
            {
                "FID_COND_MRKT_DIV_CODE": "J",
                "FID_INPUT_ISCD": symbol,
                "FID_INPUT_DATE_1": f"{first:%Y%m%d}",
                "FID_INPUT_DATE_2": f"{last:%Y%m%d}",
                "FID_PERIOD_DIV_CODE": "D",
                "FID_ORG_ADJ_PRC": _AS_TRADED,
            },
        )
        envelope = await self._client.ask(query, self._lane)
        rows = _whole(await rows_of(_DAYS, [envelope], lambda row: read(Call.DAILY_BARS, DailyChartRow, row)))
        return [_daily_bar(row) for row in rows if row.stck_bsop_date and row.acml_vol]


def _whole(rows: Rows[Row]) -> Rows[Row]:
    if rows.unreadable:
        first = rows.unreadable[0]
        raise BrokerProtocolError(f"{len(rows.unreadable)} rows of a chart cannot be read: {first.field}: {first.why}")
    return rows


def _sensible(bars: list[Bar]) -> list[Bar]:
    """Return the bars if each could have traded.

    Raises:
        BrokerProtocolError: a price is zero, absurd, or outside its bar's range.
    """
    for bar in bars:
        least, most = min(bar.open, bar.close), max(bar.open, bar.close)
        if not 0 < bar.low <= least <= most <= bar.high <= _GREATEST_PRICE:
            raise BrokerProtocolError("a chart has a bar whose prices contradict each other")
    return bars


def _minute_bars(rows: Sequence[MinuteRow]) -> list[MinuteBar]:
    """Return bars with the value of each minute: KIS gives the day's value so far."""
    before = [0, *(row.acml_tr_pbmn for row in rows)]
    return [
        MinuteBar(
            int(row.stck_cntg_hour[:2]) * 60 + int(row.stck_cntg_hour[2:4]),
            *(row.stck_oprc, row.stck_hgpr, row.stck_lwpr, row.stck_prpr, row.cntg_vol),
            value=after - earlier if after > earlier else None,
        )
        for row, (earlier, after) in zip(rows, pairwise(before), strict=True)
        if row.cntg_vol
    ]


def _daily_bar(row: DailyChartRow) -> DailyBar:
    base = base_from_change(row.stck_clpr, row.prdy_vrss, row.prdy_vrss_sign)
    return DailyBar(
        day_of(row.stck_bsop_date, Call.DAILY_BARS, "stck_bsop_date"),
        *(row.stck_oprc, row.stck_hgpr, row.stck_lwpr, row.stck_clpr, row.acml_vol),
        value=row.acml_tr_pbmn or None,
        base=base or None,
    )
