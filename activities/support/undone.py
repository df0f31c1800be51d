"""Abandoned steps: recorded as critical events for the operator."""

from dataclasses import dataclass
from datetime import datetime

from domain.event import Event, EventLevel
from domain.identity import AccountId
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class Undone:
    """Abandoned step of a session, as an event kind, and its cause."""

    account_id: AccountId
    session_date: SessionDate
    kind: str
    cause: str


def undone_event(undone: Undone, at: datetime) -> Event:
    """Return the critical event of an abandoned step."""
    return Event(
        undone.account_id,
        undone.kind,
        EventLevel.CRITICAL,
        at,
        undone.session_date,
        detail={"cause": undone.cause},
        key=f"{undone.kind}/{undone.account_id}/{undone.session_date}",
    )
