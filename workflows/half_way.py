"""State of a close that continues in a new run, because its history has grown long (F47)."""

from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.cycles import Held
    from domain.ladder import Tries


@dataclass(frozen=True, slots=True)
class Resting:
    """A sale between two orders: inactive until a real time (UTC)."""

    held: Held
    tries: Tries
    until: datetime


@dataclass(frozen=True, slots=True)
class HalfWay:
    """Progress of a close and its remaining work; all other state is in the database.

    ``started_at`` is the real time (UTC) at which the first run was due. ``unsold`` is None until the end of the
    session is reported.
    """

    started_at: datetime
    told: int
    seized: int
    sales: tuple[Resting, ...]
    unsold: tuple[str, ...] | None
