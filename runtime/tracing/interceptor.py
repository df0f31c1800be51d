"""Interceptor that gives activities their trade; beside it the SDK's interceptor makes and passes on the spans."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, cast

from opentelemetry import context, trace
from temporalio import activity, workflow
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, SignalWorkflowInput, StartWorkflowInput, WorkflowHandle
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.worker import Interceptor as WorkerInterceptor

from activities.watch.messages import EXIT_MESSAGE
from domain.clock import MarketClock
from domain.identity import PositionId
from runtime.tracing.spans import OtelSpans, context_of
from runtime.tracing.trades import ENTRIES, ORDERS, outcome_of, position_of

Acts = Mapping[str, Callable[..., Awaitable[Any]]]


class TradeTracing(ClientInterceptor, WorkerInterceptor):
    """Sets the trace of each activity. Place it after the SDK's interceptor, which then works within it.

    What a workflow does depends on the arguments of its activities alone, so a replay sends the same headers, and the
    order of the commands never changes.
    """

    def __init__(self, spans: OtelSpans, clock: MarketClock) -> None:
        self._spans = spans
        self._clock = clock

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Outcome(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        spans, clock = self._spans, self._clock

        class Traced(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_TradeOfATask(outbound, spans, clock))

        return Traced


class TradesOnly(ClientInterceptor):
    """Keeps the trace of a trade from workflows that outlive it. Place it before the SDK's interceptor."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _ExitsOnly(next)


class _ExitsOnly(OutboundInterceptor):
    """Of the calls of a client, only the signal to sell belongs to the trade."""

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        token = context.attach(context.Context())
        try:
            return await super().start_workflow(input)
        finally:
            context.detach(token)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        if input.signal == EXIT_MESSAGE:
            return await super().signal_workflow(input)
        token = context.attach(context.Context())
        try:
            return await super().signal_workflow(input)
        finally:
            context.detach(token)


class _TradeOfATask(WorkflowOutboundInterceptor):
    """Schedules an activity within the trace of its trade. An order's step belongs to the trade of its task."""

    def __init__(self, next: WorkflowOutboundInterceptor, spans: OtelSpans, clock: MarketClock) -> None:  # noqa: A002
        super().__init__(next)
        self._spans = spans
        self._clock = clock
        self._begun: PositionId | None = None

    def start_activity(self, input: StartActivityInput) -> "workflow.ActivityHandle[Any]":  # noqa: A002
        position_id = position_of(input.activity, list(input.args))
        if position_id is not None:
            context.attach(context_of(position_id))  # it stays for the rest of the task
            if input.activity in ENTRIES:
                self._begin(position_id, input.args[0])
        elif input.activity not in ORDERS:
            return _outside(super().start_activity, input)
        return super().start_activity(input)

    def _begin(self, position_id: PositionId, request: Any) -> None:
        """Record the trade's first span, once: not in a replay, nor again when the single steps take over."""
        if position_id == self._begun:
            return
        self._begun = position_id
        if workflow.unsafe.is_replaying_history_events():
            return
        entry = getattr(request, "entry", request)
        now = workflow.time_ns()
        began = self._clock.real_time(entry.scanned_at).timestamp() * 1e9 if entry.scanned_at else now
        self._spans.begin(position_id, round(began), now)


class _Outcome(ActivityInboundInterceptor):
    """Notes at the activity's span how its trade ended."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        result = await super().execute_activity(input)
        _note(activity.info().activity_type, result)
        return result


def traced_acts(acts: Acts, spans: OtelSpans) -> Acts:
    """Return activities that a host calls without Temporal, each a span of the trade that it is called for."""

    def traced(name: str, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(act)
        async def step(*arguments: Any) -> Any:
            position_id = position_of(name, arguments)
            called = f"RunActivity:{name}"
            with spans.step(called) if position_id is None else spans.of_trade(position_id, called):
                result = await act(*arguments)
                _note(name, result)
                return result

        return step

    return {name: traced(name, act) for name, act in acts.items()}


def _note(activity_type: str, result: object) -> None:
    if outcome := outcome_of(activity_type, result):
        trace.get_current_span().set_attribute("haru.outcome", outcome)


def _outside(start: Callable[[StartActivityInput], Any], input: StartActivityInput) -> "workflow.ActivityHandle[Any]":  # noqa: A002
    token = context.attach(context.Context())
    try:
        return cast("workflow.ActivityHandle[Any]", start(input))
    finally:
        context.detach(token)
