"""Activities get the trace of their trade: by their request, or by the task that schedules them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.clock import LIVE_CLOCK
from domain.identity import PositionId
from runtime.tracing.otel import recorded_to
from runtime.tracing.trades import trace_id_of
from tools.tracing.receiver import receiving
from tools.tracing.trades import Trades


@dataclass
class Entry:
    """A buy that names its trade by the intent."""

    intent_id: str
    scanned_at: None = None


@dataclass
class Exit:
    """A step of a sale."""

    position_id: str


@dataclass
class Order:
    """An order, which names no trade."""

    intent_id: str


@activity.defn
async def prepare_entry(request: Entry) -> str:
    return request.intent_id


@activity.defn
async def prepare_exit(request: Exit) -> str:
    return request.position_id


@activity.defn
async def submit_order(request: Order) -> str:
    return request.intent_id


@activity.defn
async def begin_cycle(request: str) -> str:
    return request


ACTIVITIES: list[Any] = [prepare_entry, prepare_exit, submit_order, begin_cycle]


async def act(name: str, request: object) -> None:
    await workflow.execute_activity(name, request, start_to_close_timeout=timedelta(seconds=60))


@workflow.defn(name="TwoTrades")
class TwoTradesWorkflow:
    """Buys, is refused, scans, buys again, and sells two positions beside each other."""

    @workflow.run
    async def run(self) -> None:
        """Act in an order that mixes what belongs to trades with what does not."""
        await act("submit_order", Order("of no trade"))
        for intent in ("one.1", "one.2", "one.2"):
            await act("prepare_entry", Entry(intent))
            await act("begin_cycle", "between two candidates")
        await act("submit_order", Order("one.2"))
        await asyncio.gather(self._sell("a.1"), self._sell("b.1"))

    async def _sell(self, position_id: str) -> None:
        await act("prepare_exit", Exit(position_id))
        await workflow.sleep(0.1)
        await act("submit_order", Order("sale"))


def names_of(trades: Trades, position_id: str) -> list[str]:
    """Return the names of a trade's spans in order, with those of the workflow beside those of the host."""
    spans = trades.all()[f"{trace_id_of(PositionId(position_id)):032x}"]
    return [span.name for span in sorted(spans, key=lambda each: (each.began, each.ended))]


@pytest.mark.parametrize("cached", [100, 0], ids=["cached", "replayed at each task"])
async def test_each_activity_belongs_to_one_trade_or_to_none(temporal_dev_server: str, cached: int) -> None:
    trades = Trades()
    with receiving(trades.take) as address:
        async with recorded_to(address) as traces:
            client = await Client.connect(temporal_dev_server, interceptors=traces.interceptors(LIVE_CLOCK))
            queue = uuid4().hex
            async with Worker(
                client,
                task_queue=queue,
                activities=ACTIVITIES,
                workflows=[TwoTradesWorkflow],
                workflow_runner=UnsandboxedWorkflowRunner(),
                max_cached_workflows=cached,
            ):
                await client.execute_workflow("TwoTrades", id=queue, task_queue=queue)

    def steps(*activities: str) -> Sequence[str]:
        return [f"{kind}Activity:{name}" for name in activities for kind in ("Start", "Run")]

    assert names_of(trades, "one.1") == ["trade", *steps("prepare_entry")]
    assert sorted(names_of(trades, "one.2")) == sorted(
        ["trade", *steps("prepare_entry", "prepare_entry", "submit_order")]
    )
    for position_id in ("a.1", "b.1"):
        assert sorted(names_of(trades, position_id)) == sorted(steps("prepare_exit", "submit_order"))
    assert len(trades.all()) == 4
