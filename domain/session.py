"""The trading day: when the regular session of a KST date opens, auctions and ends (docs/krx.md §1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

from domain.clock import KST

SessionDate = NewType("SessionDate", date)
"""The KST calendar date of a trading day."""


class SessionPhase(StrEnum):
    """How the exchange treats orders at a moment."""

    CLOSED = "closed"
    OPENING_AUCTION = "opening_auction"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing_auction"


@dataclass(frozen=True, slots=True)
class SessionHours:
    """Wall-clock times (KST) of one kind of day."""

    opens: time
    closing_auction: time
    ends: time


REGULAR_HOURS: Final = SessionHours(time(9), time(15, 20), time(15, 30))
FIRST_DAY_HOURS: Final = SessionHours(time(10), time(15, 20), time(15, 30))
CSAT_HOURS: Final = SessionHours(time(10), time(16, 20), time(16, 30))
AFTER_MARKET_SINCE: Final = date(2026, 9, 14)
"""From this date the after-market replaces the single-price session (docs/krx.md §1.1)."""
_OPENING_AUCTION_LEAD: Final = timedelta(minutes=30)
_POST_CLOSE_TRADES: Final = timedelta(minutes=10)
_POST_CLOSE_ENDS: Final = timedelta(minutes=30)
_AFTER_MARKET_ENDS: Final = time(20)
_SATURDAY: Final = 5
_SESSIONS_TO_SETTLEMENT: Final = 2


@dataclass(frozen=True, slots=True)
class MarketHours:
    """When a market accepts and trades orders, aware UTC; ``until`` is exclusive and ends the remaining orders."""

    orders_from: datetime
    trades_from: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One regular session; all instants are aware UTC."""

    date: SessionDate
    opens_at: datetime
    auction_at: datetime
    ends_at: datetime

    def phase_at(self, instant: datetime) -> SessionPhase:
        """Return the phase of this session at a market instant."""
        if self.opens_at <= instant < self.auction_at:
            return SessionPhase.CONTINUOUS
        if self.auction_at <= instant < self.ends_at:
            return SessionPhase.CLOSING_AUCTION
        if self.opens_at - _OPENING_AUCTION_LEAD <= instant < self.opens_at:
            return SessionPhase.OPENING_AUCTION
        return SessionPhase.CLOSED

    @property
    def post_close(self) -> MarketHours:
        """Return the hours of the market at today's closing price (KIS ``ORD_DVSN`` 06)."""
        return MarketHours(self.ends_at, self.ends_at + _POST_CLOSE_TRADES, self.ends_at + _POST_CLOSE_ENDS)

    @property
    def after_market(self) -> MarketHours | None:
        """Return the hours of the exchange's evening market (KIS 41 to 47); None before 2026-09-14."""
        if self.date < AFTER_MARKET_SINCE:
            return None
        begins = self.post_close.until
        return MarketHours(begins, begins, _instant(self.date, _AFTER_MARKET_ENDS))


def is_weekday(day: date) -> bool:
    """Return whether a date is Monday to Friday; only the calendar knows whether the exchange opens on it."""
    return day.weekday() < _SATURDAY


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """Which dates have a session, and with what hours. ``closures`` are weekdays without one."""

    closures: frozenset[date]
    changed_hours: Mapping[date, SessionHours] = field(default_factory=dict)

    def session_on(self, day: date) -> Session | None:
        """Return the session of a KST date, or None when the exchange is closed."""
        if not is_weekday(day) or day in self.closures:
            return None
        return session_of(day, self.changed_hours.get(day, REGULAR_HOURS))

    def session_at_or_after(self, instant: datetime) -> Session:
        """Return the session that runs at a market instant, else the next session to open."""
        day = instant.astimezone(KST).date()
        while True:
            session = self.session_on(day)
            if session is not None and instant < session.ends_at:
                return session
            day += timedelta(days=1)

    def settlement_of(self, day: date) -> date:
        """Return when trades of a session date settle: two sessions later (T+2)."""
        left = _SESSIONS_TO_SETTLEMENT
        while left:
            day += timedelta(days=1)
            left -= self.session_on(day) is not None
        return day

    def session_before(self, day: date) -> Session:
        """Return the last session earlier than a KST date."""
        while True:
            day -= timedelta(days=1)
            session = self.session_on(day)
            if session is not None:
                return session


@lru_cache(maxsize=1_024)
def session_of(day: date, hours: SessionHours) -> Session:
    """Return the session of a KST date with these hours. Every judgement of a held position asks for today's."""
    return Session(
        date=SessionDate(day),
        opens_at=_instant(day, hours.opens),
        auction_at=_instant(day, hours.closing_auction),
        ends_at=_instant(day, hours.ends),
    )


def session_date_of(instant: datetime) -> SessionDate:
    """Return the KST date of a market instant."""
    return SessionDate(instant.astimezone(KST).date())


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, KST).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """A session with the fleet's own deadlines; all instants are aware UTC market time."""

    session: Session
    entries_until: datetime
    liquidation_at: datetime
    because: str = ""
    """Why liquidation starts at that time, for display."""
    begun_by: datetime | None = None
    """Until when workers start to sell on their watch's signal; a worker without a signal by then starts by itself."""

    def entries_allowed_at(self, instant: datetime) -> bool:
        """Return whether a buy may still be decided at this market instant."""
        return self.session.opens_at <= instant < self.entries_until
