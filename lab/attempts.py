"""Activities as Temporal runs them: one attempt at a time, retried by policy, with Temporal's failure types."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import CompositePayloadConverter, DefaultFailureConverter, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from lab.temporal_parts import ActivityResolution, ScheduleActivity, argument_types

_adapter_for = lru_cache(maxsize=None)(TypeAdapter)


class _Json(PydanticJSONPlainPayloadConverter):
    """The SDK's pydantic JSON converter, with type validators cached across payloads."""

    def from_payload(self, payload: Payload, type_hint: Any = None) -> Any:
        return _adapter_for(type_hint if type_hint is not None else Any).validate_json(payload.data)


class Payloads(CompositePayloadConverter):
    """Payloads as ``DATA_CONVERTER`` encodes them."""

    def __init__(self) -> None:
        others = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(_Json() if each.encoding == "json/plain" else each for each in others))


PAYLOADS: Final = Payloads()
FAILURES: Final = DefaultFailureConverter


@dataclass
class Scheduled:
    """A pending activity of a run; instants are the server's."""

    command: ScheduleActivity
    workflow_id: str
    run_id: str
    scheduled_at: datetime
    attempt: int = 1
    heartbeat: Sequence[Any] = ()
    """Details of the last heartbeat; the next attempt receives them as the server would return them."""
    arguments: Sequence[Any] = ()
    """The decoded arguments, once an attempt has been made."""
    waiting: "Waiting | None" = None

    @property
    def name(self) -> str:
        return self.command.activity_type

    def decoded(self, act: "Act") -> Sequence[Any]:
        """Return the arguments as the activity's types."""
        if not self.arguments:
            self.arguments = PAYLOADS.from_payloads(list(self.command.arguments), argument_types(act))
        return self.arguments

    def succeeded(self, value: object) -> ActivityResolution:
        """Return the job that resolves it."""
        resolution = ActivityResolution()
        resolution.completed.result.CopyFrom(PAYLOADS.to_payload(value))
        return resolution

    def failed(self, cause: Failure, state: "RetryState.ValueType") -> ActivityResolution:
        """Return the job that fails it finally."""
        resolution = ActivityResolution()
        self._describe(resolution.failed.failure, cause, state)
        return resolution

    def cancelled(self) -> ActivityResolution:
        """Return the job that reports its cancellation."""
        cause = Failure(message="cancelled")
        cause.canceled_failure_info.SetInParent()
        resolution = ActivityResolution()
        self._describe(resolution.cancelled.failure, cause, RetryState.RETRY_STATE_CANCEL_REQUESTED)
        return resolution

    def _describe(self, failure: Failure, cause: Failure, state: "RetryState.ValueType") -> None:
        failure.message = "activity failed"
        failure.cause.CopyFrom(cause)
        info = failure.activity_failure_info
        info.activity_type.name, info.activity_id, info.retry_state = self.name, self.command.activity_id, state


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt failed; the next one follows after a delay."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """The attempt waits inside the activity; ``go_on`` lets it run to its next wait or its end."""

    until: datetime
    go_on: "Callable[[], Awaitable[Outcome]]"
    cancel: Callable[[], Awaitable[None]]


Outcome = ActivityResolution | Again | Waiting
Act = Callable[..., Awaitable[Any]]


_WATCHES: Final = frozenset({"begin_watch", "watch_position"})


def sent_by_watch(about: Scheduled, outcome: Outcome) -> list[str]:
    """Return the order that a finished watch has sent, if it has."""
    if about.name not in _WATCHES or not isinstance(outcome, ActivityResolution):
        return []
    if not outcome.HasField("completed"):
        return []
    (signal,) = PAYLOADS.from_payloads([outcome.completed.result])
    return [signal["sent"]["intent_id"]] if signal and signal.get("sent") else []


async def attempt(about: Scheduled, act: Act, now: datetime, client: Any = None) -> ActivityResolution | Again:
    """Make one attempt and return Temporal's outcome."""
    env = ActivityEnvironment(client)
    env.payload_converter = PAYLOADS
    env.info = replace(
        env.info,
        activity_type=about.name,
        attempt=about.attempt,
        heartbeat_details=PAYLOADS.from_payloads(PAYLOADS.to_payloads(about.heartbeat)),
        scheduled_time=about.scheduled_at,
        current_attempt_scheduled_time=now,
        started_time=now,
        workflow_id=about.workflow_id,
        workflow_run_id=about.run_id,
    )

    def beat(*details: Any) -> None:
        about.heartbeat = details

    env.on_heartbeat = beat
    try:
        return about.succeeded(await env.run(act, *about.decoded(act)))
    except Exception as error:  # noqa: BLE001 - Temporal decides about every exception of an activity
        return judged(about, error)


def judged(about: Scheduled, error: Exception) -> ActivityResolution | Again:
    """Return the outcome of a failed attempt."""
    policy = about.command.retry_policy
    failure = Failure()
    FAILURES().to_failure(error, PAYLOADS, failure)
    kind = failure.application_failure_info.type
    if failure.application_failure_info.non_retryable or kind in policy.non_retryable_error_types:
        return about.failed(failure, RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE)
    if policy.maximum_attempts and about.attempt >= policy.maximum_attempts:
        return about.failed(failure, RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED)
    if isinstance(error, ApplicationError) and error.next_retry_delay is not None:
        return Again(error.next_retry_delay)
    pause = policy.initial_interval.ToTimedelta() * policy.backoff_coefficient ** min(about.attempt - 1, 20)
    return Again(min(pause, policy.maximum_interval.ToTimedelta()))
