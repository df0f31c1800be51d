"""Timeouts and retries of every activity, by name. Durations are real time."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig

from domain.errors import BadRulesError, InvalidTransitionError, StaleFencingTokenError

_STOPS: Final = [StaleFencingTokenError.__name__, InvalidTransitionError.__name__, BadRulesError.__name__]

_STEADY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=3),
    non_retryable_error_types=_STOPS,
)
"""Retried forever, at least every three seconds: near the close a long back-off is a defect."""

_HANDED_ON: Final = replace(_STEADY, backoff_coefficient=1.1)
"""An ended attempt is no fault here: processes come and go, and the tenth attempt is as urgent as the first."""

_ONCE: Final = RetryPolicy(maximum_attempts=1)

RECORD: Final = ActivityConfig(start_to_close_timeout=timedelta(seconds=15), retry_policy=_STEADY)
"""Ledger reads and idempotent writes."""

ASK_BROKER: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    heartbeat_timeout=timedelta(seconds=20),
    retry_policy=_STEADY,
    priority=Priority(priority_key=3),
)
"""Decisions that query the broker; free of side effects there."""

SELL_DECISION: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=_STEADY,
    priority=Priority(priority_key=1),
)
"""A process cut off while it prepares a sale is detected as quickly as one cut off while sending."""

SUBMIT_ENTRY_ONCE: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=_ONCE,
    priority=Priority(priority_key=3),
)
"""A single attempt: whatever its outcome, the next step is to look."""

SUBMIT_EXIT_ONCE: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=_ONCE,
    priority=Priority(priority_key=1),
)

CANCEL_ONCE: Final = SUBMIT_EXIT_ONCE

LOOK: Final = ActivityConfig(
    start_to_close_timeout=timedelta(hours=12),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=_STEADY,
    priority=Priority(priority_key=2),
)
"""Follow or resolve an order: read-only at the broker, without a total time limit."""

ENTER: Final = ActivityConfig({**LOOK, "priority": Priority(priority_key=3)})
"""Buy and follow. Its attempts may repeat: only the one that has recorded the intent sends."""

COMPARE: Final = ActivityConfig({**LOOK, "schedule_to_close_timeout": timedelta(minutes=5)})
"""A comparison, proof or message that no sale waits for: after the limit its outcome is a value.
The activities time out earlier (``activities/support/bounded.py``); this limit covers one that hangs."""

END_SCAN: Final = ActivityConfig({**RECORD, "schedule_to_close_timeout": timedelta(seconds=10)})
"""A wish that stays costs an offer that its worker ignores, so no command waits longer."""

SHUT: Final = ActivityConfig({**RECORD, "schedule_to_close_timeout": timedelta(minutes=1)})
"""A write that should precede the sales, but must not block them."""

SUM_UP: Final = ActivityConfig({**RECORD, "schedule_to_close_timeout": timedelta(minutes=10)})
"""The day's summaries; a host restarts the close when they are missing."""

REPORT: Final = ActivityConfig({**RECORD, "schedule_to_close_timeout": timedelta(minutes=1)})
"""The report of a failed step."""

WATCH: Final = ActivityConfig(
    start_to_close_timeout=timedelta(hours=12),
    heartbeat_timeout=timedelta(seconds=2.5),
    retry_policy=_HANDED_ON,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Scan or hold for hours; a dead process is detected within the heartbeat timeout."""

WATCH_MARKET: Final = ActivityConfig({**WATCH, "heartbeat_timeout": timedelta(seconds=2)})
"""One activity watches many positions, so it can afford a shorter timeout."""

WATCH_SCANS: Final = ActivityConfig({**WATCH, "heartbeat_timeout": timedelta(seconds=5)})
"""No position waits for a scan, so a busy machine gets more time."""

TASK_TIMEOUT: Final = timedelta(seconds=5)
"""How long a frozen or dead process can block a workflow's next step; the same as for its activities' heartbeats."""

RESOLVED_QUICKLY: Final = timedelta(seconds=3)
"""Initial time for which a cancelled order is followed before the cancel is repeated."""


def via(queue: str, options: ActivityConfig, summary: str) -> ActivityConfig:
    """Return the options of one call: its task queue, and its summary in the Web UI."""
    return ActivityConfig({**options, "task_queue": queue, "summary": summary})
