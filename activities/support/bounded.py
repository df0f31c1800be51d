"""Time limit for comparisons and proofs: on expiry the result is a value, and the workflow continues."""

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
"""Minimum real time for an attempt, however late it starts."""
_NOT_RETRIED: Final = (StaleFencingTokenError, InvalidTransitionError, BadRulesError)


@dataclass(frozen=True, slots=True)
class NotDone:
    """Why an activity gave up."""

    cause: str


async def in_time(pace: "Pace", act: Callable[[], Awaitable[T]], longest: timedelta = LONGEST) -> T | NotDone:
    """Return the result, or `NotDone` when the time for all attempts is over.

    Before that, faults are raised so that Temporal retries. A handover on shutdown always passes.
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
