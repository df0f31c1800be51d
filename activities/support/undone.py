"""A step that was given up: recorded as a critical event, so that a person learns of it."""

from dataclasses import dataclass
from datetime import datetime

from domain.event import Event, EventLevel
from domain.identity import AccountId
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class Undone:
    """Which step of which session was given up, as a kind of event, and why."""

    account_id: AccountId
    session_date: SessionDate
    kind: str
    cause: str


def undone_event(undone: Undone, at: datetime) -> Event:
    """Return the critical event of a step that was given up."""
    return Event(
        undone.account_id,
        undone.kind,
        EventLevel.CRITICAL,
        at,
        undone.session_date,
        detail={"cause": undone.cause},
        key=f"{undone.kind}/{undone.account_id}/{undone.session_date}",
    )
