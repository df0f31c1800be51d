"""Names of workflows and task queues, with their inverses."""

from dataclasses import dataclass
from typing import Final

from domain.identity import AccountId, IntentId, WorkerId

_WORKER_PREFIX: Final = "trading-worker"
_CLOSE_PREFIX: Final = "market-close"


@dataclass(frozen=True, slots=True)
class TaskQueues:
    """The three queues of an account: workflows and ledger, long watching, and requests to the broker."""

    trading: str
    watch: str
    broker: str


def task_queues(account_id: AccountId) -> TaskQueues:
    """Return the queues that this account's worker processes listen to."""
    return TaskQueues(f"{account_id}/trading", f"{account_id}/watch", f"{account_id}/broker")


def worker_name(number: int) -> WorkerId:
    """Return the name of the fleet's n-th trading worker, counted from 1."""
    return WorkerId(f"worker-{number}")


def worker_workflow_id(account_id: AccountId, worker_id: WorkerId) -> str:
    """Return the workflow id of a trading worker."""
    return f"{_WORKER_PREFIX}/{account_id}/{worker_id}"


def worker_of(workflow_id: str) -> tuple[AccountId, WorkerId]:
    """Return whose workflow an id names.

    Raises:
        ValueError: the id is not a trading worker's.
    """
    prefix, account_id, worker_id = workflow_id.split("/")
    if prefix != _WORKER_PREFIX:
        raise ValueError(f"{workflow_id} is not a trading worker's workflow id")
    return AccountId(account_id), WorkerId(worker_id)


def close_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of the market close; a schedule appends its time."""
    return f"{_CLOSE_PREFIX}/{account_id}"


def close_schedule_id(account_id: AccountId) -> str:
    """Return the id of the schedule that starts the market close."""
    return f"{_CLOSE_PREFIX}-schedule/{account_id}"


def order_lookup_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of an operator's look at the broker's order list."""
    return f"order-lookup/{account_id}"


def statement_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of a comparison of the broker's statement on demand."""
    return f"statement/{account_id}"


def reconciliation_workflow_id(account_id: AccountId) -> str:
    """Return the workflow id of a reconciliation on demand."""
    return f"reconciliation/{account_id}"


def intent_id(run_id: str, sequence: int) -> IntentId:
    """Return the idempotency key of a run's n-th order; run ids never repeat, so neither does the key."""
    return IntentId(f"{run_id}.{sequence}")
