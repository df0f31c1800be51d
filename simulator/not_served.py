"""What clients ask for and the simulator does not serve: each kind once on standard error, with counts for control."""

import sys
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

NO_SERVICE: Final = "OPSQ0002"
"""KIS's code for a path or TR id that it does not know."""
STREAM: Final = "stream"
"""Stands for method and path of a registration."""
_MOST_KINDS: Final = 500
_LONGEST: Final = 120


class Kind(NamedTuple):
    """One kind of call: ``method`` and ``path`` as sent, ``tr_id`` of the header ("" = none)."""

    method: str
    path: str
    tr_id: str


@dataclass(slots=True)
class Asked:
    """How often a kind was asked for, why it is not served, and the code of the reply."""

    reason: str
    code: str
    count: int = 0


class NotServed:
    """Counts what one service does not serve. ``environment`` names the service."""

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._kinds: dict[Kind, Asked] = {}
        self._others = 0

    def note(self, kind: Kind, reason: str, code: str) -> None:
        """Count a call. The first call of a kind is one line on standard error."""
        kind = Kind(*map(_plain, kind))
        asked = self._kinds.get(kind)
        if asked is None and len(self._kinds) >= _MOST_KINDS:
            self._others += 1
            return
        if asked is None:
            asked = self._kinds[kind] = Asked(reason, code)
            self._say(f"not served: {_named(kind)} ({self._environment}): {reason} ({code})")
        asked.count += 1

    def say_counts(self) -> None:
        """Print one line for each kind with its count."""
        for kind, asked in self._kinds.items():
            self._say(f"not served: {_named(kind)} ({self._environment}): {asked.count:,} times")
        if self._others:
            self._say(f"not served: {self._others:,} calls of other kinds ({self._environment})")

    def to_json(self) -> list[dict[str, Any]]:
        """Return the kinds as the control API shows them, in the order of their first call."""
        return [
            {
                "environment": self._environment,
                **kind._asdict(),
                "count": asked.count,
                "reason": asked.reason,
                "msg_cd": asked.code,
            }
            for kind, asked in self._kinds.items()
        ]

    def _say(self, text: str) -> None:
        print(f"simulator: {text}", file=sys.stderr, flush=True)  # noqa: T201


def why_not(kind: Kind, served_method: str | None) -> str:
    """Return why a call is not served; ``served_method`` is that of its path, None for an unknown path."""
    if served_method is None:
        return "no such path here"
    if served_method != kind.method:
        return f"the path takes {served_method}, not {kind.method}"
    return f"the path is served, the TR id {kind.tr_id} is not"


def _named(kind: Kind) -> str:
    return " ".join(filter(None, (kind.method, kind.path, kind.tr_id)))


def _plain(text: str) -> str:
    """Cut a client's text and replace what could control a terminal."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
    return shown + ("…" if len(text) > _LONGEST else "")
