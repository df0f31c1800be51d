"""A hosting process that drains: every Temporal worker stops taking work at once, not one after the other."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from runtime.composition import hosting

_PATIENCE = 10.0
"""Real seconds; without the fix the watch learns of the shutdown only after the send, which never ends."""


@workflow.defn(sandboxed=False)
class OneActivity:
    """Runs one activity by name on its own task queue."""

    @workflow.run
    async def run(self, name: str) -> None:
        await workflow.execute_activity(
            name, task_queue=f"{workflow.info().task_queue}-{name}", start_to_close_timeout=timedelta(seconds=60)
        )


class Acts:
    """A watch that ends at a shutdown, and a send that is in flight until the watch has ended."""

    def __init__(self) -> None:
        self.watch_began, self.send_began = asyncio.Event(), asyncio.Event()
        self.watch_heard = asyncio.Event()
        self.heard_during_send = False

    @activity.defn
    async def watch(self) -> None:
        self.watch_began.set()
        await activity.wait_for_worker_shutdown()
        self.watch_heard.set()

    @activity.defn
    async def send(self) -> None:
        self.send_began.set()
        try:
            await asyncio.wait_for(self.watch_heard.wait(), _PATIENCE)
        except TimeoutError:
            return
        self.heard_during_send = True


async def test_a_watch_is_handed_over_while_a_send_is_in_flight(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server)
    queue, acts = uuid.uuid4().hex, Acts()
    grace = timedelta(seconds=_PATIENCE + 5)
    workers = [
        Worker(client, task_queue=queue, workflows=[OneActivity]),
        Worker(client, task_queue=f"{queue}-watch", activities=[acts.watch], graceful_shutdown_timeout=grace),
        Worker(client, task_queue=f"{queue}-send", activities=[acts.send], graceful_shutdown_timeout=grace),
    ]

    async with hosting(workers):
        for name in ("watch", "send"):
            await client.start_workflow(OneActivity.run, name, id=f"{queue}-{name}", task_queue=queue)
        await asyncio.wait_for(asyncio.gather(acts.watch_began.wait(), acts.send_began.wait()), 30)

    assert acts.heard_during_send
