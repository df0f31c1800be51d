"""Runs without the sandbox, and runs that a process no longer caches."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.cycles import Cycle, CycleRequest
from activities.watch.messages import EXIT_MESSAGE, WatchEnd, WatchRequest
from domain.exits import ExitSignal
from domain.money import Price
from domain.position import ExitReason
from lab.temporal_parts import workflow_definition
from runtime.composition import WORKFLOW_OPTIONS
from tests.workflows.floor import trading_floor
from tests.workflows.stand_ins import Desk, a_held
from workflows.hosted import HOSTED


@dataclass
class Holders(Desk):
    """Every run finds a position that it holds."""

    wishes: int = 0

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        self.held_at_start = replace(a_held(), overdue=False)
        return await Desk.begin_cycle(self, request)

    @activity.defn
    async def begin_watch(self, request: WatchRequest) -> ExitSignal | None:
        self.wishes += 1
        return None


class Counting(UnsandboxedWorkflowRunner):
    """Counts for each run how often its workflow is created: once, and again for each replay."""

    def __init__(self) -> None:
        self.created: Counter[str] = Counter()

    def create_instance(self, det: Any) -> WorkflowInstance:
        self.created[det.info.run_id] += 1
        return super().create_instance(det)


async def test_a_run_that_is_no_longer_cached_sells_on_its_signal(time_skipping_env: WorkflowEnvironment) -> None:
    runner = Counting()
    options: Mapping[str, Any] = {**WORKFLOW_OPTIONS, "workflow_runner": runner, "max_cached_workflows": 1}
    async with trading_floor(time_skipping_env, "2026-11-23 10:00", desk=Holders, options=options) as floor:
        desk = floor.desk
        assert isinstance(desk, Holders)
        workers = [await floor.start_worker(number, cycles=1) for number in (1, 2, 3)]
        await eventually(lambda: desk.wishes == len(workers))
        first = (await workers[0].describe()).run_id
        wishes, price = desk.wishes, Price(70_000)
        end = WatchEnd(a_held().position_id, ExitSignal(ExitReason.STOP_LOSS, price, await floor.now(), price))

        await workers[0].signal(EXIT_MESSAGE, end)
        await eventually(lambda: desk.wishes > wishes)

        assert desk.reasons == [ExitReason.STOP_LOSS]
        assert runner.created[first] > 1, "the run was replayed"
        for worker in workers:
            await worker.terminate()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", HOSTED)
async def test_the_sandbox_loads_every_workflow(kind: type) -> None:
    """A process runs them without it, so here is where an import that it refuses is found."""
    SandboxedWorkflowRunner().prepare_workflow(workflow_definition(vars(kind)["run"]))
