"""The day in numbers: one summary per worker and one for the fleet, recomputed from the ledger each time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio import activity

from domain.identity import AccountId
from domain.session import SessionDate
from domain.summary import FLEET, DailySummary, summarise

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
        account, date = request.account_id, request.session_date
        for worker in await self._database.workers.all_of(account):
            trades = await self._database.trades.on(account, date, worker.worker_id)
            denials = await self._database.events.denials_on(account, date, worker.worker_id)
            dropped = await self._database.events.dropped_on(account, date, worker.worker_id)
            await self._database.summaries.save(account, summarise(date, worker.worker_id, trades, denials, dropped))
        fleet = summarise(
            date,
            FLEET,
            await self._database.trades.on(account, date),
            await self._database.events.denials_on(account, date),
            await self._database.events.dropped_on(account, date),
        )
        await self._database.summaries.save(account, fleet)
        return fleet
