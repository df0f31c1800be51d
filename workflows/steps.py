"""How a sale acts: by activities of its workflow, or by direct calls where Temporal cannot be waited for."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from temporalio import workflow
from temporalio.workflow import ActivityConfig

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Log = logging.Logger | logging.LoggerAdapter[Any]


class Steps(Protocol):
    """The clock, the pauses, the log and the acts of a sale. Instants and durations are real time."""

    @property
    def logger(self) -> Log:
        """Return where the sale logs."""
        ...

    def now(self) -> datetime:
        """Return the current instant (UTC)."""
        ...

    async def sleep(self, duration: timedelta, summary: str) -> None:
        """Pause the sale."""
        ...

    async def act(
        self, method: Callable[[Any, Request], Awaitable[Answer]], request: Request, options: ActivityConfig
    ) -> Answer:
        """Perform an activity with its retries.

        Raises:
            ActivityError: no attempt succeeded, and no further one follows.
        """
        ...


class DurableSteps:
    """The steps of a workflow: each is in its history."""

    @property
    def logger(self) -> Log:
        """Return the logger that is silent in a replay."""
        return workflow.logger

    def now(self) -> datetime:
        """Return the workflow's time."""
        return workflow.now()

    async def sleep(self, duration: timedelta, summary: str) -> None:
        """Sleep by a durable timer."""
        await workflow.sleep(duration, summary=summary)

    async def act(
        self, method: Callable[[Any, Request], Awaitable[Answer]], request: Request, options: ActivityConfig
    ) -> Answer:
        """Schedule an activity and wait for its result."""
        return await workflow.execute_activity_method(method, request, **options)


DURABLE: Final = DurableSteps()
