"""The finished activities of a day: what a workflow asked for, when, and what it received."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lab.attempts import Scheduled
from lab.temporal_parts import ActivityResolution

_FIRST_NUMBER: Final = re.compile(r"[+-]?\d")


@dataclass(frozen=True, slots=True)
class Step:
    """One activity; instants are market time. ``answer`` is None if it was cancelled or failed."""

    workflow_id: str
    name: str
    began: datetime
    ended: datetime
    asked: Any
    answer: Any


def reasons_in(about: Scheduled, resolution: ActivityResolution) -> list[str]:
    """Return why a finished entry bought nothing, a reason for each candidate without its numbers."""
    if about.name != "prepare_entry" or not resolution.HasField("completed"):
        return []
    answer = json.loads(resolution.completed.result.data)
    return [
        _FIRST_NUMBER.split(text.partition(": ")[2], maxsplit=1)[0].strip(" :,") for text in answer.get("reasons", ())
    ]


def step_of(about: Scheduled, resolution: ActivityResolution, now: datetime) -> Step:
    """Return a resolved activity of the lab as a step."""
    asked = [json.loads(each.data) for each in about.command.arguments]
    answered = json.loads(resolution.completed.result.data or b"null") if resolution.HasField("completed") else None
    return Step(about.workflow_id, about.name, about.scheduled_at, now, asked[0] if asked else None, answered)
