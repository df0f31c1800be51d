"""The fleet's builds as Temporal knows them: one deployment an account, one version a build."""

import asyncio
import json
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import EventType, RoutingConfigUpdateState, VersionDrainageStatus
from temporalio.api.workflow.v1 import VersioningOverride as VersioningOverrideProto
from temporalio.api.workflow.v1 import WorkflowExecutionInfo, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    GetSystemInfoRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ListWorkflowExecutionsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client
from temporalio.common import (
    AutoUpgradeVersioningOverride,
    OneTimeVersioningOverride,
    VersioningOverride,
    WorkerDeploymentVersion,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.identity import AccountId
from fleet.visibility import quoted


class _Asking(TypedDict):
    retry: bool
    timeout: timedelta


_ASKING: Final[_Asking] = {"retry": True, "timeout": timedelta(seconds=15)}
"""Each request may be repeated: it reads, or sets what it may find set. A server with many stuck runs is overloaded."""
_ROUTED_WITHIN: Final = 20.0
_ROUTED_LOOK: Final = 0.2
_PAGE: Final = 200
_TRIED: Final = (1, 32)
"""The first version of Temporal's server on which hosts of several builds were tried."""
UNSUPPORTED: Final = (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED)
"""Status codes of a server without Worker Versioning, or of a key that may not use it."""
VERSIONING_FIX: Final = (
    "update the Temporal server, or let this key read and change worker deployments; until then this host gets work "
    "only if no build is current (`starter.py release`)"
)
_ENDS: Final = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
)
_IDENTITY: Final = "haru"


def deployment_of(account_id: AccountId) -> str:
    """Return the name of an account's deployment; Temporal allows no dot in it."""
    return f"haru-{account_id}".replace(".", "-").replace(":", "-")


@dataclass(frozen=True, slots=True)
class Build:
    """A build that Temporal knows."""

    build_id: str
    last_current_at: datetime | None
    is_drained: bool
    """Whether Temporal has found that no run is pinned to it. Temporal looks every few minutes."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The builds, and where new runs and changing runs go. An empty current build: to hosts without a version."""

    current: str = ""
    ramping: str = ""
    percent: float = 0.0
    builds: tuple[Build, ...] = ()
    token: bytes = b""
    """Belongs to this state: a change with it fails if another was faster."""


@dataclass(frozen=True, slots=True)
class Run:
    """An open run of this fleet, and the build that its last task ran on."""

    workflow_id: str
    run_id: str
    build_id: str
    is_pinned: bool
    is_failing: bool
    cannot_replay: bool = False
    """Whether its tasks fail because the code that works on it issues other commands."""


async def is_tried(client: Client) -> bool:
    """Return whether takeovers between builds were tried on a server of this version.

    Raises:
        RPCError: the server does not answer.
    """
    answer = await client.workflow_service.get_system_info(GetSystemInfoRequest(), **_ASKING)
    numbers = re.match(r"(\d+)\.(\d+)\.", answer.server_version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _TRIED


class Releases:
    """Read and change an account's deployment."""

    def __init__(self, client: Client, account_id: AccountId) -> None:
        self._client = client
        self.deployment = deployment_of(account_id)

    async def state(self) -> Deployment | None:
        """Return the deployment; None when the server has no Worker Versioning or this key may not use it."""
        request = DescribeWorkerDeploymentRequest(namespace=self._client.namespace, deployment_name=self.deployment)
        try:
            answer = await self._client.workflow_service.describe_worker_deployment(request, **_ASKING)
        except RPCError as fault:
            if fault.status is RPCStatusCode.NOT_FOUND:
                return Deployment()
            if fault.status in UNSUPPORTED:
                return None
            raise
        return _deployment(answer.worker_deployment_info, answer.conflict_token)

    async def set_current(self, build_id: str, token: bytes = b"") -> None:
        """Send new runs, and runs that change build, to this build; empty: to hosts without a version.

        The build may not poll yet.

        Raises:
            RPCError: FAILED_PRECONDITION if the deployment has changed since ``token``.
        """
        await self._client.workflow_service.set_worker_deployment_current_version(
            SetWorkerDeploymentCurrentVersionRequest(
                namespace=self._client.namespace,
                deployment_name=self.deployment,
                build_id=build_id,
                conflict_token=token,
                identity=_IDENTITY,
                ignore_missing_task_queues=True,
                allow_no_pollers=True,
            ),
            **_ASKING,
        )

    async def until_routed(self) -> None:
        """Wait until every task queue knows the current build: until then a new run may still go to the build before.

        A server that does not say whether its task queues know is not waited for.
        """
        request = DescribeWorkerDeploymentRequest(namespace=self._client.namespace, deployment_name=self.deployment)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ROUTED_WITHIN):
                while True:
                    answer = await self._client.workflow_service.describe_worker_deployment(request, **_ASKING)
                    state = answer.worker_deployment_info.routing_config_update_state
                    if state != RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS:
                        return
                    await asyncio.sleep(_ROUTED_LOOK)

    async def set_ramp(self, build_id: str, percent: float, token: bytes = b"") -> None:
        """Send a share of these runs to this build; an empty build ends the ramp.

        Raises:
            RPCError: FAILED_PRECONDITION if the deployment has changed since ``token``.
        """
        await self._client.workflow_service.set_worker_deployment_ramping_version(
            SetWorkerDeploymentRampingVersionRequest(
                namespace=self._client.namespace,
                deployment_name=self.deployment,
                build_id=build_id,
                percentage=percent,
                conflict_token=token,
                identity=_IDENTITY,
                ignore_missing_task_queues=True,
                allow_no_pollers=True,
            ),
            **_ASKING,
        )

    async def open_runs(self) -> tuple[Run, ...]:
        """Return every open run that a versioned host has worked on, according to Temporal's visibility."""
        query = f"TemporalWorkerDeployment = {quoted(self.deployment)} AND ExecutionStatus = 'Running'"
        request = ListWorkflowExecutionsRequest(namespace=self._client.namespace, page_size=_PAGE, query=query)
        found = list[Run]()
        while True:
            answer = await self._client.workflow_service.list_workflow_executions(request, **_ASKING)
            found += map(_run, answer.executions)
            if not answer.next_page_token:
                return tuple(found)
            request.next_page_token = answer.next_page_token

    async def move(self, run: Run, build_id: str) -> None:
        """Let the run's next tasks go to another build, which then decides where it stays; empty: to the current one.

        A server before 1.32 knows no override for one task. There the run follows the current build until it ends.

        Raises:
            RPCError: NOT_FOUND if the run is over; FAILED_PRECONDITION if the build has never polled.
        """
        if build_id:
            once = OneTimeVersioningOverride(WorkerDeploymentVersion(self.deployment, build_id))
            try:
                if (await self._override(run, once)).HasField("one_time"):
                    return
            except RPCError as fault:
                if fault.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
        await self._override(run, AutoUpgradeVersioningOverride())

    async def has_failed_task(self, run: Run) -> bool:
        """Return whether the last workflow task that ended in a run's history has failed, and not timed out."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id),
            maximum_page_size=_PAGE,
        )
        service = self._client.workflow_service
        answer = await service.get_workflow_execution_history_reverse(request, **_ASKING)
        ends = (event.event_type for event in answer.history.events if event.event_type in _ENDS)
        return next(ends, None) == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED

    async def _override(self, run: Run, override: VersioningOverride) -> VersioningOverrideProto:
        """Set what overrides the run's behavior; return what the server understood of it."""
        answer = await self._client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id),
                workflow_execution_options=WorkflowExecutionOptions(versioning_override=override._to_proto()),  # noqa: SLF001 - the SDK's only way there
                update_mask=FieldMask(paths=["versioning_override"]),
                identity=_IDENTITY,
            ),
            **_ASKING,
        )
        return answer.workflow_execution_options.versioning_override


def previous(state: Deployment, usable: Collection[str]) -> str:
    """Return the build that was current before this one and has hosts; empty if there is none."""
    known = [
        (each.last_current_at, each.build_id)
        for each in state.builds
        if each.last_current_at is not None and each.build_id in usable and each.build_id != state.current
    ]
    return max(known)[1] if known else ""


def _deployment(info: WorkerDeploymentInfo, token: bytes) -> Deployment:
    routing = info.routing_config
    builds = tuple(
        Build(
            each.deployment_version.build_id,
            each.last_current_time.ToDatetime(tzinfo=UTC) if each.HasField("last_current_time") else None,
            each.drainage_info.status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED,
        )
        for each in info.version_summaries
    )
    return Deployment(
        routing.current_deployment_version.build_id,
        routing.ramping_deployment_version.build_id,
        routing.ramping_version_percentage,
        builds,
        token,
    )


def _run(info: WorkflowExecutionInfo) -> Run:
    """Return a run by its search attributes: a list has no other word about versions."""
    problems = _keyword(info, "TemporalReportedProblems")
    return Run(
        info.execution.workflow_id,
        info.execution.run_id,
        _keyword(info, "TemporalWorkerDeploymentVersion").rpartition(":")[2],
        is_pinned=_keyword(info, "TemporalWorkflowVersioningBehavior") == "Pinned",
        is_failing=bool(problems),
        cannot_replay="NonDeterministic" in problems,
    )


def _keyword(info: WorkflowExecutionInfo, name: str) -> str:
    field = info.search_attributes.indexed_fields.get(name)
    return str(json.loads(field.data)) if field is not None else ""
