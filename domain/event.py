"""One thing that happened, as the append-only event book keeps it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.session import SessionDate

ENTRY_DENIED: Final = "entry_denied"
"""The kind of event by which denials are counted; its detail names the denial."""


class EventLevel(StrEnum):
    """How loudly an event is told."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """An event in market time (UTC). A non-empty ``key`` makes appending it twice the same as once."""

    account_id: AccountId
    kind: str
    level: EventLevel
    at: datetime
    session_date: SessionDate | None = None
    worker_id: WorkerId | None = None
    symbol: Symbol | None = None
    detail: dict[str, str | int] = field(default_factory=dict)
    key: str = ""
