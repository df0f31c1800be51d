"""Interceptors of a worker: workflows and activities require seals before they act, and workflows set them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import SearchAttributeKey
from temporalio.worker import (
    ActivityInboundInterceptor,
    ContinueAsNewInput,
    ExecuteActivityInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.worker import Interceptor as WorkerInterceptor

from security.sealing.client import Sealing
from security.sealing.codec import base_id
from security.sealing.keys import KeyRing
from security.sealing.marks import refusal
from security.sealing.refusals import Refusals
from security.sealing.seals import HEADER, Message, seal, sealed_at

START_WITHIN: Final = timedelta(minutes=10)
"""Real time limit between seal and start, by both clocks. An older start was stored and replayed."""
UPDATE_WITHIN: Final = timedelta(hours=1)
"""The same for an update. It is long because a kill switch must not fail for a clock that is wrong by minutes."""
_SCHEDULED_FOR: Final = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
_METADATA: Final = "__temporal_workflow_metadata"
"""The Web UI's own query. Its result is encrypted."""
_NO_SEAL: Final = "no seal of this fleet, or the seal of another message"


class Guard(Sealing, WorkerInterceptor):
    """Seals what the client sends, and guards all workers created from it."""

    def __init__(self, ring: KeyRing, refusals: Refusals) -> None:
        """Count in ``refusals`` the messages that failed to authenticate."""
        super().__init__(ring)
        self._refusals = refusals

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _GuardedActivity(next, self._ring, self._refusals)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        ring, refusals = self._ring, self._refusals

        class Guarded(_GuardedWorkflow):
            def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002
                super().__init__(next, ring, refusals)

        return Guarded


class _GuardedWorkflow(WorkflowInboundInterceptor):
    """Refuse unproven messages. Decisions depend only on history and keys, so a replay decides the same."""

    def __init__(self, next: WorkflowInboundInterceptor, ring: KeyRing, refusals: Refusals) -> None:  # noqa: A002
        super().__init__(next)
        self._ring = ring
        self._refusals = refusals

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """Refuse an unproven start before the workflow exists."""
        info = outbound.info()  # workflow.info() is not available yet
        if not self._is_proven_start(info):
            self._refusals.note("start", info.workflow_type, info.workflow_id, _NO_SEAL)
            raise refusal(f"start of {info.workflow_type}: {_NO_SEAL}")
        super().init(_SealingWorkflow(outbound, self._ring))

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        """Drop a signal without proof; the workflow continues."""
        if self._sealed_at("signal", input.signal, input.headers) is None:
            self._note("signal", input.signal, _NO_SEAL)
            return
        await super().handle_signal(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:  # noqa: A002
        if input.query != _METADATA and self._sealed_at("query", input.query, input.headers) is None:
            self._refuse("query", input.query, _NO_SEAL)
        return await super().handle_query(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002
        """Refuse before anything is recorded. Validators do not run in a replay, so only this method checks the age."""
        at = self._sealed_at("update", input.update, input.headers, input.id)
        if at is None:
            self._refuse("update", input.update, _NO_SEAL)
        if not _is_within(UPDATE_WITHIN, workflow.now(), at):
            why = "sent long ago, or by a machine whose clock differs from Temporal's; set the clock and send it again"
            self._refuse("update", input.update, why)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002
        if self._sealed_at("update", input.update, input.headers, input.id) is None:
            self._refuse("update", input.update, _NO_SEAL)
        return await super().handle_update_handler(input)

    def _is_proven_start(self, info: workflow.Info) -> bool:
        """Return whether a client, our schedule or an earlier run of ours has started this run."""

        def sealed(act: str, workflow_id: str, about: str = "") -> int | None:
            message = Message(act, info.workflow_type, workflow_id, about)
            return sealed_at(self._ring, message, info.headers.get(HEADER))

        if info.continued_run_id is not None:
            return sealed("continue", info.workflow_id, info.continued_run_id) is not None
        if sealed("scheduled", base_id(info.workflow_id)) is not None:
            # Anyone can read and copy a schedule's start. With a scheduled time it waits for its session's deadline.
            return info.typed_search_attributes.get(_SCHEDULED_FOR) is not None
        at = sealed("start", info.workflow_id)
        return at is not None and _is_within(START_WITHIN, info.workflow_start_time, at)

    def _sealed_at(self, act: str, name: str, headers: Mapping[str, Payload], about: str = "") -> int | None:
        message = Message(act, name, workflow.info().workflow_id, about)
        return sealed_at(self._ring, message, headers.get(HEADER))

    def _refuse(self, what: str, name: str, why: str) -> NoReturn:
        self._note(what, name, why)
        raise refusal(f"{what} of {name}: {why}")

    def _note(self, what: str, name: str, why: str) -> None:
        if not workflow.unsafe.is_replaying_history_events():
            self._refusals.note(what, name, workflow.info().workflow_id, why)


class _SealingWorkflow(WorkflowOutboundInterceptor):
    """Seal this run's activities and its continuation. The seals do not depend on a clock."""

    def __init__(self, next: WorkflowOutboundInterceptor, ring: KeyRing) -> None:  # noqa: A002
        super().__init__(next)
        self._ring = ring

    def start_activity(self, input: StartActivityInput) -> "workflow.ActivityHandle[Any]":  # noqa: A002
        input.headers = self._with_seal(input.headers, "activity", input.activity)
        return super().start_activity(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002
        name = input.workflow or workflow.info().workflow_type
        input.headers = self._with_seal(input.headers, "continue", name)
        super().continue_as_new(input)

    def _with_seal(self, headers: Mapping[str, Payload], act: str, name: str) -> dict[str, Payload]:
        info = workflow.info()
        return {**headers, HEADER: seal(self._ring, Message(act, name, info.workflow_id, info.run_id))}


class _GuardedActivity(ActivityInboundInterceptor):
    """Run an activity only for a run of ours: no standalone activity, and none of a foreign workflow."""

    def __init__(self, next: ActivityInboundInterceptor, ring: KeyRing, refusals: Refusals) -> None:  # noqa: A002
        super().__init__(next)
        self._ring = ring
        self._refusals = refusals

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        message = Message("activity", info.activity_type, info.workflow_id or "", info.workflow_run_id or "")
        if sealed_at(self._ring, message, input.headers.get(HEADER)) is None:
            self._refusals.note("activity", info.activity_type, info.workflow_id or "", _NO_SEAL)
            raise refusal(f"activity {info.activity_type}: {_NO_SEAL}")
        return await super().execute_activity(input)


def _is_within(span: timedelta, server: datetime, sealed: int) -> bool:
    return abs(server.timestamp() - sealed) <= span.total_seconds()
