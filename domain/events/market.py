"""Events about the market and the calendar. ``at`` is market time."""

from datetime import datetime

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.market_phase import MarketWord
from domain.session import SessionDate, session_date_of


def market_message(account_id: AccountId, word: MarketWord, code: str, at: datetime) -> Event:
    """Return the event of a market-wide message of the exchange; once a minute."""
    level = EventLevel.WARNING if word.is_sidecar or word is MarketWord.HALTED else EventLevel.INFO
    return Event(
        account_id,
        EventKind.MARKET_MESSAGE,
        level,
        at,
        session_date_of(at),
        detail={"message": word.value, "code": code},
        key=f"{EventKind.MARKET_MESSAGE}/{account_id}/{word}/{at:%Y%m%d%H%M}",
    )


def market_phase_differs(
    account_id: AccountId, session_date: SessionDate, level: EventLevel, cause: str, at: datetime
) -> Event:
    """Return the event of a market that is in another phase than the calendar says; once per cause."""
    key = f"{EventKind.MARKET_PHASE_DIFFERS}/{account_id}/{session_date}/{cause}"
    return Event(account_id, EventKind.MARKET_PHASE_DIFFERS, level, at, session_date, detail={"cause": cause}, key=key)


def calendar_disagreement(account_id: AccountId, day: SessionDate, reason: str, at: datetime) -> Event:
    """Return the event of a day that only one of the two calendars calls a session; once a day."""
    return Event(
        account_id,
        EventKind.CALENDAR_DISAGREEMENT,
        EventLevel.ERROR,
        at,
        day,
        detail={"reason": reason},
        key=f"{EventKind.CALENDAR_DISAGREEMENT}/{account_id}/{day}",
    )


def calendar_not_confirmed(account_id: AccountId, day: SessionDate, text: str, at: datetime) -> Event:
    """Return the event of a service without a calendar (paper); once per account."""
    return Event(
        account_id,
        EventKind.CALENDAR_NOT_CONFIRMED,
        EventLevel.INFO,
        at,
        day,
        detail={"detail": text},
        key=f"{EventKind.CALENDAR_NOT_CONFIRMED}/{account_id}",
    )


def tax_year_unknown(account_id: AccountId, day: SessionDate, text: str, at: datetime) -> Event:
    """Return the event of sales whose transaction tax is not in our table; once a day."""
    return Event(
        account_id,
        EventKind.TAX_YEAR_UNKNOWN,
        EventLevel.WARNING,
        at,
        day,
        detail={"detail": text},
        key=f"{EventKind.TAX_YEAR_UNKNOWN}/{account_id}/{day}",
    )
