"""What was refused for want of proof, counted until a duty of the host writes it down. A flood is one entry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

_MOST_KINDS: Final = 50
_LONGEST: Final = 120
OTHERS: Final = "other"
"""What stands for all that is refused beyond what is told apart."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One kind of refusal: what was asked (``start``, ``signal``, …), its name, for which workflow, and why."""

    what: str
    name: str
    workflow_id: str
    why: str


class Refusals:
    """Filled by event loops and workflow threads, emptied by one duty. It never grows beyond a bound."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counted: Counter[Refused] = Counter()

    def note(self, what: str, name: str, workflow_id: str, why: str) -> None:
        """Count a refusal. Names come from a stranger: they are cut, and control characters are replaced."""
        refused = Refused(what, _tame(name), _tame(workflow_id), why)
        with self._lock:
            if refused not in self._counted and len(self._counted) >= _MOST_KINDS:
                refused = Refused(OTHERS, "", "", "more than can be listed was refused")
            self._counted[refused] += 1

    def take(self) -> Sequence[tuple[Refused, int]]:
        """Return what was refused since the last call, and how often."""
        with self._lock:
            taken = list(self._counted.items())
            self._counted.clear()
        return taken


def _tame(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])
