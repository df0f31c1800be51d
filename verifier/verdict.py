"""Report lasting violations only: books that are read while being written may differ for a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verifier.books import Books, Violation
from verifier.invariants import violations

_LOOKS: Final = 4
_BETWEEN: Final = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The latest books, and the violations that every read has shown."""

    books: Books
    found: Mapping[str, tuple[Violation, ...]]

    @property
    def count(self) -> int:
        """Return the number of violations of all invariants."""
        return sum(len(each) for each in self.found.values())


def judged(books: Books) -> Verdict:
    """Judge a single read."""
    return Verdict(books, violations(books))


async def judge(read: Callable[[], Awaitable[Books]], between: float = _BETWEEN) -> Verdict:
    """Read until there are no violations, or the same ones have lasted through several reads."""
    verdict = judged(await read())
    for _ in range(_LOOKS - 1):
        if not verdict.count:
            break
        await asyncio.sleep(between)
        verdict = _lasting(verdict, judged(await read()))
    return verdict


def _lasting(before: Verdict, now: Verdict) -> Verdict:
    seen = {violation.evidence for each in before.found.values() for violation in each}
    kept = {name: tuple(each for each in found if each.evidence in seen) for name, found in now.found.items()}
    return Verdict(now.books, kept)
