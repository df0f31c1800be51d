"""End of a market close: reconcile, prove flatness, compare the statement, summarise; each step has a time limit.

A step that misses its limit becomes a value with its cause, and a critical event; the close continues and ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.account.comparing import Reconciled, ReconcileRequest
    from activities.flatness import FlatnessActivities, FlatnessProof
    from activities.reconciling import ReconcilingActivities
    from activities.statement import StatementActivities, StatementCompared, StatementRequest
    from activities.summarising import SummaryActivities, SummaryRequest
    from activities.support.requests import SessionRequest
    from activities.unsold import UnsoldActivities
    from domain.event_kind import EventKind
    from domain.events.closes import AbandonedStep
    from domain.identity import AccountId
    from domain.session import SessionDate
    from domain.summary import DailySummary
    from workflows.close_outcome import CloseOutcome, outcome_of
    from workflows.identity import TaskQueues
    from workflows.options import COMPARE, REPORT, SUM_UP, via


@dataclass(frozen=True, slots=True)
class Proving:
    """The steps after the last sale of a session; ``say`` shows a line in the Web UI."""

    account_id: AccountId
    date: SessionDate
    queues: TaskQueues
    say: Callable[[str], None]

    async def reconciled(self) -> Reconciled:
        """Compare broker and ledger."""
        try:
            return await workflow.execute_activity_method(
                ReconcilingActivities.reconcile_account,
                ReconcileRequest(self.account_id),
                **via(self.queues.watch, COMPARE, "compare broker and ledger"),
            )
        except ActivityError as error:
            cause = await self._undone(EventKind.BOOKS_NOT_COMPARED, "the books are not compared", error)
            return Reconciled(0, (f"the books were not compared: {cause}",), failed=cause)

    async def proven(self) -> FlatnessProof:
        """Prove that no shares or orders of ours remain, or report those that do."""
        try:
            return await workflow.execute_activity_method(
                FlatnessActivities.prove_flat,
                SessionRequest(self.account_id, self.date),
                **via(self.queues.watch, COMPARE, "read the broker's holdings"),
            )
        except ActivityError as error:
            cause = await self._undone(EventKind.CLOSE_NOT_PROVEN, "flatness is not proven", error)
            return FlatnessProof(flat=False, holdings={}, open_orders=0, not_proven=cause)

    async def statement(self) -> StatementCompared:
        """Compare the broker's statement with ours."""
        try:
            return await workflow.execute_activity_method(
                StatementActivities.compare_statement,
                StatementRequest(self.account_id, self.date),
                **via(self.queues.watch, COMPARE, "compare the broker's statement with the ledger"),
            )
        except ActivityError as error:
            cause = await self._undone(EventKind.STATEMENT_NOT_COMPARED, "the statement is not compared", error)
            return StatementCompared(untold=f"the comparison did not finish: {cause}")

    async def unsold(self) -> tuple[str, ...]:
        """Report the shares that the session left unsold."""
        try:
            return await workflow.execute_activity_method(
                UnsoldActivities.report_unsold,
                SessionRequest(self.account_id, self.date),
                **via(self.queues.watch, COMPARE, "find unsold shares"),
            )
        except ActivityError as error:
            await self._undone(EventKind.POSITION_UNSOLD_AT_CLOSE, "unsold shares could not be reported", error)
            return ()

    async def summary(self, *, is_final: bool = True) -> DailySummary | None:
        """Write the day's summaries; return None on failure."""
        try:
            return await workflow.execute_activity_method(
                SummaryActivities.write_summaries,
                SummaryRequest(self.account_id, self.date, is_final),
                **via(self.queues.trading, SUM_UP, "daily summaries"),
            )
        except ActivityError as error:
            await self._undone(EventKind.SUMMARY_NOT_WRITTEN, "the summaries are not written", error)
            return None

    async def summed_up(self) -> CloseOutcome:
        """Report a past day; current holdings and open orders belong to another day."""
        self.say(f"{self.date} is over: only summaries are written")
        statement, summary = await self.statement(), await self.summary()
        unproven = FlatnessProof(flat=False, holdings={}, open_orders=0, not_proven="the day was over")
        return replace(outcome_of(self.date, unproven), summary=summary, statement=statement)

    async def _undone(self, kind: EventKind, what: str, error: ActivityError) -> str:
        """Report a failed step and return its cause; if the report fails too, only log it."""
        if is_cancelled_exception(error):
            raise error
        cause = _innermost(error)
        workflow.logger.error("close_step_failed", extra={"what": what, "cause": cause})
        self.say(f"{what}: {cause}")
        if workflow.patched("reports-undone-steps"):
            try:
                await workflow.execute_activity_method(
                    SummaryActivities.report_undone,
                    AbandonedStep(self.account_id, self.date, kind, cause),
                    **via(self.queues.trading, REPORT, f"report: {what}"),
                )
            except ActivityError as unreported:
                workflow.logger.error("step_not_reported", extra={"what": what, "cause": str(unreported.cause)})
        return cause


def _innermost(error: ActivityError) -> str:
    """Return the last attempt's own error text; a timeout over all attempts carries it as its cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause)
