"""The operator's view of a fleet: one account's workers, books and clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.capacity import PriceSupply
from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.identity import ALL_WORKERS, AccountId, Environment, WorkerId
from domain.session import Session, SessionPlan, TradingCalendar, session_date_of
from fleet.errors import UnknownWorkerError
from fleet.visibility import in_parts, list_workflows, one_of, quoted
from workflows.identity import (
    TRADING_WORKER,
    close_workflow_id,
    is_close_of,
    is_watch_of,
    on_demand_workflow_ids,
    task_queues,
    watch_prefix,
    worker_workflow_id,
)

if TYPE_CHECKING:
    from database.database import Database

_FAILING: Final = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"


@dataclass(frozen=True, slots=True)
class FailingWorkflow:
    """A workflow of ours that cannot progress, because its workflow tasks fail. ``cause`` is Temporal's text."""

    workflow_id: str
    run_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything an operator needs to reach one account's workers."""

    client: Client
    database: "Database"
    account_id: AccountId
    environment: Environment
    clock: MarketClock
    calendar: TradingCalendar
    web_ui: str | None = None
    leads: CloseLeads = field(default_factory=CloseLeads)
    supply: PriceSupply | None = None
    """The sources of prices; None: they limit nothing."""
    command_id: str = ""
    """Id of the operator's command that this process carries out; empty in a host."""

    def market_now(self) -> datetime:
        """Return the market's instant (UTC)."""
        return self.clock.market_time(self.real_now())

    def real_now(self) -> datetime:
        """Return the instant (UTC) by this machine's clock."""
        return datetime.now(UTC)  # noqa: TID251 - operators work in real time

    def plan_at(self, market_instant: datetime, workers: int = 1) -> SessionPlan:
        """Return the deadlines of the current session at a market instant, or of the next one, for so many workers."""
        return self._plan(self.calendar.session_at_or_after(market_instant), workers)

    def plan_of_the_day(self, market_instant: datetime, workers: int = 1) -> SessionPlan:
        """Return the deadlines of today's session in Seoul, even when it is over; of the next one on a closed day."""
        today = self.calendar.session_on(session_date_of(market_instant))
        return self.plan_at(market_instant, workers) if today is None else self._plan(today, workers)

    async def registered_workers(self) -> int:
        """Return the maximum number of positions at the close: one per worker, and those left by stopped workers."""
        return max(await self.database.workers.count(self.account_id), 1)

    async def known_workers(self) -> tuple[WorkerId, ...]:
        """Return the names of all workers that were ever registered, by number.

        The ledger is the only source: each worker is registered before it starts. A workflow of another name is
        foreign, and a list of Temporal's cannot hide one of ours.
        """
        booked = [row.worker_id for row in await self.database.workers.all_of(self.account_id)]
        return tuple(sorted(booked, key=_by_number))

    async def running_workers(self) -> frozenset[WorkerId]:
        """Return the registered workers whose workflow runs now, according to Temporal's visibility."""
        return await self.running_among(await self.known_workers())

    async def running_among(self, workers: Iterable[WorkerId]) -> frozenset[WorkerId]:
        """Return which of these workers have a running workflow, according to Temporal's visibility."""
        ours = {worker_workflow_id(self.account_id, each): each for each in workers}
        listed = [
            each
            for ids in in_parts(sorted(ours))
            for each in await list_workflows(self.client, f"{self._running_here()} AND {one_of('WorkflowId', ids)}")
        ]
        return frozenset(ours[each.workflow_id] for each in listed)

    def _running_here(self) -> str:
        queue = quoted(task_queues(self.account_id).trading)
        return f"WorkflowType = {quoted(TRADING_WORKER)} AND ExecutionStatus = 'Running' AND TaskQueue = {queue}"

    async def failing_workflows(self) -> tuple[FailingWorkflow, ...]:
        """Return the account's workflows that cannot progress, according to Temporal's visibility.

        A server that does not know the search attribute (before 1.30) reports none.
        """
        queue, ours = quoted(task_queues(self.account_id).trading), await self.ids_of_ours()
        named = [one_of("WorkflowId", part) for part in in_parts(sorted(ours))]
        named += [
            f"WorkflowId STARTS_WITH {quoted(begun)}"
            for begun in (close_workflow_id(self.account_id), watch_prefix(self.account_id))
        ]
        queries = [f"{_FAILING} AND TaskQueue = {queue} AND {which}" for which in named]
        try:
            listed = [each for query in queries for each in await list_workflows(self.client, query)]
        except RPCError as fault:
            if fault.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return ()
        return tuple(
            FailingWorkflow(each.workflow_id, each.run_id, each.problems)
            for each in listed
            if each.workflow_id in ours
            or is_close_of(each.workflow_id, self.account_id)
            or is_watch_of(each.workflow_id, self.account_id)
        )

    async def ids_of_ours(self) -> frozenset[str]:
        """Return all workflow ids of the account except those of the market close."""
        workers = [worker_workflow_id(self.account_id, each) for each in await self.known_workers()]
        return frozenset((*workers, *on_demand_workflow_ids(self.account_id)))

    async def selected(self, name: str) -> tuple[WorkerId, ...]:
        """Return the worker of a name, or every worker for ``all``.

        Raises:
            UnknownWorkerError: the ledger knows no worker of that name, or none at all.
        """
        known = await self.known_workers()
        chosen = known if name == ALL_WORKERS else tuple(worker for worker in known if worker == name)
        if not chosen:
            raise UnknownWorkerError(name, known)
        return chosen

    def _plan(self, session: Session, workers: int) -> SessionPlan:
        return plan_session(session, self.leads, self.clock.speed, workers)


def _by_number(worker_id: WorkerId) -> tuple[int, str]:
    number = worker_id.rpartition("-")[2]
    return (int(number) if number.isdigit() else 0, worker_id)
