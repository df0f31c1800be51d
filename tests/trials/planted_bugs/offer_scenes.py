"""Scenes of shared scans: one stock and two waiting workers, and an offer that arrives late."""

import asyncio
from dataclasses import replace
from typing import Final

from activities.entries import EntryRequest, PreparedEntry
from activities.market_data import ScanRequest
from activities.scanning import ScanWait
from activities.watch.messages import Offer, ShardRequest
from domain.identity import IntentId, WorkerId
from domain.rules import UniverseRules
from domain.watch import SCANS
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, RULES

_WORKERS: Final = (WorkerId("worker-1"), WorkerId("worker-2"))
_RULES: Final = replace(
    RULES, strategy=replace(RULES.strategy, names=("eager",)), universe=UniverseRules(0, (SAMSUNG,))
)


async def one_stock_for_two_workers(desk: Desk) -> list[str]:
    """One worker is offered it; whatever they are offered, one position follows, because the lock decides."""
    offers = await _offers(desk)
    bought = [await _tries(desk, worker, offer) for worker, offer in zip(_WORKERS, offers, strict=False)]
    complaints = [f"scene: {len(offers)} workers were offered one stock"] if len(offers) != 1 else []
    return complaints + ([f"I2 {sum(bought)} positions in one stock"] if sum(bought) != 1 else [])


async def an_offer_that_arrives_late(desk: Desk) -> list[str]:
    """Its worker scans again instead of buying."""
    (offer,) = await _offers(desk)
    desk.passes(seconds=90)
    return ["scene: bought what was found 90 s ago"] if await _tries(desk, _WORKERS[0], offer) else []


async def _offers(desk: Desk) -> list[Offer]:
    for worker in _WORKERS:
        await desk.registers(worker)
        wait = ScanWait(ScanRequest(ACCOUNT, worker, _RULES, PLAN), f"scan of {worker}")
        await desk.does(desk.scanning.begin_scan, wait)

    async def withdraw() -> None:
        for worker in _WORKERS:
            await desk.database.scan_wishes.withdraw(ACCOUNT, worker, f"scan of {worker}")

    desk.pace.meanwhile.extend([withdraw, *([lambda: asyncio.sleep(0.05)] * 10)])
    await desk.does(desk.scanning.watch_scans, ShardRequest(ACCOUNT, SCANS))
    return [offer for _, offer in desk.temporal.offers]


async def _tries(desk: Desk, worker: WorkerId, offer: Offer) -> bool:
    name = IntentId(f"{worker}.1")
    request = EntryRequest(ACCOUNT, worker, name, offer.candidates, _RULES, PLAN, offer.scanned_at)
    return isinstance(await desk.does(desk.entries.prepare_entry, request), PreparedEntry)
