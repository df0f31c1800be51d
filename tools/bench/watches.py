"""The watch of a position: the running attempt of its activity, as Temporal's server reports it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo

_WATCH: Final = "watch_position"
_STARTED: Final = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


@dataclass(frozen=True, slots=True)
class Watch:
    """The latest attempt of a watch: its process and start (real time). ``process`` None: no process watches."""

    process: int | None = None
    since: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Return whether a process watches."""
        return self.process is not None


def watch_among(pending: Iterable[PendingActivityInfo]) -> Watch:
    """Return the watch among a workflow's pending activities."""
    for activity in pending:
        if activity.activity_type.name == _WATCH and activity.state == _STARTED:
            process = int(activity.last_worker_identity.partition("@")[0])
            return Watch(process, activity.last_started_time.ToDatetime(tzinfo=UTC))
    return Watch()
