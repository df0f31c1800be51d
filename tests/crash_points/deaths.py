"""Days whose first process dies at a crossing: what is wrong with each, whatever kind of day it is."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from tests.clockwork.runs import StuckError


class _Walked(Protocol):
    @property
    def crossings(self) -> list[str]:
        """Return where the first process went."""
        ...


Day = TypeVar("Day", bound=_Walked)


async def broken_by_deaths(
    dying_at: Callable[[int], Awaitable[Day]],
    wrong_with: Callable[[Day], list[str]],
    crossings: Sequence[str],
    chosen: Iterable[int],
) -> dict[str, list[str]]:
    """Play a day for each chosen crossing (counted from 1) at which its process dies; return what broke, by crossing.

    ``crossings`` are those of the undisturbed day, which each of these must repeat up to its death.
    """
    broken = {}
    for ends_at in chosen:
        try:
            day = await dying_at(ends_at)
        except StuckError as stuck:
            wrong = [f"stuck: {stuck}"]
        else:
            repeats = day.crossings == list(crossings[:ends_at])
            wrong = [*([] if repeats else [f"the day took another way: {day.crossings[-3:]}"]), *wrong_with(day)]
        if wrong:
            broken[f"{ends_at} {crossings[ends_at - 1]}"] = wrong
    return broken
