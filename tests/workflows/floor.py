"""A trading floor on the time-skipping server: real workflows, stand-in activities, market days in milliseconds."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.clock import KST, MarketClock
from domain.identity import AccountId
from domain.rules import TradingRules
from domain.worker_state import WorkerLife
from runtime.embedded.search_attributes import ensure_search_attributes
from tests.workflows.stand_ins import Desk
from workflows import attributes
from workflows.close_outcome import MarketCloseRequest
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow


def kst(text: str) -> datetime:
    """Parse Seoul local time such as ``2026-11-23 08:50``."""
    return datetime.fromisoformat(text).replace(tzinfo=KST).astimezone(UTC)


@dataclass
class Floor:
    """One account's workflows, and the desk that plays broker, ledger and market."""

    env: WorkflowEnvironment
    desk: Desk
    account: AccountId
    clock: MarketClock

    async def start_worker(self, number: int = 1, **life: Any) -> WorkflowHandle[TradingWorkerWorkflow, None]:
        name = worker_name(number)
        start = WorkerLife(self.account, name, TradingRules(), self.clock)
        return await self.env.client.start_workflow(
            TradingWorkerWorkflow.run,
            replace(start, **life),
            id=worker_workflow_id(self.account, name),
            task_queue=task_queues(self.account).trading,
        )

    async def start_close(self, **options: Any) -> WorkflowHandle[MarketCloseWorkflow, Any]:
        return await self.env.client.start_workflow(
            MarketCloseWorkflow.run,
            MarketCloseRequest(self.account, self.clock),
            id=f"close-{uuid4().hex}",
            task_queue=task_queues(self.account).trading,
            **options,
        )

    async def reaches(self, text: str) -> None:
        """Let the market run to a time (KST)."""
        now = await self.now()
        await self.env.sleep(max(kst(text) - now, timedelta(0)))

    async def now(self) -> datetime:
        return self.clock.market_time(await self.env.get_current_time())


@asynccontextmanager
async def trading_floor(
    env: WorkflowEnvironment,
    starts_at: str,
    extra: list[Any] | None = None,
    desk: type[Desk] = Desk,
    options: Mapping[str, Any] | None = None,
) -> AsyncIterator[Floor]:
    """Open a floor at a time (KST); ``extra`` activities are registered beside the desk's.

    Without ``options`` workflows run in Temporal's sandbox, which refuses what a replay could not repeat. A process
    runs them without it.
    """
    clock = MarketClock(real_anchor=await env.get_current_time(), market_anchor=kst(starts_at))
    playing = desk(clock)
    account = AccountId(f"simulated-{uuid4().hex[:6]}")
    await ensure_search_attributes(env.client, attributes.ALL)
    queues = task_queues(account)
    async with AsyncExitStack() as stack:
        for queue in (queues.trading, queues.watch, queues.broker):
            workflows = [TradingWorkerWorkflow, MarketCloseWorkflow] if queue == queues.trading else []
            activities: Any = [*playing.everything(), *(extra or [])]
            worker = Worker(env.client, task_queue=queue, workflows=workflows, activities=activities, **(options or {}))
            await stack.enter_async_context(worker)
        yield Floor(env, playing, account, clock)
