"""What the page shows beside the board: budget, alerts, verdict, steps of orders, ages of prices, last scans."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from database.day_seen import KeptVerdict
from database.gauges import Gauged
from database.last_scans import LastScan
from database.page_readings import OrderSteps
from domain.flatness import Proven
from domain.identity import IntentId, PositionId
from domain.session import SessionDate
from fleet.fleet import Fleet
from web.temporal_links import TemporalLinks

MOST_STEPS: Final = 300
"""Orders whose steps are read: all active ones, then the latest."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One reading of a session."""

    gauged: Gauged
    verdict: KeptVerdict | None
    proof: Proven | None
    """Whether the account was flat after the close, by the broker's list; None before."""
    steps: Mapping[IntentId, OrderSteps]
    unchanged: Mapping[PositionId, float]
    """Real seconds since the price of a held position changed."""
    scans: tuple[LastScan, ...]
    links: TemporalLinks


async def read_beside(fleet: Fleet, date: SessionDate) -> Beside:
    """Read it from the books. Database faults propagate."""
    books, account = fleet.database, fleet.account_id
    return Beside(
        gauged=await books.gauges.read(account, date),
        verdict=await books.day_seen.verdict_on(account, date),
        proof=await books.snapshots.proof_of(account, date),
        steps=await books.page_readings.steps_of(account, date, MOST_STEPS),
        unchanged=await books.page_readings.prices_unchanged_for(account),
        scans=await books.last_scans.on(account, date),
        links=TemporalLinks.of(fleet),
    )
