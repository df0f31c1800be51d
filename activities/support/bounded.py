"""A bound for comparisons and proofs: work that is not done in time becomes a value, and the workflow goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.errors import BadRulesError, InvalidTransitionError, StaleFencingTokenError

if TYPE_CHECKING:
    from activities.support.pace import Pace

T = TypeVar("T")

LONGEST: Final = timedelta(minutes=3)
"""Real time for all attempts of one activity together."""
_SHORTEST: Final = timedelta(seconds=10)
"""Real time of the last attempt, however late it starts."""
_NOT_RETRIED: Final = (StaleFencingTokenError, InvalidTransitionError, BadRulesError)


@dataclass(frozen=True, slots=True)
class NotDone:
    """Why an activity gave up."""

    cause: str


async def in_time(pace: "Pace", act: Callable[[], Awaitable[T]], longest: timedelta = LONGEST) -> T | NotDone:
    """Return the result, or `NotDone` when the time of all attempts is over.

    Before that a fault is raised, so that Temporal retries. A hand-over on shutdown always passes.
    """
    left = max(longest - pace.waited(), _SHORTEST)
    bound = asyncio.timeout(left.total_seconds())
    try:
        async with bound:
            return await act()
    except ApplicationError:
        raise
    except Exception as fault:
        is_over = bound.expired() or pace.waited() >= longest or isinstance(fault, _NOT_RETRIED)
        if not is_over:
            raise
        cause = "no answer in time" if bound.expired() else f"{type(fault).__name__}: {fault}"
        activity.logger.exception("gave_up", extra={"cause": cause})
        return NotDone(cause)
