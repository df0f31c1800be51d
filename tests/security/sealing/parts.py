"""Parts for the tests of proofs: a hosted fleet with keys, and clients with others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.order_lookup import OrderLookup
from fleet.fleet import Fleet
from fleet.starting import start_workers
from security.sealing.codec import sealed
from security.sealing.guard import Guard
from security.sealing.keys import KeyRing
from security.sealing.refusals import Refusals
from tests.support.builders import some_rules
from tests.workflows.stand_ins import Desk
from workflows.identity import task_queues, worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.reconciliation import OrderLookupWorkflow
from workflows.trading_worker import TradingWorkerWorkflow


@dataclass
class Guarded:
    """A hosted fleet with its hosts' key; its desk counts each activity that runs."""

    fleet: Fleet
    desk: Desk
    address: str
    key: str
    refusals: Refusals
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def holding(self) -> WorkflowHandle[TradingWorkerWorkflow, None]:
        """Start a worker and wait until it holds shares."""
        self.desk.candidates_from, self.desk.hold_for = timedelta(0), timedelta(days=1)
        await start_workers(self.fleet, 1, some_rules())
        name = worker_workflow_id(self.fleet.account_id, worker_name(1))
        handle: WorkflowHandle[TradingWorkerWorkflow, None] = self.fleet.client.get_workflow_handle_for(
            TradingWorkerWorkflow.run, name
        )
        while (await handle.query(TradingWorkerWorkflow.status)).state != "holding":
            await asyncio.sleep(0.02)
        return handle

    def refused(self) -> list[tuple[str, str]]:
        """Return the refusals so far: kind and name."""
        self.seen += [(each.what, each.name) for each, _ in self.refusals.take()]
        return self.seen


async def guarded_client(address: str, keys: list[str], refusals: Refusals) -> Client:
    """Return a client as our programs create it."""
    ring = KeyRing(keys)
    return await Client.connect(
        address, data_converter=sealed(DATA_CONVERTER, ring, refusals), interceptors=[Guard(ring, refusals)]
    )


@asynccontextmanager
async def hosted(fleet: Fleet, client: Client, desk: Desk) -> AsyncIterator[None]:
    """Run workers of a client for a fleet's queues."""
    queues = task_queues(fleet.account_id)
    activities: Any = [*desk.everything(), Listing(desk).list_broker_orders]
    async with AsyncExitStack() as stack:
        for queue in (queues.trading, queues.watch, queues.broker):
            workflows = [TradingWorkerWorkflow, MarketCloseWorkflow, OrderLookupWorkflow]
            hosts = workflows if queue == queues.trading else []
            worker = Worker(client, task_queue=queue, workflows=hosts, activities=activities)
            await stack.enter_async_context(worker)
        yield


class Listing(OrderLookup):
    """The broker's order list; the desk's calls show whether it was read."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(self)  # type: ignore[arg-type]
        self._desk = desk

    async def orders_on(self, *_: Any) -> Any:
        self._desk.calls["list_broker_orders"] += 1
        raise AssertionError("read")
