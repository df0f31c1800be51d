"""The day in numbers: one summary per worker and one for the fleet, recomputed from the ledger each time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from domain.identity import AccountId
from domain.session import SessionDate
from domain.summary import DailySummary

if TYPE_CHECKING:
    from database.database import Database


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """Which account and KST date to sum up."""

    account_id: AccountId
    session_date: SessionDate


class SummaryActivities:
    """Writes daily summaries; running it again changes nothing."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    @activity.defn
    async def write_summaries(self, request: SummaryRequest) -> DailySummary:
        """Save every worker's summary and the fleet's; return the fleet's."""
        summaries = await self._database.summaries.compute(request.account_id, request.session_date)
        for summary in summaries:
            await self._database.summaries.save(request.account_id, summary)
        return summaries[0]
