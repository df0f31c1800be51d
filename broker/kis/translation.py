"""Conversion of KIS's market data to our values."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from broker.kis.base_price import base_from_change, base_of_points, base_price
from broker.kis.calls import Call
from broker.kis.fields import FieldError
from broker.kis.quote_messages import (
    DailyBar,
    DailyHead,
    IndexRow,
    LevelRow,
    ManyPricesRow,
    PriceRow,
    StatusRow,
    WholeBar,
)
from domain.errors import BrokerRefusedError
from domain.market import BookLevel, DailyReference, IndexLevel, Market, Quote, Side, Symbol, TradingFlag
from domain.market import DailyBar as BarOfDay
from domain.money import Price, Quantity, Won
from domain.tick_size import PriceLimits

_BOARDS: Final = {
    "KOSDAQ": Market.KOSDAQ,
    "KSQ": Market.KOSDAQ,
    "코스닥": Market.KOSDAQ,
    "KOSPI": Market.KOSPI,
    "코스피": Market.KOSPI,
    "유가증권": Market.KOSPI,
}
"""Prefixes of ``rprs_mrkt_kor_name``: KOSPI200, KSQ150 and so on."""

_STATUS_FLAGS: Final = {
    "51": TradingFlag.ADMINISTRATIVE,
    "52": TradingFlag.WARNED,
    "53": TradingFlag.WARNED,
    "58": TradingFlag.HALTED,
    "59": TradingFlag.OVERHEATED,
}
_WARNINGS: Final = frozenset({"02", "03"})
_NO_INTERRUPTION: Final = frozenset({"", "N", "0"})
_YES: Final = "Y"

_BOOK: Final = frozenset({"inter2_askp", "inter2_bidp", "seln_rsqn", "shnu_rsqn"})
SIDE_CODES: Final = {Side.SELL: "01", Side.BUY: "02"}
SIDES: Final = {code: side for side, code in SIDE_CODES.items()}
"""``sll_buy_dvsn_cd``."""


def board_of(symbol: Symbol, row: StatusRow) -> Market:
    """Return the board.

    Raises:
        BrokerRefusedError: the stock is on a board that Haru does not trade.
    """
    market = named_board(row.rprs_mrkt_kor_name)
    if market is not None:
        return market
    raise BrokerRefusedError("NO_BOARD", f"{symbol} is on no board we trade on: {row.rprs_mrkt_kor_name or 'none'}")


def named_board(name: str) -> Market | None:
    """Return the board that KIS names, or None for a name that is not known."""
    return next((market for prefix, market in _BOARDS.items() if name.upper().startswith(prefix)), None)


def flags_of(row: StatusRow) -> frozenset[TradingFlag]:
    """Return the flags that exclude the stock from scans (docs/krx.md §8.1)."""
    signs = (
        (row.temp_stop_yn == _YES, TradingFlag.HALTED),
        (row.vi_cls_code not in _NO_INTERRUPTION, TradingFlag.VOLATILITY_INTERRUPTION),
        (row.mrkt_warn_cls_code in _WARNINGS, TradingFlag.WARNED),
        (row.invt_caful_yn == _YES, TradingFlag.WARNED),
        (row.short_over_yn == _YES, TradingFlag.OVERHEATED),
        (row.sltr_yn == _YES, TradingFlag.LIQUIDATION_TRADING),
        (row.mang_issu_cls_code == _YES, TradingFlag.ADMINISTRATIVE),
    )
    flags = {flag for shown, flag in signs if shown}
    status = _STATUS_FLAGS.get(row.iscd_stat_cls_code)
    return frozenset(flags if status is None else flags | {status})


def quote_of_many(row: ManyPricesRow, observed_at: datetime, odd: tuple[str, ...] = ()) -> Quote:
    """Return the quote of one stock in a reply about many; its ``odd`` fields could not be read."""
    limits = _limits(row.inter2_llam, row.inter2_mxpr)
    from_change = base_from_change(row.inter2_prpr, row.inter2_prdy_vrss, row.prdy_vrss_sign)
    base = base_price(row.inter2_sdpr, from_change, row.inter2_prdy_clpr, limits)
    return Quote(
        symbol=Symbol(row.inter_shrn_iscd),
        price=Price(row.inter2_prpr),
        observed_at=observed_at,
        bid=Price(row.inter2_bidp),
        ask=Price(row.inter2_askp),
        bid_quantity=Quantity(row.shnu_rsqn),
        ask_quantity=Quantity(row.seln_rsqn),
        volume=Quantity(row.acml_vol),
        turnover=Won(row.acml_tr_pbmn),
        open_price=Price(row.inter2_oprc),
        high_price=Price(row.inter2_hgpr),
        low_price=Price(row.inter2_lwpr),
        previous_close=base,
        limits=limits,
        name=row.inter_kor_isnm,
        market=named_board(row.kospi_kosdaq_cls_name),
        shows_book=_BOOK.isdisjoint(odd),
        unreadable=_with_base(odd, base, "inter2_sdpr"),
    )


def quote_of_one(symbol: Symbol, row: PriceRow, observed_at: datetime, odd: tuple[str, ...] = ()) -> Quote:
    """Return a quote without a book; its ``odd`` fields could not be read."""
    limits = _limits(row.stck_llam, row.stck_mxpr)
    base = base_price(row.stck_sdpr, base_from_change(row.stck_prpr, row.prdy_vrss, row.prdy_vrss_sign), 0, limits)
    return Quote(
        symbol=symbol,
        price=Price(row.stck_prpr),
        observed_at=observed_at,
        volume=Quantity(row.acml_vol),
        turnover=Won(row.acml_tr_pbmn),
        open_price=Price(row.stck_oprc),
        high_price=Price(row.stck_hgpr),
        low_price=Price(row.stck_lwpr),
        previous_close=base,
        limits=limits,
        market=named_board(row.rprs_mrkt_kor_name),
        shows_book=False,
        unreadable=_with_base(odd, base, "stck_sdpr"),
    )


def _with_base(odd: tuple[str, ...], base: Price, field: str) -> tuple[str, ...]:
    return odd if base or field in odd else (*odd, field)


def daily_reference(
    symbol: Symbol, head: DailyHead, bar: DailyBar | None, days: Sequence[WholeBar] = ()
) -> DailyReference:
    """Return the previous session's bar with today's limits; without a bar, the values of the head.

    On the day of a split the bar is converted to today's shares: its close becomes the day's base price.

    Raises:
        BrokerRefusedError: KIS does not know the stock.
    """
    limits = _limits(head.stck_llam, head.stck_mxpr)
    if limits is None:
        raise BrokerRefusedError("NO_REFERENCE", f"KIS has no price limits for {symbol}")
    if bar is not None:
        prices = (bar.stck_clpr, bar.stck_hgpr, bar.stck_lwpr, bar.acml_vol)
    else:
        prices = (head.stck_prdy_clpr, head.stck_prdy_hgpr, head.stck_prdy_lwpr, head.prdy_vol)
    close, high, low, volume = prices
    from_change = base_from_change(head.stck_prpr, head.prdy_vrss, head.prdy_vrss_sign)
    base = base_price(0, from_change, close, limits) or Price(close)
    if close and base != close:
        high, low, volume = high * base // close, low * base // close, volume * close // base
    in_todays = tuple(_day(each, base, close) for each in days)
    return DailyReference(symbol, base, Price(high), Price(low), Quantity(volume), limits, in_todays)


def _day(bar: WholeBar, base: Price, close: int) -> BarOfDay:
    """Return an earlier session in today's shares: the last close of the bars becomes the day's base price."""
    prices = (bar.stck_oprc, bar.stck_hgpr, bar.stck_lwpr, bar.stck_clpr)
    is_same = base == close or not close
    opened, high, low, last = (Price(price if is_same else price * base // close) for price in prices)
    volume = Quantity(bar.acml_vol if is_same else bar.acml_vol * close // base)
    return BarOfDay(day_of(bar.stck_bsop_date, Call.DAILY_BARS, "stck_bsop_date"), opened, high, low, last, volume)


def index_of(market: Market, row: IndexRow, observed_at: datetime) -> IndexLevel:
    """Return the level of an index."""
    before = base_of_points(row.bstp_nmix_prpr, row.bstp_nmix_prdy_vrss, row.prdy_vrss_sign)
    return IndexLevel(market, row.bstp_nmix_prpr, observed_at, before)


def book_levels(levels: Sequence[LevelRow]) -> tuple[BookLevel, ...]:
    """Return the levels that have a price, best first as KIS sends them."""
    return tuple(BookLevel(Price(level.price), Quantity(level.quantity)) for level in levels if level.price)


def day_of(text: str, call: Call, field: str) -> date:
    """Return a KST date written as ``YYYYMMDD``.

    Raises:
        FieldError: the date does not exist.
    """
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise FieldError(call, field, "a date that does not exist") from None


def _limits(lower: int, upper: int) -> PriceLimits | None:
    return PriceLimits(Price(lower), Price(upper)) if 0 < lower <= upper else None
