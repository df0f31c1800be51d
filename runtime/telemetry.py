"""Structured logs without secrets, and Temporal's metrics and log lines."""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Never

from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from domain.clock import in_seoul
from domain.masking import Masking
from domain.plain_text import escaped, harmless, one_line
from runtime.private_values import secrets_of
from runtime.settings import SettingsError, TelemetrySettings, load_settings, raw_environment

_LONGEST_SAID: Final = 20_000
_CONTEXT_FIELDS: Final = ("workflow_id", "workflow_type", "activity_type", "attempt", "task_queue")
_CONTEXTS: Final = ("temporal_workflow", "temporal_activity")
_NOT_FIELDS: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, *_CONTEXTS, "message", "asctime", "taskName", "temporal_log", "color_message"}
)
_OURS: Final = ("haru", "temporalio", "activities", "broker", "database", "fleet", "workflows")
"""Loggers whose lines below warning are logged. Other libraries log whole requests and frames, including keys."""


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `at` (UTC), `level`, `event`, `logger`, and the event's fields."""

    def __init__(self, mask: Masking) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **dict(_fields(record)),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return escaped(self._mask(json.dumps(line, ensure_ascii=False, default=str)))


class PlainFormatter(logging.Formatter):
    """One line for people: Seoul time, level, event, fields as `name=value`."""

    def __init__(self, mask: Masking) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        at = in_seoul(datetime.fromtimestamp(record.created, UTC))
        said = one_line(record.getMessage(), _LONGEST_SAID)
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record))
        line = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {record.levelname:<7} {said}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return harmless(self._mask(line))


def start_logging(settings: TelemetrySettings, secrets: Collection[str] = ()) -> None:
    """Send all logging to standard error in one format, without secrets."""
    mask = Masking(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(mask) if settings.log_format == "json" else PlainFormatter(mask))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    # Otherwise the SDK appends a dictionary to each event name. The fields already arrive by `extra`.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def masking() -> Masking:
    """Return a mask for every secret in this process's settings, valid or not."""
    secrets = secrets_of(raw_environment())
    with suppress(SettingsError):
        secrets += load_settings().secrets()
    return Masking(secrets)


def say_error(program: str, error: object, *, as_json: bool = False) -> None:
    """Write a program's failure to standard error, without secrets and terminal control characters.

    ``as_json`` also writes `{"error": …}` to standard output.
    """
    text = masking()(str(error))
    if as_json:
        sys.stdout.write(escaped(json.dumps({"error": text}, ensure_ascii=False)) + "\n")
    sys.stderr.write(harmless(f"{program}: {text}") + "\n")


def guard_standard_error() -> None:
    """Mask direct output to standard error: tracebacks of bugs, and logs before logging is set up."""
    mask = masking()

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.stderr.write(harmless(mask("".join(traceback.format_exception(kind, error, trace)))))

    sys.excepthook = show
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PlainFormatter(mask))


def temporal_runtime(settings: TelemetrySettings) -> Runtime:
    """Create the SDK's runtime, once per process: log lines go to logging, metrics to the configured address."""
    metrics = None
    if settings.prometheus_address:
        metrics = PrometheusConfig(
            bind_address=settings.prometheus_address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
    core = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    return Runtime(telemetry=TelemetryConfig(logging=core, metrics=metrics))


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    values = vars(record)
    for context in _CONTEXTS:
        details = values.get(context)
        if isinstance(details, dict):
            yield from ((name, details[name]) for name in _CONTEXT_FIELDS if name in details)
    yield from ((name, value) for name, value in values.items() if name not in _NOT_FIELDS)


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r"[\s\"=]", text) else text


def leave(code: int) -> Never:
    """End the process at once: the interpreter's own exit can crash in Temporal's native threads (sdk-python #300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
