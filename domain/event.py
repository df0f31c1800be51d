"""An event as the append-only event history stores it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.event_kind import AnyKind
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.session import SessionDate


class EventLevel(StrEnum):
    """The severity of an event."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """An event in market time (UTC). With a non-empty ``key``, a repeated append has no effect."""

    account_id: AccountId
    kind: AnyKind
    level: EventLevel
    at: datetime
    session_date: SessionDate | None = None
    worker_id: WorkerId | None = None
    symbol: Symbol | None = None
    detail: dict[str, str | int] = field(default_factory=dict)
    key: str = ""
