"""The steps of a sale without Temporal: each activity is called in this process, with the same limits and retries."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState
from temporalio.testing import ActivityEnvironment
from temporalio.workflow import ActivityConfig

from workflows.steps import Answer, Log, Request

logger = logging.getLogger("haru.sales")

Acts = Mapping[str, Callable[..., Awaitable[Any]]]
"""The activities of a sale, by name."""
_LOOKS_EVERY: Final = 1.0
"""Seconds between two checks of a running attempt's heartbeats."""
_MOST_DOUBLINGS: Final = 10


class DirectSteps:
    """Calls the activities of a sale. Nothing of it is in a history: the books alone say how far it is."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    @property
    def logger(self) -> Log:
        """Return this process's log."""
        return logger

    def now(self) -> datetime:
        """Return the real time (UTC)."""
        return datetime.now(UTC)  # noqa: TID251 - as a workflow's time

    async def sleep(self, duration: timedelta, summary: str) -> None:  # noqa: ARG002 - a timer shows it
        """Sleep in this process."""
        await asyncio.sleep(duration.total_seconds())

    async def act(
        self, method: Callable[[Any, Request], Awaitable[Answer]], request: Request, options: ActivityConfig
    ) -> Answer:
        """Call the activity until an attempt succeeds.

        Raises:
            ActivityError: its retry policy allows no further attempt; the cause is an ``ApplicationError`` of its type.
        """
        name = method.__name__
        policy, calling = options["retry_policy"] or RetryPolicy(), _Calling(name, self._acts[name], options)
        while True:
            try:
                answer: Answer = await calling.once(request)
            except Exception as fault:  # noqa: BLE001 - Temporal retries every error of an activity, too
                kind = (fault.type if isinstance(fault, ApplicationError) else None) or type(fault).__name__
                if kind in (policy.non_retryable_error_types or ()) or calling.attempts == policy.maximum_attempts:
                    raise _failed(name) from ApplicationError(str(fault), type=kind)
                extra = {"act": name, "cause": f"{kind}: {fault}"}
                logger.warning("sale_step_retried", extra=extra)
                await asyncio.sleep(_pause(policy, calling.attempts))
            else:
                return answer


class _Calling:
    """The attempts of one activity."""

    def __init__(self, name: str, act: Callable[..., Awaitable[Any]], options: ActivityConfig) -> None:
        self._name = name
        self._act = act
        self._options = options
        self._begun_at = datetime.now(UTC)  # noqa: TID251 - as the server's time
        self._details: Sequence[Any] = ()
        self._beat_at = 0.0
        self.attempts = 0

    async def once(self, request: object) -> Any:
        """Make one attempt.

        Raises:
            TimeoutError: it takes too long, or its heartbeats have stopped.
        """
        self.attempts += 1
        loop = asyncio.get_running_loop()
        env, self._beat_at = self._environment(), loop.time()
        attempt = asyncio.ensure_future(env.run(self._act, request))
        begun, longest = loop.time(), _seconds(self._options.get("start_to_close_timeout"))
        silence = _seconds(self._options.get("heartbeat_timeout"))
        try:
            while not attempt.done():
                await asyncio.wait([attempt], timeout=_LOOKS_EVERY)
                now = loop.time()
                if not attempt.done() and (now - begun > longest or now - self._beat_at > silence):
                    raise TimeoutError(f"{self._name} has not ended in time")
        finally:
            if not attempt.done():
                attempt.cancel()
                await asyncio.wait([attempt])
        return attempt.result()

    def _environment(self) -> ActivityEnvironment:
        env = ActivityEnvironment()
        env.info = replace(
            env.info,
            activity_type=self._name,
            attempt=self.attempts,
            heartbeat_details=self._details,
            scheduled_time=self._begun_at,
            started_time=datetime.now(UTC),  # noqa: TID251 - as the server's time
            task_token=uuid4().bytes,
        )
        env.on_heartbeat = self._beat
        return env

    def _beat(self, *details: Any) -> None:
        self._details, self._beat_at = details, asyncio.get_running_loop().time()


def _seconds(limit: timedelta | None) -> float:
    return float("inf") if limit is None else limit.total_seconds()


def _pause(policy: RetryPolicy, attempts: int) -> float:
    pause = policy.initial_interval * policy.backoff_coefficient ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(pause, policy.maximum_interval or pause).total_seconds()


def _failed(name: str) -> ActivityError:
    return ActivityError(
        f"{name} failed",
        scheduled_event_id=0,
        started_event_id=0,
        identity="",
        activity_type=name,
        activity_id="",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
