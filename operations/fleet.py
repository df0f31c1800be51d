"""The fleet as an operator sees it: one account's workers, their books and their clock."""

import logging
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.identity import AccountId, Environment, WorkerId
from domain.session import Session, SessionPlan, TradingCalendar, session_date_of
from operations.errors import UnknownWorkerError
from workflows.identity import worker_of
from workflows.trading_worker import TradingWorkerWorkflow

if TYPE_CHECKING:
    from database.database import Database

logger = logging.getLogger("haru.operations")

ALL_WORKERS: Final = "all"
_RUNNING: Final = f"WorkflowType = '{TradingWorkerWorkflow.__name__}' AND ExecutionStatus = 'Running'"
_FAILING: Final = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
_PROBLEMS: Final = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")

_LISTED_WITHIN: Final = timedelta(seconds=3)
"""Real time that a list may take: a kill switch does not wait long for it."""


@dataclass(frozen=True, slots=True)
class FailingWorkflow:
    """A workflow of ours whose workflow tasks fail, so that it cannot progress; ``cause`` in Temporal's words."""

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
    command_id: str = ""
    """Of the operator's command that this process carries out; empty in a host."""

    def market_now(self) -> datetime:
        """Return the market's instant (UTC)."""
        return self.clock.market_time(self.real_now())

    def real_now(self) -> datetime:
        """Return the instant (UTC) by this machine's clock."""
        return datetime.now(UTC)  # noqa: TID251 - operators live in real time

    def plan_at(self, market_instant: datetime, workers: int = 1) -> SessionPlan:
        """Return the deadlines, for so many workers, of the session that runs at a market instant, else of the next."""
        return self._plan(self.calendar.session_at_or_after(market_instant), workers)

    def plan_of_the_day(self, market_instant: datetime, workers: int = 1) -> SessionPlan:
        """Return the deadlines of today's session in Seoul, even when it is over; of the next one on a closed day."""
        today = self.calendar.session_on(session_date_of(market_instant))
        return self.plan_at(market_instant, workers) if today is None else self._plan(today, workers)

    async def registered_workers(self) -> int:
        """Return how many positions there can be at the close: one of each worker, and those that stopped ones left."""
        return max(await self.database.workers.count(self.account_id), 1)

    async def known_workers(self) -> tuple[WorkerId, ...]:
        """Return the names of all workers that were ever registered or run now, by number.

        Whom the books know is reached even while Temporal's visibility is away, or lags behind.
        """
        booked = {row.worker_id for row in await self.database.workers.all_of(self.account_id)}
        return tuple(sorted(booked | await self._listed_beside(booked), key=_by_number))

    async def _listed_beside(self, booked: AbstractSet[WorkerId]) -> frozenset[WorkerId]:
        """Return who runs; nobody where Temporal does not list them, and the books at least know some."""
        try:
            return await self.running_workers()
        except RPCError as fault:
            if not booked:
                raise
            logger.warning("workers_not_listed", extra={"cause": f"{fault.status.name}: {fault.message}"})
            return frozenset()

    async def running_workers(self) -> frozenset[WorkerId]:
        """Return the names of the workers whose workflow runs now, as far as Temporal's visibility knows."""
        listed = self.client.list_workflows(_RUNNING, rpc_timeout=_LISTED_WITHIN)
        running = [worker_of(execution.id) async for execution in listed]
        return frozenset(worker_id for account_id, worker_id in running if account_id == self.account_id)

    async def failing_workflows(self) -> tuple[FailingWorkflow, ...]:
        """Return the account's workflows that cannot progress, as far as Temporal's visibility knows.

        A server that does not know the search attribute (before 1.30) reports none.
        """
        try:
            listed = [each async for each in self.client.list_workflows(_FAILING, rpc_timeout=_LISTED_WITHIN)]
        except RPCError as fault:
            if fault.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return ()
        return tuple(
            FailingWorkflow(each.id, each.run_id, ", ".join(each.typed_search_attributes.get(_PROBLEMS, ())))
            for each in listed
            if self.account_id in each.id.split("/")
        )

    async def selected(self, name: str) -> tuple[WorkerId, ...]:
        """Return the worker of a name, or every worker for ``all``.

        Raises:
            UnknownWorkerError: nobody is called so, or there is nobody at all.
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
