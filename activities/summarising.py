"""Daily summaries: one per worker and one for the fleet, recomputed from the ledger each time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from domain.events.closes import AbandonedStep, step_abandoned
from domain.identity import AccountId
from domain.session import SessionDate
from domain.summary import DailySummary, Left, result_event, totals_of

if TYPE_CHECKING:
    from database.database import Database


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """Account and KST date to summarise; not final while evening sales continue."""

    account_id: AccountId
    session_date: SessionDate
    is_final: bool = True


class SummaryActivities:
    """Writes daily summaries; running it again changes nothing. ``now`` returns market time (UTC)."""

    def __init__(self, database: "Database", now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    @activity.defn
    async def write_summaries(self, request: SummaryRequest) -> DailySummary:
        """Save every worker's summary and the fleet's; return the fleet's totals."""
        summaries = await self._database.summaries.compute(request.account_id, request.session_date)
        await self._database.summaries.save(request.account_id, *summaries, is_final=request.is_final)
        if request.is_final:
            await self._report(request, summaries[0])
        return totals_of(summaries[0])

    @activity.defn
    async def report_undone(self, undone: AbandonedStep) -> None:
        """Append the critical event of a step that a close gave up, once per session and step."""
        await self._database.events.append(step_abandoned(undone, self._now()))

    async def _report(self, request: SummaryRequest, fleet: DailySummary) -> None:
        """Append the result as an event, once per distinct result."""
        account_id, date = request.account_id, request.session_date
        held = await self._database.positions.held_in(account_id)
        seen = await self._database.snapshots.on(account_id, date)
        left = Left(
            ours=tuple(position for position in held if position.session_date <= date),
            owners={each.symbol: each.owners_quantity for each in seen if each.owners_quantity},
            unexplained={each.symbol: each.unexplained_quantity for each in seen if each.unexplained_quantity},
            proof=await self._database.snapshots.proof_of(account_id, date),
        )
        event = result_event(account_id, fleet, left, self._now())
        await self._database.events.append(event)
