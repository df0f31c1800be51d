"""Scanning workers wait for an offer: their wishes, and the activity that scans for all of them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from temporalio import activity

from activities.account.day_start import DayStart
from activities.market.screening import Screening
from activities.market_data import ScanRequest, report_looser_rules
from activities.support.heart import Heart
from activities.support.host_gate import HostGate
from activities.support.pace import to_be_continued
from activities.support.recorder import DayRecorder
from activities.watch.leases import ShardTakenError
from activities.watch.messages import OFFER_MESSAGE, Offer, ShardRequest
from activities.watch.scans import ScanParts, ScansFailError, ScanWatch
from activities.watch.starting import SIGNALLED_WITHIN, TAKEN_AGAIN_AFTER, start_watch
from activities.watch.waiting import as_json
from domain.identity import AccountId, WorkerId
from domain.watch import SCANS, ScanWish
from domain.worker_state import WorkerState

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database


@dataclass(frozen=True, slots=True)
class ScanWait:
    """A worker's wait for candidates; an offer names ``scan_id``."""

    request: ScanRequest
    scan_id: str
    is_repeated: bool = False
    """Whether the same wait has been stored before: the ledger may have lost it."""


@dataclass(frozen=True, slots=True)
class ScanEnd:
    """The wait of a worker that does not scan any more."""

    account_id: AccountId
    worker_id: WorkerId
    scan_id: str


class ScanningActivities:
    """Stores who waits for candidates, and scans for them. ``owner`` names this process."""

    def __init__(  # noqa: PLR0913 each of them is another part of the system
        self,
        screening: Screening,
        database: "Database",
        pace: "Pace",
        day_start: DayStart,
        *,
        host: HostGate | None = None,
        owner: str = "",
        recorder: DayRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._host = host or HostGate()
        self._parts = ScanParts(screening, day_start, database, pace, self._host, _signal_offer)
        self._database = database
        self._pace = pace
        self._owner = owner or "host"

    @activity.defn
    async def begin_scan(self, wait: ScanWait) -> None:
        """Let the account's market watch scan for the worker; the calling workflow gets the signal ``offer``."""
        request = wait.request
        if self._recorder is not None:
            rules = self._host.capped(request.rules)
            self._recorder.rules(request.worker_id, rules, self._pace.now())
        if not wait.is_repeated:
            await report_looser_rules(self._database, self._host, request, self._pace.now())
            about = (request.account_id, request.worker_id, WorkerState.SCANNING, None, "scanning", self._pace.now())
            show = partial(self._database.workers.enter, *about)
            await self._database.reports.write("worker_state", request.worker_id, show)
        info = activity.info()
        caller = (str(info.workflow_id), str(info.workflow_run_id))
        wish = ScanWish(request.account_id, request.worker_id, wait.scan_id, *caller, as_json(request))
        if not await self._database.scan_wishes.ask(wish):
            await start_watch(ShardRequest(request.account_id, SCANS))

    @activity.defn
    async def end_scan(self, end: ScanEnd) -> None:
        """Remove the worker's wish; a later one stays."""
        await self._database.scan_wishes.withdraw(end.account_id, end.worker_id, end.scan_id)

    @activity.defn
    async def watch_scans(self, request: ShardRequest) -> None:
        """Scan for the account's waiting workers until there is none; no side effects but offers and reports."""
        details = activity.info().heartbeat_details
        empty_since = timedelta(seconds=details[0]) if details and details[0] >= 0 else None
        async with Heart(*details) as heart:
            token = await self._database.market_watches.take(request.account_id, SCANS, self._owner)
            try:
                await ScanWatch(self._parts, request.account_id, token).watch(heart, empty_since)
            except ShardTakenError:
                raise to_be_continued("another attempt has taken the scans", TAKEN_AGAIN_AFTER) from None
            except ScansFailError:
                raise to_be_continued("no scan of this process succeeds", TAKEN_AGAIN_AFTER) from None


async def _signal_offer(workflow_id: str, offer: Offer) -> None:
    handle = activity.client().get_workflow_handle(workflow_id)
    await handle.signal(OFFER_MESSAGE, offer, rpc_timeout=SIGNALLED_WITHIN)
