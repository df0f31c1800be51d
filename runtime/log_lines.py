"""Log lines without secrets: JSON for programs, plain text for people."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from domain.clock import in_seoul
from domain.masking import Masking
from domain.plain_text import escaped, harmless, one_line

_LONGEST_SAID: Final = 20_000
_CONTEXT_FIELDS: Final = ("workflow_id", "workflow_type", "activity_type", "attempt", "task_queue")
_CONTEXTS: Final = ("temporal_workflow", "temporal_activity")
_NOT_FIELDS: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, *_CONTEXTS, "message", "asctime", "taskName", "temporal_log", "color_message"}
)


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
