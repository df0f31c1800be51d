"""When the day's selling begins: the fleet's start from the session's own times, a thin position's own before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.clock import in_seoul
from domain.market import PriceSample
from domain.money import Quantity, Rate
from domain.session import Session, SessionPlan

CALLS_OF_A_SALE: Final = 12
"""Calls to the broker for a sale whose first limit finds nobody: price, book, order and look; cancel and look; list and
holdings, then price, book, order and look again. That is on paper, one stock at a time; the real service shows thirty
prices with their best bids in one call, and a sale that is filled at once needs less than half of it."""
_SAFETY: Final = Decimal("1.3")
"""A slot of the rate budget rests a second after its response, so that calls of 0.1 to 0.3 s make n slots n ÷ 1.3."""
_START_UP: Final = timedelta(seconds=3)
"""Real time from the timer to the first order: a message, a workflow's step, a price."""
_WORDS_PER_CALL: Final = 2
"""Watches whose last word reaches their workflow in the time of one call, when all of them speak at once."""
_LAST_WORD: Final = timedelta(seconds=1)
"""Real time for one such word alone."""

PARTICIPATION: Final = Rate("0.1")
"""Which share of what trades anyway a sale may be without moving the price much against itself."""
LONGEST_THIN_LEAD: Final = timedelta(minutes=60)
"""Market time before the closing auction at which even the thinnest position begins to be sold. It bounds what an
unknown volume can cost: begun earlier still, most of the afternoon would be lost for little more that trades."""
_SHARE_OF_WHAT_IS_LEFT: Final = Decimal("0.5")
"""Of the time left to the closing auction a new position may need this much to be sold; the rest is for holding."""
_RECENT_AT_LEAST: Final = timedelta(minutes=10)
_DAY_AT_LEAST: Final = timedelta(minutes=5)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CloseLeads:
    """How early a fleet stops to buy and begins to sell. Leads are market time before the session's end."""

    entry_cutoff: timedelta = timedelta(minutes=30)
    liquidation: timedelta = timedelta(minutes=15)
    least_real_time: timedelta = timedelta(seconds=10)
    """Real time that liquidation needs even for one position; it matters in a compressed day."""
    calls_per_second: int | None = None
    """The account's rate budget. None: unknown, so that only the leads count, however much there is to sell."""


def plan_session(session: Session, leads: CloseLeads, speed: int, positions: int = 1) -> SessionPlan:
    """Compute the deadlines of a session in which at most so many positions are held at once.

    A compressed day (``speed`` market seconds a second) liquidates earlier so that there is real time to sell.
    """
    lead = max(leads.liquidation, leads.least_real_time * speed)
    by_lead, why = session.ends_at - lead, f"{in_words(lead)} before the end at {in_seoul(session.ends_at):%H:%M}"
    liquidation_at = by_lead
    if leads.calls_per_second is not None:
        takes = time_to_sell_all(positions, leads.calls_per_second)
        by_sale = _whole_minute(session.auction_at - takes * speed)
        liquidation_at = min(by_lead, by_sale)
        whose = "1 position needs" if positions == 1 else f"{positions:,} positions need"
        fast = f" = {in_words(takes * speed)} at {speed}-fold speed" if speed > 1 else ""
        needs = f"{whose} {in_words(takes)} at {leads.calls_per_second} calls/s{fast}"
        auction = f"before the auction at {in_seoul(session.auction_at):%H:%M}"
        why = f"{why}; {needs}" if liquidation_at == by_lead else f"{needs} {auction}"
    liquidation_at = max(liquidation_at, session.opens_at)
    entries_until = min(session.ends_at - leads.entry_cutoff, liquidation_at)
    begun_by = min(liquidation_at + time_to_begin_all(positions, leads.calls_per_second) * speed, session.auction_at)
    return SessionPlan(session, entries_until, liquidation_at, why, max(begun_by, liquidation_at))


def time_to_begin_all(positions: int, calls_per_second: int | None) -> timedelta:
    """Return the real time in which so many positions that are due at once begin, each at its watch's word."""
    all_words = positions / (_WORDS_PER_CALL * calls_per_second) if calls_per_second else 0.0
    return _LAST_WORD + timedelta(seconds=all_words)


def time_to_sell_all(positions: int, calls_per_second: int) -> timedelta:
    """Return the real time in which the account's rate budget sells so many positions, one order after the other."""
    seconds = positions * CALLS_OF_A_SALE * _SAFETY / calls_per_second
    return _START_UP + timedelta(seconds=float(seconds))


@dataclass(frozen=True, slots=True)
class OwnStart:
    """From when on (market time, UTC) a thin position is sold, and why so much earlier than the fleet."""

    at: datetime
    why: str


def own_start(
    session: Session, fleet_start: datetime, quantity: Quantity, traded_per_minute: Decimal
) -> OwnStart | None:
    """Return when a position's own sale begins if that is before the fleet's (market time, UTC), else None.

    Where nothing is known to trade, the start is the earliest that there is; never before the open.
    """
    ours = traded_per_minute * PARTICIPATION
    minutes = quantity / ours if ours else None
    most = LONGEST_THIN_LEAD / _MINUTE
    given = most if minutes is None else min(float(minutes), most)
    at = max(session.auction_at - given * _MINUTE, session.opens_at)
    if at >= fleet_start:
        return None
    return OwnStart(at, f"thin: {_need(quantity, ours, minutes)}")


def sellable_quantity(session: Session, now: datetime, traded_per_minute: Decimal) -> Quantity:
    """Return how many shares bought now could be sold by the close, and still be held for a while first."""
    left = max(session.auction_at - now, timedelta(0))
    minutes = min(Decimal(left / _MINUTE) * _SHARE_OF_WHAT_IS_LEFT, Decimal(LONGEST_THIN_LEAD / _MINUTE))
    return Quantity(int(traded_per_minute * PARTICIPATION * minutes))


def traded_per_minute(
    recent: Sequence[PriceSample], volume: Quantity, session: Session, now: datetime
) -> Decimal | None:
    """Return the shares that trade in a minute: the lesser of the day's average and that of the recent path.

    Args:
        recent: the path of the last half hour, oldest first; shorter than ten minutes it does not count.
        volume: the shares traded in the session by now.
        session: whose opening the day's average counts from.
        now: market time (UTC).
    """
    if now <= session.opens_at:
        return None
    averages = [volume / _minutes(max(now - session.opens_at, _DAY_AT_LEAST))]
    if recent and now - recent[0].at >= _RECENT_AT_LEAST:
        averages.append(max(volume - recent[0].volume, 0) / _minutes(now - recent[0].at))
    return min(averages)


def in_words(duration: timedelta) -> str:
    """Return a duration for people: ``8 s``, ``15 min``, ``12 min 5 s``."""
    minutes, seconds = divmod(-(-duration // timedelta(seconds=1)), 60)
    parts = (f"{minutes} min" if minutes else "", f"{seconds} s" if seconds or not minutes else "")
    return " ".join(part for part in parts if part)


def _need(quantity: Quantity, ours: Decimal, minutes: Decimal | None) -> str:
    most = LONGEST_THIN_LEAD // _MINUTE
    if minutes is None:
        return f"nothing seems to trade, {quantity:,} shares get {most} min"
    need = f"{quantity:,} shares at {ours:,.1f} a minute need {minutes:,.0f} min"
    return need if minutes <= most else f"{need} and get {most}"


def _minutes(duration: timedelta) -> Decimal:
    return Decimal(duration // timedelta(seconds=1)) / 60


def _whole_minute(instant: datetime) -> datetime:
    """Return the minute that has begun: a time that people read and a cron line can keep."""
    return instant.replace(second=0, microsecond=0)
