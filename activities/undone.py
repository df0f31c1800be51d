"""A step that was given up: recorded as a critical event, so that a person learns of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from domain.event import Event, EventLevel
from domain.identity import AccountId
from domain.session import SessionDate

if TYPE_CHECKING:
    from database.database import Database


@dataclass(frozen=True, slots=True)
class Undone:
    """Which step of which session was given up, as a kind of event, and why."""

    account_id: AccountId
    session_date: SessionDate
    kind: str
    cause: str


class UndoneActivities:
    """Records what a workflow gave up. ``now`` returns market time (UTC)."""

    def __init__(self, database: "Database", now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    @activity.defn
    async def report_undone(self, undone: Undone) -> None:
        """Append the event, once a session and step."""
        await self._database.events.append(undone_event(undone, self._now()))


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
