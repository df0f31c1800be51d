"""Where a close stands that goes on in a new run, because the history of the present one has grown long (F47)."""

from dataclasses import dataclass
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.cycles import Held
    from domain.ladder import Tries


@dataclass(frozen=True, slots=True)
class Resting:
    """A sale between two orders: nothing of it is under way until an instant of real time (UTC)."""

    held: Held
    tries: Tries
    until: datetime


@dataclass(frozen=True, slots=True)
class HalfWay:
    """What a close has done and what is left to it; all else stands in the books.

    ``started_at`` is the real instant (UTC) at which the first run was due. ``unsold`` is None until the session's end
    is told.
    """

    started_at: datetime
    told: int
    seized: int
    sales: tuple[Resting, ...]
    unsold: tuple[str, ...] | None
