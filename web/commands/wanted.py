"""A command as a browser asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.identity import ALL_WORKERS


class Act(StrEnum):
    """A command of the page; the words of the command line."""

    PAUSE = "pause"
    RESUME = "resume"
    LIQUIDATE = "liquidate"
    STOP = "stop"
    KILL_SWITCH_ON = "kill-switch on"
    KILL_SWITCH_OFF = "kill-switch off"
    CLOSE = "close"
    RULES = "rules"
    ADOPT = "adopt"
    DISMISS = "dismiss"
    ACCEPT = "foreign-orders accept"


SELLS: Final = frozenset({Act.LIQUIDATE, Act.STOP, Act.KILL_SWITCH_ON, Act.CLOSE})
"""Acts that sell shares."""
OF_THE_FLEET: Final = tuple(act for act in Act if act not in {Act.RULES, Act.ADOPT, Act.DISMISS, Act.ACCEPT})
"""Acts that need no further words, as buttons for all workers."""
_OF_A_WORKER: Final = frozenset({Act.PAUSE, Act.RESUME, Act.LIQUIDATE, Act.STOP, Act.RULES})
_DETAILS: Final[Mapping[Act, tuple[str, ...]]] = {
    Act.RULES: ("rule",),
    Act.ADOPT: ("intent", "number", "branch", "reason"),
    Act.DISMISS: ("intent", "reason"),
    Act.ACCEPT: ("number", "reason"),
}
"""What an act needs beside its worker; none may be empty."""
_OPTIONAL: Final[Mapping[Act, tuple[str, ...]]] = {Act.RULES: ("value",)}
"""What may be empty: a parameter of a strategy returns to its default."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act, whom it concerns (a worker's name or ``all``), its details, and the client that asks for it."""

    act: Act
    worker: str = ALL_WORKERS
    details: tuple[tuple[str, str], ...] = ()
    client: str = field(default="web", compare=False)

    @classmethod
    def of(cls, act: Act, worker: str, given: Mapping[str, str] | None = None, client: str = "web") -> "Wanted":
        """Return an act. One that concerns the fleet names no worker, so that the page does not show one.

        Raises:
            ValueError: a detail is missing.
        """
        texts = given or {}
        needed, optional = _DETAILS.get(act, ()), _OPTIONAL.get(act, ())
        details = tuple((name, texts.get(name, "").strip()) for name in (*needed, *optional))
        if not all(text for name, text in details if name in needed):
            raise ValueError(f"{act} needs {', '.join(needed)}")
        return cls(act, worker if act in _OF_A_WORKER else ALL_WORKERS, details, client)

    @property
    def concerns_workers(self) -> bool:
        """Return whether the act is a command to workers."""
        return self.act in _OF_A_WORKER

    def __getitem__(self, name: str) -> str:
        return dict(self.details)[name]

    @property
    def words(self) -> list[str]:
        """Return the command as the command line would have it, for the audit log."""
        begun = [*self.act.value.split(), *([self.worker] if self.concerns_workers else [])]
        if self.act is Act.RULES:
            return [*begun, f"{self['rule']}={self['value']}"]
        given = [text for name, text in self.details if name != "reason"]
        return [*begun, *given, *(["--reason", self["reason"]] if self.details else [])]
