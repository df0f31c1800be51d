"""Start of the workflow that watches a shard."""

from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.watch.messages import HELD_MESSAGE, MARKET_WATCH, ShardRequest, market_watch_id
from domain.errors import TradingError

SIGNALLED_WITHIN: Final = timedelta(seconds=5)
TAKEN_AGAIN_AFTER: Final = timedelta(seconds=1)
_TASK_TIMEOUT: Final = timedelta(seconds=5)
_MOST_STARTS: Final = 3


async def start_watch(shard: ShardRequest, queue: str = "") -> None:
    """Start the shard's workflow if it does not run; signal a running one not to end now. Call it in an activity.

    ``queue`` is the task queue of workflows, if the activity has another one.
    """
    client, workflow_id = activity.client(), market_watch_id(shard)
    for _ in range(_MOST_STARTS):
        handle = await client.start_workflow(
            MARKET_WATCH,
            shard,
            id=workflow_id,
            task_queue=queue or activity.info().task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=_TASK_TIMEOUT,
            static_summary=f"watches {shard.title} of {shard.account_id}",
        )
        try:
            await handle.signal(HELD_MESSAGE, shard.shard, rpc_timeout=SIGNALLED_WITHIN)
        except RPCError as fault:
            if fault.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            return
    raise TradingError(f"the watch of {shard.title} ends each time it is started")
