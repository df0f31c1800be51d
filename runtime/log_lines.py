"""Log lines without secrets: JSON for programs, plain text for people."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from domain.clock import LIVE_CLOCK, MarketClock, in_seoul
from domain.masking import Masking
from domain.plain_text import escaped, harmless, one_line

_LONGEST_SAID: Final = 20_000
_QUIET_SECONDS: Final = 30.0
_AWAY: Final = {
    *("PostgresConnectionError", "OperatorInterventionError", "CannotConnectNowError", "TooManyConnectionsError"),
}
"""Errors of the database driver while its server restarts. The driver itself is not imported here."""
_CONTEXT_FIELDS: Final = ("workflow_id", "run_id", "workflow_type", "activity_type", "attempt", "task_queue")
_CONTEXTS: Final = ("temporal_workflow", "temporal_activity")
_NOT_FIELDS: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, *_CONTEXTS, "message", "asctime", "taskName", "temporal_log", "color_message"}
)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `at` (UTC), `level`, `event`, `logger`, and the event's fields.

    `market_at` (KST) is added where the market's time is not the real one.
    """

    def __init__(self, mask: Masking) -> None:
        super().__init__()
        self._mask = mask
        self.clock = LIVE_CLOCK

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **dict(_fields(record)),
        }
        if not self.clock.is_live:
            line["market_at"] = _market_time(self.clock, record).isoformat(timespec="seconds")
        if record.exc_info:
            line["error"] = outage_of(record) or self.formatException(record.exc_info)
        return escaped(self._mask(json.dumps(line, ensure_ascii=False, default=str)))


class PlainFormatter(logging.Formatter):
    """One line for people: Seoul time, the market's in brackets if it differs, level, event, fields as `name=value`."""

    def __init__(self, mask: Masking) -> None:
        super().__init__()
        self._mask = mask
        self.clock = LIVE_CLOCK

    def format(self, record: logging.LogRecord) -> str:
        at = in_seoul(datetime.fromtimestamp(record.created, UTC))
        said = one_line(record.getMessage(), _LONGEST_SAID)
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record))
        market = "" if self.clock.is_live else f" [{_market_time(self.clock, record):%H:%M:%S}]"
        line = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}{market} {record.levelname:<7} {said}{fields}"
        if outage := outage_of(record):
            line += f" cause={_shown(outage)}"
        elif record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return harmless(self._mask(line))


class WithItsStep(logging.Filter):
    """Adds the trace of a line, and the activity or workflow in which it is logged, unless the SDK's logger does."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = sys.modules.get("opentelemetry.trace")
        if trace is not None and (span := trace.get_current_span().get_span_context()).trace_flags.sampled:
            record.trace_id = f"{span.trace_id:032x}"
        if any(context in vars(record) for context in _CONTEXTS):
            return True
        # A process without the SDK is in no step, and a short verb is not to import it for its log lines.
        activity, workflow = sys.modules.get("temporalio.activity"), sys.modules.get("temporalio.workflow")
        if activity is not None and activity.in_activity():
            ours = activity.info()
            details = {"workflow_id": ours.workflow_id, "run_id": ours.workflow_run_id, "attempt": ours.attempt}
            record.temporal_activity = {**details, "activity_type": ours.activity_type}
        elif workflow is not None and workflow.in_workflow():
            run = workflow.info()
            record.temporal_workflow = {"workflow_id": run.workflow_id, "run_id": run.run_id, "attempt": run.attempt}
        return True


class OneLineAnOutage(logging.Filter):
    """Drops repeated lines about a server that is away: while a database restarts, every activity fails alike."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not (outage := outage_of(record)):
            return True
        about = (record.getMessage(), outage.partition(":")[0])
        if record.created - self._shown.get(about, 0.0) < _QUIET_SECONDS:
            return False
        self._shown[about] = record.created
        return True


def outage_of(record: logging.LogRecord) -> str:
    """Return a record's error in one line if a server was away; empty for other errors, which need their trace."""
    error = record.exc_info[1] if record.exc_info else None
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] == "asyncpg"}
    is_closed = "InterfaceError" in kinds and "clos" in str(error)  # the driver's own misuse has this class too
    is_away = isinstance(error, ConnectionError | TimeoutError) or is_closed or not kinds.isdisjoint(_AWAY)
    return one_line(f"{type(error).__name__}: {error}", _LONGEST_SAID) if is_away else ""


def _market_time(clock: MarketClock, record: logging.LogRecord) -> datetime:
    return in_seoul(clock.market_time(datetime.fromtimestamp(record.created, UTC)))


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    values, found = vars(record), dict[str, Any]()
    for context in _CONTEXTS:
        details = values.get(context)
        if isinstance(details, dict):
            named = {"run_id": details.get("workflow_run_id"), **details}
            found |= {name: named[name] for name in _CONTEXT_FIELDS if named.get(name) is not None}
    found |= {name: value for name, value in values.items() if name not in _NOT_FIELDS}
    yield from found.items()


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r"[\s\"=]", text) else text
