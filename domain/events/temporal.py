"""Events about Temporal: runs that cannot progress, and what is not ours. ``at`` is market time."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.session import session_date_of


def workflow_failing(account_id: AccountId, workflow_id: str, cause: str, run: str, at: datetime) -> Event:
    """Return the event of a run that cannot progress; ``run`` names it, with a number for each repeat."""
    return Event(
        account_id,
        EventKind.WORKFLOW_FAILING,
        EventLevel.CRITICAL,
        at,
        session_date_of(at),
        detail={"workflow": workflow_id, "cause": cause},
        key=f"{EventKind.WORKFLOW_FAILING}/{run}",
    )


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that did not prove its origin in the fleet, why it was refused, and how often in an ``hour``."""

    asked: str
    why: str
    times: int
    hour: int


def unauthentic_refused(account_id: AccountId, refused: RefusedMessage, level: EventLevel, at: datetime) -> Event:
    """Return the event of a refused message; once an hour."""
    digest = hashlib.sha256(f"{refused.asked}\n{refused.why}".encode()).hexdigest()[:16]
    return Event(
        account_id,
        EventKind.UNAUTHENTIC_REFUSED,
        level,
        at,
        session_date_of(at),
        detail={"cause": f"refused {refused.asked}: {refused.why}", "number": refused.times},
        key=f"{EventKind.UNAUTHENTIC_REFUSED}/{account_id}/{digest}/{refused.hour}",
    )


def foreign_object(account_id: AccountId, why: str, name: str, at: datetime) -> Event:
    """Return the event of one workflow, schedule or activity that is not ours; once per object."""
    return _foreign(account_id, EventKind.FOREIGN_OBJECT, why, name, at)


def many_foreign_objects(account_id: AccountId, number: int, at: datetime) -> Event:
    """Return the event of more objects than are reported one by one; once a day."""
    why = f"at least {number} objects at Temporal are not ours; `starter.py status` lists the first"
    return _foreign(account_id, EventKind.FOREIGN_OBJECTS, why, str(session_date_of(at)), at)


def foreign_workflow_terminated(account_id: AccountId, workflow_id: str, shown: str, at: datetime) -> Event:
    """Return the event of a foreign workflow under one of our ids; ``shown`` is the id in printable form."""
    return Event(
        account_id,
        EventKind.FOREIGN_WORKFLOW_TERMINATED,
        EventLevel.ERROR,
        at,
        session_date_of(at),
        detail={"why": f"it used the id {shown} of a Haru workflow"},
        key=f"{EventKind.FOREIGN_WORKFLOW_TERMINATED}/{workflow_id}/{at:%Y%m%d%H%M}",
    )


def _foreign(account_id: AccountId, kind: EventKind, why: str, name: str, at: datetime) -> Event:
    key = f"{kind}/{name}"
    return Event(account_id, kind, EventLevel.WARNING, at, session_date_of(at), detail={"why": why}, key=key)
