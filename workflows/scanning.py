"""Scanning: a worker waits for an offer of the market watch, or scans by an activity of its own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.market_data import Findings, MarketDataActivities, ScanRequest
    from activities.scanning import ScanEnd, ScanningActivities, ScanWait
    from activities.watch.messages import Offer
    from domain.rules import TradingRules
    from domain.session import SessionPlan
    from domain.worker_state import WorkerState
    from workflows.commands import Commands
    from workflows.identity import TaskQueues
    from workflows.market_timer import MarketTimer, collected
    from workflows.options import END_SCAN, RECORD, WATCH, via

_WISH_AGAIN: Final = timedelta(minutes=30)
"""Real time after which the wish is stored again: a failover of the ledger may have lost it."""


class Scanning:
    """Waits for candidates. No activity runs and no event is added meanwhile."""

    def __init__(self, worker: Commands, timer: MarketTimer, queues: TaskQueues) -> None:
        self._worker = worker
        self._timer = timer
        self._queues = queues
        self.is_shared = False
        """Whether the market watch scans, or an activity of this run."""
        self.joins_steps = False
        """Whether the run takes the joined steps, which need no marker."""
        self._scans = 0
        self._scan_id = ""
        self._offer: Offer | None = None
        self._stored: ScanRequest | None = None
        """The wish that the start of the run has stored, until a scan continues it."""
        self._wishes: list[workflow.ActivityHandle[None]] = []
        """Wishes under way: an offer may arrive before the reply to its wish."""

    def next_scan(self) -> str:
        """Return the next scan's id, which another step may use; its offer may arrive before the reply of that step."""
        self._scan_id, self._offer = f"{workflow.info().run_id}/{self._scans + 1}", None
        return self._scan_id

    def begun(self, rules: TradingRules | None, plan: SessionPlan) -> None:
        """Note that the wish for this scan is stored, under these rules."""
        life = self._worker.life
        self._scans += rules is not None
        self._stored = None if rules is None else ScanRequest(life.account_id, life.worker_id, rules, plan)

    async def leave(self) -> None:
        """Withdraw a stored wish whose offer the worker does not await."""
        stored, self._stored = self._stored, None
        if stored is not None:
            await self._leave(stored, self._scan_id)
            self._scan_id = ""

    def take(self, offer: Offer) -> None:
        """Note an offer; one for an earlier scan counts for nothing."""
        if offer.scan_id == self._scan_id and self._offer is None:
            self._offer = offer

    async def collect(self) -> None:
        """Await wishes under way, so that none outlives its run."""
        for wish in self._wishes:
            if not wish.done():
                wish.cancel()
            await collected(wish)
        self._wishes = []

    async def scan(self, plan: SessionPlan, may_enter: Callable[[], bool]) -> Findings:
        """Return candidates or a lost position; nothing if the worker must not enter now, or its rules have changed."""
        self._worker.enter_state(WorkerState.SCANNING, "scanning for candidates")
        life = self._worker.life
        request = ScanRequest(life.account_id, life.worker_id, life.rules, plan)
        stored, self._stored = self._stored, None
        is_stored = stored is not None and stored.rules is life.rules

        def is_over() -> bool:
            return self._worker.life.paused or not may_enter() or self._worker.life.rules is not request.rules

        if self.is_shared and (self.joins_steps or workflow.patched("shared-scan")):
            return await self._wait(request, is_over, is_stored=is_stored)
        return await self._look(request, is_over)

    async def _wait(self, request: ScanRequest, is_over: Callable[[], bool], *, is_stored: bool) -> Findings:
        scan_id = self._scan_id if is_stored else self.next_scan()
        self._scans += not is_stored
        is_repeated = False
        while self._taken() is None and not is_over():
            if is_repeated or not is_stored:
                self._wishes.append(self._wish(request, scan_id, is_repeated=is_repeated))
            again_at = min(self._timer.now() + self._timer.in_market(_WISH_AGAIN), request.plan.entries_until)
            await self._timer.until(lambda: self._taken() is not None or is_over(), again_at)
            self._wishes = [each for each in self._wishes if not each.done()]
            is_repeated = True
        found, self._scan_id = self._taken(), ""
        if found is None:
            await self._leave(request, scan_id)
            return Findings()
        return Findings(found.candidates, found.orphan, found.scanned_at)

    def _wish(self, request: ScanRequest, scan_id: str, *, is_repeated: bool) -> workflow.ActivityHandle[None]:
        return workflow.start_activity_method(
            ScanningActivities.begin_scan,
            ScanWait(request, scan_id, is_repeated),
            **via(self._queues.trading, RECORD, "scan: wait for an offer"),
        )

    def _taken(self) -> Offer | None:
        return self._offer

    async def _leave(self, request: ScanRequest, scan_id: str) -> None:
        """Withdraw the wish, unless the time for entries is over: the watch removes it then."""
        if self._timer.now() >= request.plan.entries_until:
            return
        try:
            await workflow.execute_activity_method(
                ScanningActivities.end_scan,
                ScanEnd(request.account_id, request.worker_id, scan_id),
                **via(self._queues.trading, END_SCAN, "scan no more"),
            )
        except ActivityError as error:
            workflow.logger.warning("scan_not_ended", extra={"cause": str(error.cause)})

    async def _look(self, request: ScanRequest, is_over: Callable[[], bool]) -> Findings:
        """Scan by an activity of this run: the host's settings want it, or the run is of an earlier version."""
        scan = workflow.start_activity_method(
            MarketDataActivities.find_candidates, request, **via(self._queues.watch, WATCH, "scan")
        )
        await workflow.wait_condition(lambda: scan.done() or is_over())
        if scan.done():
            return await scan
        scan.cancel()
        await collected(scan)
        return Findings()
