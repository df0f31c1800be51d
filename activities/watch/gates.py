"""What the ledger says about all waiting workers: who may buy now, and which positions have lost their worker."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from activities.account.day_start import DayStart
from activities.market_data import closed_because, not_confirmed
from activities.support.host_gate import HostGate
from activities.watch.waiting import Waiting, WaitingWorkers
from domain.errors import TradingError
from domain.events.entries import entries_denied
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.risk import Denial, Denied, RiskSnapshot
from domain.session import SessionDate

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

logger = logging.getLogger("haru.watch")

_CURRENT_FOR: Final = 0.5
"""Real seconds in which the rounds of all groups share one read."""


class Gates:
    """Reads with a few statements a round, whatever the number of workers; reports why a worker may not buy."""

    def __init__(  # noqa: PLR0913, PLR0917 each of them is another part of the system
        self,
        database: "Database",
        pace: "Pace",
        day_start: DayStart,
        host: HostGate,
        account_id: AccountId,
        workers: WaitingWorkers,
    ) -> None:
        self._database = database
        self._pace = pace
        self._day_start = day_start
        self._host = host
        self._account_id = account_id
        self._workers = workers
        self._snapshots: dict[SessionDate, dict[WorkerId, RiskSnapshot]] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._shown = 0
        self._denied: dict[str, Denial] = {}
        """The reported denials by scan."""
        self.orphans: tuple[Symbol, ...] = ()
        """Positions without a live lease, as of the last read."""

    async def read(self, date: SessionDate, workers: Collection[WorkerId]) -> None:
        """Read the ledger, unless what is known is current and covers the workers.

        Raises:
            Exception: it cannot be read now. ``orphans`` are current as far as they were read.
        """
        async with self._reading:
            now, known = asyncio.get_running_loop().time(), self._snapshots.get(date, {})
            if now - self._read_at < _CURRENT_FOR and known.keys() >= set(workers):
                return
            self.orphans = ()
            self.orphans = await self._database.locks.orphans(self._account_id)
            everyone = {each.worker_id for each in self._workers if each.request.plan.session.date == date}
            about = (everyone | set(workers), date, self._pace.now())
            self._snapshots[date] = await self._database.risk.snapshots(self._account_id, *about)
            self._read_at = now

    def cooling(self, date: SessionDate) -> frozenset[Symbol]:
        """Return the stocks that no worker may buy yet, as of the last read."""
        return next((each.symbols_cooling_down for each in self._snapshots.get(date, {}).values()), frozenset())

    async def open_for(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Return the workers of one session that may buy now; report and show what stops the others.

        Raises:
            TradingError: the broker has not answered about the day. It is shown; another process may reach the broker.
        """
        date, unanswered = waiting[0].request.plan.session.date, None
        denied = {each.scan_id: self._standing(each) for each in waiting}
        if not all(denied.values()):
            try:
                objection = await self._day_start.compare(self._account_id, date)
            except TradingError as fault:
                unanswered, objection = fault, not_confirmed(fault)
            day = closed_because(objection)
            denied = {scan_id: found or day for scan_id, found in denied.items()}
        await self._show(waiting, denied)
        if unanswered is not None:
            raise unanswered
        return [each for each in waiting if denied[each.scan_id] is None]

    def _standing(self, waiting: Waiting) -> Denied | None:
        plan, now = waiting.request.plan, self._pace.now()
        snapshot = self._snapshots[plan.session.date][waiting.worker_id]
        return self._host.standing_denial(snapshot, waiting.rules, plan, now)

    async def _show(self, waiting: Sequence[Waiting], denied: dict[str, Denied | None]) -> None:
        """Write what has changed; an unchanged reason costs no statement."""
        words: dict[tuple[WorkerId, str], str] = {}
        for each in waiting:
            found, before = denied[each.scan_id], self._denied.get(each.scan_id)
            if found is None and self._denied.pop(each.scan_id, None) is not None:
                words[each.worker_id, each.scan_id] = "scanning"
            elif found is not None and found.denial is not before:
                self._denied[each.scan_id] = found.denial
                words[each.worker_id, each.scan_id] = f"not buying: {found.detail}"
        if words:
            show = partial(self._database.scan_wishes.show, self._account_id, words, self._pace.now())
            # A subject of its own: a later write replaces one that waits, and concerns other workers.
            self._shown += 1
            await self._database.reports.write("worker_state", f"scans/{self._shown}", show)
            named = [each for each in waiting if (each.worker_id, each.scan_id) in words]
            await asyncio.gather(*(self._report(each, denied[each.scan_id]) for each in named))
        for gone in self._denied.keys() - {each.scan_id for each in self._workers}:
            del self._denied[gone]

    async def _report(self, waiting: Waiting, denied: Denied | None) -> None:
        if denied is None:
            return
        about = (self._account_id, waiting.request.plan.session.date, waiting.worker_id)
        event = replace(
            entries_denied(*about, denied, self._pace.now()), key=f"denied/{waiting.row.run_id}/{denied.denial}"
        )
        await self._database.reports.append(event.key, partial(self._database.events.append, event))
