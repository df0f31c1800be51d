"""A desk whose workers wait for offers: the market watch's part is played by the activity that stores a wish."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from temporalio import activity

from activities.cycles import Cycle, CycleRequest
from activities.entries import EntryRequest, NoEntry, PreparedEntry
from activities.scanning import ScanEnd, ScanWait
from activities.watch.messages import OFFER_MESSAGE, Offer
from tests.workflows.stand_ins import CANDIDATE, Desk


@dataclass
class OfferingDesk(Desk):
    """Signals each offer twice, because a signal may be repeated; ``stray`` arrive before it."""

    stray: list[Offer] = field(default_factory=list)
    offers_from: int = 1
    """Number of the wish from which on there is an offer."""
    waits: list[ScanWait] = field(default_factory=list)
    scanned_at: list[datetime | None] = field(default_factory=list)
    """When the candidates of each entry were found."""

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        return replace(await Desk.begin_cycle(self, request), shared_scan=True)

    @activity.defn
    async def begin_scan(self, wait: ScanWait) -> None:
        self.waits.append(wait)
        worker = activity.client().get_workflow_handle(str(activity.info().workflow_id))
        for offer in self.stray:
            await worker.signal(OFFER_MESSAGE, offer)
        if len(self.waits) >= self.offers_from:
            for _ in range(2):
                await worker.signal(OFFER_MESSAGE, Offer(wait.scan_id, self.now(), (CANDIDATE,)))

    @activity.defn
    async def end_scan(self, end: ScanEnd) -> None:
        self.calls["end_scan"] += 1
        assert end.scan_id == self.waits[-1].scan_id

    @activity.defn
    async def prepare_entry(self, request: EntryRequest) -> PreparedEntry | NoEntry:
        self.scanned_at.append(request.scanned_at)
        return await Desk.prepare_entry(self, request)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [*super().everything(), self.begin_scan, self.end_scan]
