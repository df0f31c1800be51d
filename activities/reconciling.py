"""Reconciliation as an activity: compare ledger and broker within a time limit, and record a failure."""

from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.comparing import How, Reconciled, ReconcileRequest
from activities.account.session_books import SessionBooks
from activities.support.bounded import NotDone, in_time
from activities.support.heart import WHOLE_LIST, Heart
from domain.money import Rate

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database


class ReconcilingActivities:
    """Compares the broker with the ledger for workflows."""

    def __init__(self, broker: "Broker", database: "Database", pace: "Pace", commission: Rate) -> None:
        self._pace = pace
        self._books = SessionBooks(broker, database, pace, commission)

    @activity.defn
    async def reconcile_account(self, request: ReconcileRequest) -> Reconciled:
        """Compare; after the time limit close entries, append an event and return why the books were not compared."""
        async with Heart(silence=WHOLE_LIST) as heart:
            done = await in_time(self._pace, lambda: self._books.compare(request, How(progress=heart.progress)))
            return await self._books.not_compared(request, done.cause) if isinstance(done, NotDone) else done
