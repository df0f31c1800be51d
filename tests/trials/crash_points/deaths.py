"""Days whose first process dies at a crossing: the faults of each, for any kind of day."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Final, Protocol, TypeVar

from lab.runs import StuckError


class _Walked(Protocol):
    @property
    def crossings(self) -> list[str]:
        """Return the crossings of the first process."""
        ...


Day = TypeVar("Day", bound=_Walked)

_TRIES: Final = 3
"""A machine that stalls for seconds lets real-time limits expire; then the process dies at another crossing."""


async def broken_by_deaths(
    dying_at: Callable[[int], Awaitable[Day]],
    wrong_with: Callable[[Day], list[str]],
    crossings: Sequence[str],
    chosen: Iterable[int],
) -> dict[str, list[str]]:
    """Play a day for each chosen crossing (counted from 1) at which its process dies; return the faults, by crossing.

    ``crossings`` are those of the undisturbed day. Each of these days must repeat them up to its death. A day that does
    not is judged too, and played again.
    """
    broken = {}
    for ends_at in chosen:
        wrong = await _wrong_after_death(dying_at, wrong_with, list(crossings[:ends_at]))
        if wrong:
            broken[f"{ends_at} {crossings[ends_at - 1]}"] = wrong
    return broken


async def _wrong_after_death(
    dying_at: Callable[[int], Awaitable[Day]], wrong_with: Callable[[Day], list[str]], expected: list[str]
) -> list[str]:
    differs = ""
    for _ in range(_TRIES):
        try:
            day = await dying_at(len(expected))
        except StuckError as stuck:
            return [f"stuck: {stuck}"]
        differs = _first_difference(day.crossings, expected)
        wrong = wrong_with(day)
        if wrong or not differs:
            return [*([differs] if differs else []), *wrong]
    return [differs]


def _first_difference(taken: Sequence[str], expected: Sequence[str]) -> str:
    for at, (actual, wanted) in enumerate(zip_longest(taken, expected, fillvalue="the end"), 1):
        if actual != wanted:
            return f"crossing {at} is {actual!r} instead of {wanted!r}"
    return ""
