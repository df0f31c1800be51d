"""Market data from KIS: quotes, books, flags, previous bars, rankings and session days."""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Final

from broker.kis.calls import Call
from broker.kis.capabilities import CAPABILITIES, MOST_SYMBOLS
from broker.kis.envelope import Envelope, Payload
from broker.kis.fields import FieldError, read, read_partly
from broker.kis.queries import KisQueries, Query
from broker.kis.quote_messages import (
    BookRow,
    DailyBar,
    DailyHead,
    DatedBar,
    HolidayRow,
    IndexRow,
    LastPrice,
    ManyPricesRow,
    PricedCode,
    PriceRow,
    RankRow,
    StatusRow,
    WholeBar,
)
from broker.kis.readings import ReadingLog
from broker.kis.rows import Source, rows_of
from broker.kis.translation import (
    board_of,
    book_levels,
    daily_reference,
    day_of,
    flags_of,
    index_of,
    quote_of_many,
    quote_of_one,
)
from domain.errors import BrokerProtocolError, BrokerRefusedError
from domain.lane import Lane
from domain.market import DailyReference, IndexLevel, InstrumentStatus, Market, OrderBook, Quote, Symbol
from domain.session import SessionDate, session_date_of
from domain.unreadable import AccountList, Rows, UnreadableRow

logger = logging.getLogger("haru.broker")

_KRX: Final = "J"
_PRICES: Final = Source(Call.PRICES, AccountList.QUOTES, "output", "inter_shrn_iscd")
_RANKS: Final = Source(Call.VOLUME_RANK, AccountList.QUOTES, "output", "mksc_shrn_iscd")
_BARS: Final = Source(Call.DAILY_BARS, AccountList.QUOTES, "output2", "stck_shrn_iscd")
_DAYS: Final = Source(Call.HOLIDAY, AccountList.QUOTES, "output", "bass_dt")
_LONGEST_BREAK: Final = timedelta(days=21)
_STOCK_CODE_LENGTH: Final = 6

_INDICES: Final = {Market.KOSPI: "0001", Market.KOSDAQ: "1001"}
_RANKING: Final = {
    "FID_COND_MRKT_DIV_CODE": _KRX,
    "FID_COND_SCR_DIV_CODE": "20171",
    "FID_INPUT_ISCD": "0000",
    "FID_DIV_CLS_CODE": "1",
    "FID_BLNG_CLS_CODE": "3",
    "FID_TRGT_CLS_CODE": "111111111",
    "FID_TRGT_EXLS_CLS_CODE": "1111111101",
    "FID_INPUT_PRICE_1": "",
    "FID_INPUT_PRICE_2": "",
    "FID_VOL_CNT": "",
    "FID_INPUT_DATE_1": "",
}
"""Common stocks by traded value; every possible exclusion is set, except stocks without credit."""


class KisQuotes:
    """Quotations of one KIS service."""

    def __init__(self, client: KisQueries, clock: Callable[[], datetime], readings: ReadingLog) -> None:
        self._client = client
        self._readings = readings
        self._clock = clock
        self._capabilities = CAPABILITIES[client.connection.environment]
        self._session_days: dict[date, bool] = {}
        self._asked_on: SessionDate | None = None

    @property
    def most_stocks_per_scan(self) -> int | None:
        return self._capabilities.most_stocks_per_scan

    @property
    def stocks_per_call(self) -> int:
        return MOST_SYMBOLS if self._capabilities.many_prices else 1

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        """Return quotes of the stocks that have a price; an unreadable quote does not affect the others."""
        wanted = list(dict.fromkeys(symbols))
        found: list[Quote] = []
        if self._capabilities.many_prices:
            for start in range(0, len(wanted), MOST_SYMBOLS):
                found += await self._many_or_each(wanted[start : start + MOST_SYMBOLS], lane)
        else:
            found = list(await self._each(wanted, lane))
        return {quote.symbol: quote for quote in found if quote.price > 0}

    async def instrument_status(self, symbol: Symbol, lane: Lane) -> InstrumentStatus:
        """Return the board and the exclusion flags (FHKST01010100).

        Raises:
            BrokerRefusedError: KIS does not know the stock, or it is on a board that Haru does not trade.
        """
        payload = _known(symbol, await self._client.ask(_about(Call.PRICE, symbol), lane), Call.PRICE, "output")
        if not read(Call.PRICE, LastPrice, payload).is_known:
            raise _unknown(symbol)
        row = read(Call.PRICE, StatusRow, payload)
        return InstrumentStatus(symbol, board_of(symbol, row), flags_of(row))

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:
        """Return the last session's bar before a date, adjusted, and today's limits (FHKST03010100).

        Raises:
            BrokerRefusedError: KIS does not know the stock, or that bar cannot be read; another bar would be a guess.
        """
        query = _about(
            Call.DAILY_BARS,
            symbol,
            FID_INPUT_DATE_1=_compact(session_date - _LONGEST_BREAK),
            FID_INPUT_DATE_2=_compact(session_date),
            FID_PERIOD_DIV_CODE="D",
            FID_ORG_ADJ_PRC="0",
        )
        envelope = await self._client.ask(query, lane)
        head, _ = read_partly(Call.DAILY_BARS, DailyHead, _known(symbol, envelope, Call.DAILY_BARS, "output1"))
        dated = await rows_of(_BARS, [envelope], lambda row: (read(Call.DAILY_BARS, DatedBar, row).stck_bsop_date, row))
        earlier = [(day, row) for day, row in dated if day < _compact(session_date)]
        if dated.unreadable:
            raise BrokerRefusedError("NO_REFERENCE", f"{symbol} has a daily bar without a date that can be read")
        earlier.sort(key=itemgetter(0))
        bar = _bar(symbol, earlier[-1][1]) if earlier else None
        return daily_reference(symbol, head, bar, _readable_bars([row for _, row in earlier]))

    async def volume_leaders(self, count: int, lane: Lane) -> tuple[Symbol, ...]:
        """Return common stocks by traded value, without ETF, ETN, SPAC and warned ones (FHPST01710000)."""
        if not self._capabilities.ranking or count <= 0:
            return ()
        envelope = await self._client.ask(Query(Call.VOLUME_RANK, _RANKING), lane)
        rows = await rows_of(_RANKS, [envelope], lambda row: read(Call.VOLUME_RANK, RankRow, row))
        codes = dict.fromkeys(row.mksc_shrn_iscd for row in rows if len(row.mksc_shrn_iscd) == _STOCK_CODE_LENGTH)
        return tuple(Symbol(code) for code in list(codes)[:count])

    async def order_book(self, symbol: Symbol, lane: Lane) -> OrderBook:
        """Return ten levels of each side; empty levels are left out (FHKST01010200)."""
        envelope = await self._client.ask(_about(Call.ORDER_BOOK, symbol), lane)
        row = read(Call.ORDER_BOOK, BookRow, _known(symbol, envelope, Call.ORDER_BOOK, "output1"))
        return OrderBook(symbol, asks=book_levels(row.asks), bids=book_levels(row.bids))

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:
        """Return the level of an index (FHPUP02100000); None on paper.

        Raises:
            BrokerRefusedError: KIS shows no level.
        """
        if not self._capabilities.indices:
            return None
        query = Query(Call.INDEX, {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": _INDICES[market]})
        rows = (await self._client.ask(query, lane)).rows(Call.INDEX, "output")
        row = read(Call.INDEX, IndexRow, rows[0]) if rows else None
        if row is None or not row.bstp_nmix_prpr:
            raise BrokerRefusedError("NO_INDEX", f"KIS shows no level of {market.name}")
        return index_of(market, row, self._clock())

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        """Return ``opnd_yn`` of a KST date (CTCA0903R); KIS is queried once a day, as it requires."""
        if not self._capabilities.holidays:
            return None
        today = session_date_of(self._clock())
        if self._asked_on != today or day not in self._session_days:
            self._session_days = await self._days_from(day, lane)
            self._asked_on = today
        if day not in self._session_days:
            raise BrokerProtocolError(f"{Call.HOLIDAY.label}: {day} is missing")
        return self._session_days[day]

    async def _days_from(self, day: date, lane: Lane) -> dict[date, bool]:
        parameters = {"BASS_DT": _compact(day), "CTX_AREA_NK": "", "CTX_AREA_FK": ""}
        envelope = await self._client.ask(Query(Call.HOLIDAY, parameters), lane)
        return dict(await rows_of(_DAYS, [envelope], _session_day))

    async def _many_or_each(self, symbols: Sequence[Symbol], lane: Lane) -> list[Quote]:
        """Query all stocks at once, then unreadable ones one by one, except in a scan, where that takes too long."""
        try:
            many = await self._many(symbols, lane)
        except (BrokerProtocolError, BrokerRefusedError) as fault:
            if lane is Lane.SCAN:
                raise
            logger.warning("prices_asked_one_by_one", extra={"stocks": len(symbols), "cause": str(fault)})
            return list(await self._each(symbols, lane))
        odd = [symbol for symbol in symbols if many.doubts(symbol)]
        if not odd or lane is Lane.SCAN:
            self._readings.note(many.unreadable)
            return list(many)
        logger.warning("prices_asked_one_by_one", extra={"stocks": len(odd), "cause": str(many.unreadable[0])})
        return [*many, *await self._each(odd, lane, aloud=False)]

    async def _each(self, symbols: Sequence[Symbol], lane: Lane, *, aloud: bool = True) -> Rows[Quote]:
        """Query each stock alone; if none answers and ``aloud`` is set, raise the first fault."""
        found: list[Quote] = []
        unreadable: list[UnreadableRow] = []
        faults: list[BrokerProtocolError | BrokerRefusedError] = []
        for symbol in symbols:
            try:
                found += await self._single(symbol, lane)
            except FieldError as fault:
                unreadable.append(UnreadableRow(AccountList.QUOTES, symbol, fault.field, fault.why))
            except (BrokerProtocolError, BrokerRefusedError) as fault:
                faults.append(fault)
        self._readings.note(unreadable)
        if faults and aloud and not found:
            raise faults[0]
        return Rows(found, unreadable)

    async def _many(self, symbols: Sequence[Symbol], lane: Lane) -> Rows[Quote]:
        parameters: dict[str, str] = {}
        for place, symbol in enumerate(symbols, start=1):
            parameters |= {f"FID_COND_MRKT_DIV_CODE_{place}": _KRX, f"FID_INPUT_ISCD_{place}": symbol}
        envelope = await self._client.ask(Query(Call.PRICES, parameters), lane)
        observed_at = self._clock()
        rows = await rows_of(_PRICES, [envelope], lambda row: _quote_among(symbols, row, observed_at))
        return Rows((quote for quote in rows if quote is not None), rows.unreadable)

    async def _single(self, symbol: Symbol, lane: Lane) -> list[Quote]:
        rows = (await self._client.ask(_about(Call.PRICE, symbol), lane)).rows(Call.PRICE, "output")
        observed_at = self._clock()
        known = [row for row in rows if read(Call.PRICE, LastPrice, row).is_known]
        partly = (read_partly(Call.PRICE, PriceRow, row) for row in known)
        return [quote_of_one(symbol, row, observed_at, odd) for row, odd in partly]


def _readable_bars(rows: Sequence[Payload]) -> list[WholeBar]:
    """Return the newest bars up to one that cannot be read, oldest first."""
    found: list[WholeBar] = []
    for row in reversed(rows):
        try:
            bar = read(Call.DAILY_BARS, WholeBar, row)
            day_of(bar.stck_bsop_date, Call.DAILY_BARS, "stck_bsop_date")
        except FieldError:
            break
        found.append(bar)
    return found[::-1]


def _bar(symbol: Symbol, row: Payload) -> DailyBar:
    try:
        return read(Call.DAILY_BARS, DailyBar, row)
    except FieldError as fault:
        raise BrokerRefusedError("NO_REFERENCE", f"{symbol}: {fault}") from None


def _session_day(row: Payload) -> tuple[date, bool]:
    day = read(Call.HOLIDAY, HolidayRow, row)
    return day_of(day.bass_dt, Call.HOLIDAY, "bass_dt"), day.opnd_yn == "Y"


def _quote_among(symbols: Sequence[Symbol], row: Payload, observed_at: datetime) -> Quote | None:
    head = read(Call.PRICES, PricedCode, row)
    if not head.inter2_prpr or head.inter_shrn_iscd not in symbols:
        return None
    message, odd = read_partly(Call.PRICES, ManyPricesRow, row)
    return quote_of_many(message, observed_at, odd)


def _about(call: Call, symbol: Symbol, **more: str) -> Query:
    return Query(call, {"FID_COND_MRKT_DIV_CODE": _KRX, "FID_INPUT_ISCD": symbol, **more})


def _known(symbol: Symbol, envelope: Envelope, call: Call, key: str) -> Payload:
    """Return the row of a stock; for an unknown stock KIS answers with an empty success."""
    rows = envelope.rows(call, key)
    if not rows:
        raise _unknown(symbol)
    return rows[0]


def _unknown(symbol: Symbol) -> BrokerRefusedError:
    return BrokerRefusedError("NO_SUCH_STOCK", f"KIS does not know {symbol}")


def _compact(day: date) -> str:
    return f"{day:%Y%m%d}"
