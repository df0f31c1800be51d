"""Count refusals for lack of proof until a duty of the host records them. A flood is one entry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

_MOST_KINDS: Final = 50
_LONGEST: Final = 120
OTHERS: Final = "other"
"""Name for all further refusals once the limit of separate kinds is reached."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One kind of refusal: what was requested (``start``, ``signal``, …), its name, its workflow, and why."""

    what: str
    name: str
    workflow_id: str
    why: str


class Refusals:
    """Filled by event loops and workflow threads, emptied by one duty. Its size is bounded."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: Counter[Refused] = Counter()

    def note(self, what: str, name: str, workflow_id: str, why: str) -> None:
        """Count a refusal. Names come from a stranger, so they are cut and control characters are replaced."""
        refused = Refused(what, _tame(name), _tame(workflow_id), why)
        with self._lock:
            if refused not in self._counted and len(self._counted) >= _MOST_KINDS:
                refused = Refused(OTHERS, "", "", "more than can be listed was refused")
            self._counted[refused] += 1

    def take(self) -> Sequence[tuple[Refused, int]]:
        """Return the refusals since the last call, each with its count."""
        with self._lock:
            taken = list(self._counted.items())
            self._counted.clear()
        return taken


def _tame(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])
