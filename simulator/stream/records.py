"""Market data records, field by field: H0STCNT0 (47), H0STASP0 (63), H0STANC0 (45) and H0STMKO0 (11).

Since 2026-09-14 trades and books end with the market they belong to; before that they had 46 and 59 fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from simulator.day_path import DaySummary
from simulator.exchange import Snapshot, second_of
from simulator.krx.sessions import AFTER_MARKET_SINCE, SessionPhase
from simulator.krx.units import Price, TradingFlag
from simulator.liquidity import Level
from simulator.pressure import Pressure
from simulator.quotes import flags_of, market_code
from simulator.venues import Division
from simulator.wire import kst_time, percent, sign

Book = tuple[Sequence[Level], Sequence[Level]]
"""Asks and bids, best first."""

LEVELS: Final = 10
_HOUR_CODE: Final = 43
_EXPECTED_FIELDS: Final = {Division.KRX: 45, Division.ALL: 46, Division.NXT: 46}
_PHASE_CODES: Final = {
    SessionPhase.OPENING_AUCTION: "110",
    SessionPhase.CONTINUOUS: "112",
    SessionPhase.CLOSING_AUCTION: "121",
    SessionPhase.CLOSED: "129",
}
_EXPECTED_CODES: Final = {
    SessionPhase.OPENING_AUCTION: "311",
    SessionPhase.CONTINUOUS: "112",
    SessionPhase.CLOSING_AUCTION: "121",
    SessionPhase.CLOSED: "129",
}
_BREAKER, _BREAKER_AUCTION = "174", "184"
_BOUGHT, _AT_AUCTION, _SOLD = "1", "3", "5"

_time = lru_cache(maxsize=1024)(kst_time)


@lru_cache(maxsize=8)
def _day(day: date) -> str:
    return day.strftime("%Y%m%d")


@dataclass(frozen=True, slots=True)
class Background:
    """Fields of a record beyond the trade: the day's extremes and pressure, the previous day, shares in the book."""

    opened_at: datetime
    high_at: datetime
    low_at: datetime
    previous: DaySummary
    previous_volume_by_now: int
    pressure: Pressure
    asked: int
    bid: int


def trade_fields(seen: Snapshot, size: int, book: Book, background: Background) -> list[str]:
    """Return one trade of ``size`` shares from the snapshot right after it; counts of trades are synthetic.

    The VI's reference price (field 45) is the opening price.
    """
    asks, bids = book
    totals, limits = seen.totals, seen.limits
    bought, sold = background.pressure
    seconds = max(1, int((seen.at - seen.session.opens_at).total_seconds()))
    change = seen.change
    code = sign(change, at_upper=seen.price >= limits.upper, at_lower=seen.price <= limits.lower)
    return [
        seen.listing.symbol,
        _time(seen.at),
        str(seen.price),
        code,
        str(change),
        percent(change, seen.base),
        f"{totals.turnover / totals.volume if totals.volume else 0:.2f}",
        str(totals.open_price),
        str(totals.high_price),
        str(totals.low_price),
        _price(asks),
        _price(bids),
        str(size),
        str(totals.volume),
        str(totals.turnover),
        str(seconds // 2),
        str(seconds - seconds // 2),
        str(seconds % 2),
        percent(bought, sold),
        str(sold),
        str(bought),
        _direction(seen, asks),
        percent(bought, totals.volume),
        percent(totals.volume, background.previous.volume),
        *_against(seen, background.opened_at, totals.open_price),
        *_against(seen, background.high_at, totals.high_price),
        *_against(seen, background.low_at, totals.low_price),
        _day(seen.session.date),
        market_code(seen),
        "Y" if TradingFlag.HALTED in flags_of(seen) else "N",
        str(asks[0].quantity if asks else 0),
        str(bids[0].quantity if bids else 0),
        str(background.asked),
        str(background.bid),
        percent(totals.volume, seen.listing.listed_shares),
        str(background.previous_volume_by_now),
        percent(totals.volume, background.previous_volume_by_now),
        "0",
        "",
        str(totals.open_price),
    ]


def expected_fields(seen: Snapshot, expected: tuple[int, int], book: Book, background: Background) -> list[str]:
    """Return the current expected match of an auction; ``expected`` is its price (won) and shares."""
    price, quantity = expected
    fields = trade_fields(replace(seen, price=Price(price)), quantity, book, background)
    fields[_HOUR_CODE] = _hour_code(seen, price)
    return fields[: _EXPECTED_FIELDS[seen.division]]


def with_market(fields: list[str], seen: Snapshot) -> list[str]:
    """Return a trade with MARKET_CLS_CODE, if its day has it."""
    return [*fields, _market_class(seen)] if seen.session.date >= AFTER_MARKET_SINCE else fields


def with_mid_price(fields: list[str], seen: Snapshot, book: Book, *, is_new: bool) -> list[str]:
    """Return a book with the mid-price of each venue, at which no shares wait, as wide as KIS sends it on its day.

    KRX 63 fields (59 before), NXT 62 (65), both 66 (65). ``is_new`` False is the width before 2026-09-14.
    """
    asks, bids = book
    middle = (asks[0].price + bids[0].price) // 2 if asks and bids else 0
    at_middle = [str(middle), "0", "1" if middle else "0"]
    if not is_new or seen.session.date < AFTER_MARKET_SINCE:
        return fields if seen.division is Division.KRX else [*fields, *at_middle, *at_middle]
    return (
        fields
        + {
            Division.KRX: [*at_middle, _market_class(seen)],
            Division.NXT: at_middle,
            Division.ALL: [*at_middle, *at_middle, "1"],
        }[seen.division]
    )


def _market_class(seen: Snapshot) -> str:
    """Return 1 before the opening, 2 in the regular session, 5 at the closing price, 3 in the evening."""
    if seen.at < seen.session.opens_at:
        return "1"
    if seen.at <= seen.session.ends_at:
        return "2"
    return "5" if seen.at < seen.session.post_close.until else "3"


def status_fields(seen: Snapshot) -> list[str]:
    """Return H0STMKO0: phase of the day, halts and volatility interruptions of a stock."""
    flags = flags_of(seen)
    halted = TradingFlag.HALTED in flags
    interrupted = TradingFlag.VOLATILITY_INTERRUPTION in flags
    return [
        seen.listing.symbol,
        "Y" if halted else "N",
        "거래정지" if halted else "",
        _phase_code(seen),
        _EXPECTED_CODES[seen.phase],
        "",
        "",
        "58" if halted else "55",
        "Y" if interrupted else "N",
        "N",
        "1",
    ]


def _phase_code(seen: Snapshot) -> str:
    """Return MKOP_CLS_CODE. A circuit breaker halts trading, then collects orders for an auction."""
    pause = seen.pause
    if pause is None or pause.is_interruption:
        return _PHASE_CODES[seen.phase]
    return _BREAKER_AUCTION if second_of(seen.session, seen.at) >= pause.orders_from else _BREAKER


def book_fields(seen: Snapshot, book: Book, expected: tuple[int, int]) -> list[str]:
    """Return the book; ``expected`` is price (won) and shares of an auction's match, zeros outside auctions."""
    price, quantity = expected
    change = price - seen.base
    columns = [_column([level.price for level in side]) for side in book]
    columns += [_column([level.quantity for level in side]) for side in book]
    return [
        seen.listing.symbol,
        _time(seen.at),
        _hour_code(seen, price),
        *(text for column in columns for text in column),
        *map(str, depth_of(book)),
        *("0", "0"),
        str(price),
        str(quantity),
        str(quantity),
        str(change),
        sign(change),
        percent(change, seen.base),
        str(seen.totals.volume),
        *("0", "0", "0", "0", "0"),
    ]


def _hour_code(seen: Snapshot, expected: int) -> str:
    """Return HOUR_CLS_CODE: 0 trading, B before the open, A at the close, C in a volatility interruption."""
    if seen.phase is SessionPhase.CONTINUOUS:
        return "C" if expected else "0"
    return "B" if seen.phase is SessionPhase.OPENING_AUCTION else "A"


def _against(seen: Snapshot, at: datetime, price: int) -> list[str]:
    return [_time(at), sign(seen.price - price), str(seen.price - price)]


def _direction(seen: Snapshot, asks: Sequence[Level]) -> str:
    if seen.at in (seen.session.opens_at, seen.session.ends_at):
        return _AT_AUCTION
    return _BOUGHT if asks and asks[0].price <= seen.price else _SOLD


def _column(numbers: Sequence[int]) -> list[str]:
    return [str(number) for number in numbers] + ["0"] * (LEVELS - len(numbers))


def _price(levels: Sequence[Level]) -> str:
    return str(levels[0].price if levels else 0)


def depth_of(book: Book) -> tuple[int, int]:
    """Return the shares asked and bid at all levels."""
    asks, bids = book
    return sum(level.quantity for level in asks), sum(level.quantity for level in bids)
