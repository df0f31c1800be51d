"""What stays wrong: books that are read while they are written may differ for a moment, and only what lasts counts."""

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
    """The latest books, and the violations that every look at them has shown."""

    books: Books
    found: Mapping[str, tuple[Violation, ...]]

    @property
    def count(self) -> int:
        """Return the number of violations of all invariants."""
        return sum(len(each) for each in self.found.values())


def judged(books: Books) -> Verdict:
    """Judge by one look."""
    return Verdict(books, violations(books))


async def judge(read: Callable[[], Awaitable[Books]]) -> Verdict:
    """Look until nothing is wrong, or the same has been wrong in several looks."""
    verdict = judged(await read())
    for _ in range(_LOOKS - 1):
        if not verdict.count:
            break
        await asyncio.sleep(_BETWEEN)
        verdict = _lasting(verdict, judged(await read()))
    return verdict


def _lasting(before: Verdict, now: Verdict) -> Verdict:
    seen = {violation.evidence for each in before.found.values() for violation in each}
    kept = {name: tuple(each for each in found if each.evidence in seen) for name, found in now.found.items()}
    return Verdict(now.books, kept)
