"""Trading days and hours of KRX (docs/krx.md §1 and §2). Instants are aware UTC, wall-clock times are KST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from holidays import financial_holidays

KST: Final = ZoneInfo("Asia/Seoul")

AFTER_MARKET_SINCE: Final = date(2026, 9, 14)
"""From this date the evening market (16:00 to 20:00) replaces the single-price session."""
_ORDERS_BEFORE_OPENING: Final = timedelta(minutes=30)
_EXAMINATION_DAYS: Final = frozenset(
    {
        date(2018, 11, 15),
        date(2019, 11, 14),
        date(2020, 12, 3),
        date(2021, 11, 18),
        date(2022, 11, 17),
        date(2023, 11, 16),
        date(2024, 11, 14),
        date(2025, 11, 13),
        date(2026, 11, 19),
        date(2027, 11, 18),
    }
)
"""University entrance examination: the session runs one hour later."""
_FRIDAY: Final = 4


class SessionPhase(StrEnum):
    """How the exchange treats orders at a moment."""

    CLOSED = "closed"
    OPENING_AUCTION = "opening_auction"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing_auction"


class Hours(NamedTuple):
    """Wall-clock times (KST) of one kind of day: opening, closing auction, end."""

    opens: time
    closing_auction: time
    ends: time


REGULAR: Final = Hours(time(9), time(15, 20), time(15, 30))
FIRST_DAY_OF_A_YEAR: Final = Hours(time(10), time(15, 20), time(15, 30))
EXAMINATION_DAY: Final = Hours(time(10), time(16, 20), time(16, 30))


@dataclass(frozen=True, slots=True)
class MarketHours:
    """When a market accepts and trades orders; ``until`` is exclusive and ends the remaining orders."""

    orders_from: datetime
    trades_from: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One regular session."""

    date: date
    opens_at: datetime
    auction_at: datetime
    ends_at: datetime

    def phase_at(self, instant: datetime) -> SessionPhase:
        """Return the phase of this session at an instant."""
        if not self.opens_at - _ORDERS_BEFORE_OPENING <= instant < self.ends_at:
            return SessionPhase.CLOSED
        if instant < self.opens_at:
            return SessionPhase.OPENING_AUCTION
        return SessionPhase.CONTINUOUS if instant < self.auction_at else SessionPhase.CLOSING_AUCTION

    @property
    def post_close(self) -> MarketHours:
        """Return the hours of trading at the closing price: orders from the close, trades ten minutes later."""
        return MarketHours(self.ends_at, self.ends_at + timedelta(minutes=10), self.ends_at + timedelta(minutes=30))

    @property
    def after_market(self) -> MarketHours | None:
        """Return the hours of the evening market, or None before it existed."""
        if self.date < AFTER_MARKET_SINCE:
            return None
        begins = self.ends_at + timedelta(minutes=30)
        return MarketHours(begins, begins, at_kst(self.date, time(20)))


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """Which dates have a session, and its hours. ``closures`` are weekdays without a session."""

    closures: frozenset[date]
    changed_hours: Mapping[date, Hours] = field(default_factory=dict)

    def session_on(self, day: date) -> Session | None:
        """Return the session of a KST date, or None."""
        if day.weekday() > _FRIDAY or day in self.closures:
            return None
        hours = self.changed_hours.get(day, REGULAR)
        return Session(day, *(at_kst(day, at) for at in hours))

    def session_at_or_after(self, instant: datetime) -> Session:
        """Return the session that runs at an instant, else the next one to open."""
        day = in_seoul(instant).date()
        while (session := self.session_on(day)) is None or instant >= session.ends_at:
            day += timedelta(days=1)
        return session

    def session_before(self, day: date) -> Session:
        """Return the last session earlier than a KST date."""
        while True:
            day -= timedelta(days=1)
            if session := self.session_on(day):
                return session


def in_seoul(instant: datetime) -> datetime:
    """Convert an aware instant to KST."""
    return instant.astimezone(KST)


def at_kst(day: date, at: time) -> datetime:
    """Return the instant (UTC) of a KST date and time."""
    return datetime.combine(day, at, KST).astimezone(UTC)


def hours_from_text(text: str) -> tuple[date, Hours]:
    """Read ``2026-11-19=10:00-16:20-16:30``: opening, closing auction and end (KST) of one day.

    Raises:
        ValueError: the format is wrong, or the times do not rise.
    """
    day, _, times = text.partition("=")
    hours = Hours(*(time.fromisoformat(part.strip()) for part in times.split("-", 2)))
    if not hours.opens < hours.closing_auction < hours.ends:
        raise ValueError(f"the times of {day} do not rise: opening, closing auction, end")
    return date.fromisoformat(day.strip()), hours


def krx_calendar(
    first_year: int,
    last_year: int,
    *,
    closures: frozenset[date] = frozenset(),
    sessions: frozenset[date] = frozenset(),
    changed_hours: Mapping[date, Hours] | None = None,
) -> TradingCalendar:
    """Build the calendar of whole years, both included. The last three arguments correct its tables.

    ``sessions`` are days on which the exchange opens although the tables call them closed.
    """
    years = range(first_year, last_year + 1)
    closed = frozenset(financial_holidays("XKRX", years=years)) - sessions | closures
    plain = TradingCalendar(closed)
    special = {_first_session(plain, year): FIRST_DAY_OF_A_YEAR for year in years}
    special |= {day: EXAMINATION_DAY for day in _EXAMINATION_DAYS if day.year in years}
    return TradingCalendar(closed, {**special, **(changed_hours or {})})


def _first_session(calendar: TradingCalendar, year: int) -> date:
    days = (date(year, 1, 1) + timedelta(days=count) for count in range(31))
    return next(day for day in days if calendar.session_on(day))
