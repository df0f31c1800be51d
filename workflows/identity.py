"""Names of workflows, their types and queries, and task queues, with their inverses."""

import re
from dataclasses import dataclass
from typing import Final

from activities.watch.messages import MARKET_WATCH, SCANS_NAME, ShardRequest, market_watch_id
from domain.identity import AccountId, IntentId, WorkerId
from domain.watch import SCANS

TRADING_WORKER: Final = "TradingWorkerWorkflow"
MARKET_CLOSE: Final = "MarketCloseWorkflow"
OUR_TYPES: Final = (
    *(TRADING_WORKER, MARKET_CLOSE, MARKET_WATCH),
    *("ReconciliationWorkflow", "StatementWorkflow", "OrderLookupWorkflow"),
)
"""Names of our workflow types. The command line uses names, because importing the workflows takes half a second."""
RISK_RULES: Final = "risk_rules"
TRADING_RULES: Final = "trading_rules"
WATCHED_RULES: Final = "watched_rules"
"""Names of a trading worker's queries."""
_WORKER_PREFIX: Final = "trading-worker"
_CLOSE_PREFIX: Final = "market-close"
_WORKER_ID: Final = re.compile(rf"{_WORKER_PREFIX}/(?P<account>[\w.-]+)/(?P<worker>[\w.-]+)", re.ASCII)
_SCHEDULE_ID: Final = re.compile(rf"{_CLOSE_PREFIX}-schedule/[\w.-]+", re.ASCII)
_SCHEDULED: Final = re.compile(r"-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
"""Suffix that a schedule appends to the id of the workflow that it starts."""


@dataclass(frozen=True, slots=True)
class TaskQueues:
    """The three queues of an account: workflows and ledger, long watching, and broker requests."""

    trading: str
    watch: str
    broker: str


def task_queues(account_id: AccountId) -> TaskQueues:
    """Return the task queues that this account's worker processes poll."""
    return TaskQueues(f"{account_id}/trading", f"{account_id}/watch", f"{account_id}/broker")


def worker_name(number: int) -> WorkerId:
    """Return the name of the fleet's n-th trading worker, counted from 1."""
    return WorkerId(f"worker-{number}")


def worker_workflow_id(account_id: AccountId, worker_id: WorkerId) -> str:
    """Return the workflow id of a trading worker."""
    return f"{_WORKER_PREFIX}/{account_id}/{worker_id}"


def worker_of(workflow_id: str) -> tuple[AccountId, WorkerId] | None:
    """Return the account and worker of a workflow id; None if it is not a trading worker's."""
    match = _WORKER_ID.fullmatch(workflow_id)
    return match and (AccountId(match["account"]), WorkerId(match["worker"]))


def close_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of the market close; a schedule appends its time."""
    return f"{_CLOSE_PREFIX}/{account_id}"


def is_close_of(workflow_id: str, account_id: AccountId) -> bool:
    """Return whether an id names a market close of the account, by an operator or the schedule."""
    begun, own = close_workflow_id(account_id), workflow_id.removeprefix(close_workflow_id(account_id))
    return workflow_id.startswith(begun) and (not own or _SCHEDULED.fullmatch(own) is not None)


def is_watch_of(workflow_id: str, account_id: AccountId) -> bool:
    """Return whether an id names the market watch of one of the account's shards, or of its scans."""
    shard = workflow_id.rpartition("/")[2]
    if shard == SCANS_NAME:
        return workflow_id == market_watch_id(ShardRequest(account_id, SCANS))
    return shard.isascii() and shard.isdigit() and workflow_id == market_watch_id(ShardRequest(account_id, int(shard)))


def watch_prefix(account_id: AccountId) -> str:
    """Return how the ids of the account's market watches begin."""
    return market_watch_id(ShardRequest(account_id, 0)).removesuffix("0")


def close_schedule_id(account_id: AccountId) -> str:
    """Return the id of the schedule that starts the market close."""
    return f"{_CLOSE_PREFIX}-schedule/{account_id}"


def is_close_schedule(schedule_id: str) -> bool:
    """Return whether an id names the close schedule of any account."""
    return _SCHEDULE_ID.fullmatch(schedule_id) is not None


def order_lookup_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of an operator's lookup in the broker's order list."""
    return f"order-lookup/{account_id}"


def statement_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of a comparison of the broker's statement on demand."""
    return f"statement/{account_id}"


def reconciliation_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of a reconciliation on demand."""
    return f"reconciliation/{account_id}"


def on_demand_workflow_ids(account_id: AccountId) -> tuple[str, ...]:
    """Return the ids of all workflows that operators can start on demand."""
    return (
        order_lookup_workflow_id(account_id),
        statement_workflow_id(account_id),
        reconciliation_workflow_id(account_id),
    )


def intent_id(run_id: str, sequence: int) -> IntentId:
    """Return the idempotency key of a run's n-th order; run ids never repeat, so neither does the key."""
    return IntentId(f"{run_id}.{sequence}")
