"""Client interceptor of seals: it proves every message that this process sends."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    CreateScheduleInput,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    UpdateScheduleInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)

from security.sealing.keys import KeyRing
from security.sealing.seals import HEADER, Message, seal


def _clock() -> float:
    return time.time()  # noqa: TID251 - seals are compared with the time of Temporal's server


class Sealing(Interceptor):
    """Seals what the client sends. A client that also hosts workers needs `security/sealing/guard.py`."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - Temporal's name
        return _SealingClient(next, self._ring)


class _SealingClient(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, ring: KeyRing) -> None:  # noqa: A002
        super().__init__(next)
        self._ring = ring

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        input.headers = self._with_seal(input.headers, "start", input.workflow, input.id)
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        input.headers = self._with_seal(input.headers, "signal", input.signal, input.id)
        await super().signal_workflow(input)

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: A002
        input.headers = self._with_seal(input.headers, "query", input.query, input.id)
        return await super().query_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002
        input.update_id = input.update_id or str(uuid.uuid4())
        input.headers = self._with_seal(input.headers, "update", input.update, input.id, input.update_id)
        return await super().start_workflow_update(input)

    async def create_schedule(self, input: CreateScheduleInput) -> ScheduleHandle:  # noqa: A002
        self._seal_action(input.schedule.action)
        return await super().create_schedule(input)

    async def update_schedule(self, input: UpdateScheduleInput) -> None:  # noqa: A002
        asked = input.updater

        async def updated(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            update: Any = asked(found)
            update = await update if hasattr(update, "__await__") else update
            if update is not None and update.schedule.action is not found.description.schedule.action:
                self._seal_action(update.schedule.action)
            return update if isinstance(update, ScheduleUpdate) else None

        input.updater = updated
        await super().update_schedule(input)

    def _seal_action(self, action: Any) -> None:
        """Seal a schedule's action for all its starts. An unchanged action keeps its seal."""
        if isinstance(action, ScheduleActionStartWorkflow):
            action.headers = self._with_seal(action.headers or {}, "scheduled", action.workflow, action.id)

    def _with_seal(
        self, headers: Mapping[str, Payload], act: str, name: str, workflow_id: str, about: str = ""
    ) -> dict[str, Payload]:
        message = Message(act, name, workflow_id, about)
        return {**headers, HEADER: seal(self._ring, message, int(_clock()))}
