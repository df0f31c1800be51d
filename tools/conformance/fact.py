"""Facts about KIS: each with its section and mark, and the result of asking it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from tools.conformance.kis import Kis

Check = Callable[[Kis], Awaitable[None]]

REAL: Final = "real"
PAPER: Final = "paper"
_BOTH: Final = frozenset({REAL, PAPER})
_MARKS: Final = {
    "O": "official samples or portal",
    "C": "source of a client in use",
    "T": "tried with a client in use",
    "M": "measured by others",
    "-": "our inference",
}


class Need(Enum):
    """Precondition for asking a fact; the text says what is missing."""

    ORDERS = "it sends orders; ask for it with ORDERS=yes"
    SESSION = "it needs the regular session, 09:00 to 15:20 KST"
    SIMULATOR = "it would do harm or cost too much elsewhere than at the simulator"


class Verdict(StrEnum):
    """Result of asking a fact."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_ASKED = "cannot be asked here"


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement with its check; ``services`` are those that the statement is about."""

    section: str
    marks: str
    check: Check
    services: frozenset[str]
    needs: frozenset[Need]

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def statement(self) -> str:
        return (self.check.__doc__ or "").strip().removesuffix(".")


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact and the observation; ``seen`` is blank if the fact holds."""

    fact: Fact
    verdict: Verdict
    seen: str = ""


def fact(section: str, marks: str, *needs: Need, only: str = "") -> Callable[[Check], Fact]:
    """Make a fact from a check. The docstring is the statement; ``only`` names the one service it is about."""
    unknown = set(marks.split()) - set(_MARKS)
    if unknown:
        raise ValueError(f"no such mark: {', '.join(sorted(unknown))}; there are {', '.join(_MARKS)}")

    def made(check: Check) -> Fact:
        return Fact(section, marks, check, frozenset({only}) if only else _BOTH, frozenset(needs))

    return made
