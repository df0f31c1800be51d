"""Scenes of a sale that its watch has begun, and that its workflow or a host carries on."""

from datetime import timedelta

from activities.entries import PreparedEntry
from activities.settling import CloseRequest
from domain.exits import ExitSignal
from domain.identity import IntentId
from domain.position import ExitReason
from tests.activities.carrying_on import host_of, let_leases_lapse
from tests.activities.desk import PLAN, Desk
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT
from tests.trials.clockwork.town import Town

FIRST = IntentId("run-1.2")


async def without_the_index_of_active_orders(town: Town) -> None:
    """Drop the index that keeps a second order of the same side from being recorded."""
    await town.pool.execute("DROP INDEX one_active_order_per_side")


async def left_by_its_workflow(desk: Desk) -> list[str]:
    """The watch sends, and no workflow follows its order."""
    await _sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    await host_of(desk).look()
    booked = await desk.database.trades.on(ACCOUNT, PLAN.session.date)
    return [] if booked else ["scene: a sale without a workflow is not booked"]


async def carried_on_and_found_by_its_workflow(desk: Desk) -> list[str]:
    """A host books the trade of a stuck workflow, which then continues and books it, too."""
    entry = await _sold_by_its_watch(desk)
    await let_leases_lapse(desk)
    await host_of(desk).look()
    close = CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0))
    await desk.does(desk.settling.close_position, close)
    return []


async def _sold_by_its_watch(desk: Desk) -> PreparedEntry:
    entry = await desk.buys()
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(-0.04, SAMSUNG)])
    signal: ExitSignal = await desk.watches(entry, first=FIRST)
    assert signal.sent is not None
    return entry
