"""Logs as events with fields, without secrets; and Temporal's metrics and log lines."""

import json
import logging
import re
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final

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
from settings import TelemetrySettings

MASK: Final = "***"
_LEAST_SECRET: Final = 6
"""Characters; masking shorter ones would eat ordinary words and numbers."""
_NAMED_SECRET: Final = re.compile(
    r"""(?ix) ( ["']? (?: app_?key | app_?secret | secretkey | access_token | approval_key | authorization | password
    | pgpassword | api_key | cano ) ["']? \s* [:=] \s* ["']? (?: bearer \s+ )? ) [^"',;&\s}]+"""
)
_BEARER: Final = re.compile(r"(?i)\bbearer\s+[\w.~+/=-]+")
_URL_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]*:)[^@/\s]+@")
_CONTEXT_FIELDS: Final = ("workflow_id", "workflow_type", "activity_type", "attempt", "task_queue")
_CONTEXTS: Final = ("temporal_workflow", "temporal_activity")
_NOT_FIELDS: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, *_CONTEXTS, "message", "asctime", "taskName", "temporal_log", "color_message"}
)
_QUIET: Final = ("apprise", "urllib3", "httpx", "httpcore", "uvicorn.access", "asyncio", "yoyo")


class Masking:
    """Takes known secrets, and whatever stands beside the name of one, out of a text."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = {
            form for secret in secrets if len(secret) >= _LEAST_SECRET for form in (secret, json.dumps(secret)[1:-1])
        }
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _NAMED_SECRET.sub(rf"\1{MASK}", text)
        return _URL_PASSWORD.sub(rf"\1{MASK}@", _BEARER.sub(f"Bearer {MASK}", text))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at` (UTC), `level`, `event`, `logger`, and the event's fields."""

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
        return self._mask(json.dumps(line, ensure_ascii=False, default=str))


class PlainFormatter(logging.Formatter):
    """One line for people: Seoul's time, level, event, fields as `name=value`."""

    def __init__(self, mask: Masking) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        at = in_seoul(datetime.fromtimestamp(record.created, UTC))
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record))
        line = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {record.levelname:<7} {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return self._mask(line)


def start_logging(settings: TelemetrySettings, secrets: Collection[str] = ()) -> None:
    """Send all logging to standard error in one form, without the secrets."""
    mask = Masking(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(mask) if settings.log_format == "json" else PlainFormatter(mask))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Else the SDK appends a dictionary to each event word; the fields arrive by `extra` anyway.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def temporal_runtime(settings: TelemetrySettings) -> Runtime:
    """Make the SDK's runtime, once a process: its log lines go into logging, its metrics to the configured address."""
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
