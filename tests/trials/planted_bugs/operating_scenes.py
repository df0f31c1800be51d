"""Scenes of events that affect a fleet beside its orders: other hosts, its database, the night, another program."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from activities.account.comparing import ReconcileRequest
from activities.selling import PreparedExit
from database.errors import DATABASE_FAULTS
from database.migrations import apply
from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.market import Side
from domain.money import Price, Quantity
from domain.order import OrderPurpose
from fleet.alerting.outbox import Alerting, AlertRules
from simulator.order_types import OrderType
from simulator.orders import OrderRequest
from tests.activities.desk import OPENS_AT, PLAN, Desk, HandPace
from tests.activities.test_overnight import becomes, splits
from tests.database.test_failover import opened, refused, write
from tests.database.two_servers import TwoServers, become_read_only, two_servers
from tests.support.builders import HYNIX
from tests.support.stepping import ACCOUNT, CALENDAR, a_broker, a_simulation, pinned_database
from tests.trials.planted_bugs.scenes import a_desk

OURS, THEIRS = "1111111111111111", "2222222222222222"
_TRIES: Final = 200
"""Number of writes after a failover; a pool that looks for the new primary needs about ten."""


async def a_second_host_with_other_alert_settings(desk: Desk) -> list[str]:
    """A host without a channel, and one with another channel, start while an alert of ours waits."""
    alerts, environment = desk.database.alerts, desk.broker.environment
    await alerts.register(ACCOUNT, [OURS], [EventLevel.CRITICAL], sends_days=True)
    await desk.database.events.append(Event(ACCOUNT, EventKind.ORDER_QUARANTINED, EventLevel.CRITICAL, desk.pace.now()))
    await Alerting((ACCOUNT, environment), desk.database, [], AlertRules(mask=str))._register()
    await alerts.register(ACCOUNT, [THEIRS], [EventLevel.CRITICAL], sends_days=True)
    unsent: dict[str, int] = {state.channel: state.unsent for state in await alerts.states(ACCOUNT)}
    return [] if unsent == {OURS: 1, THEIRS: 0} else [f"scene: an alert of another host is lost: {unsent}"]


async def a_failover_to_a_replica(_: str) -> list[str]:
    """The old primary stays up, read-only, with all connections of the pool; a replica takes the writes."""
    stack = ExitStack()
    try:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        folder.chmod(0o755)
        servers = await asyncio.to_thread(stack.enter_context, two_servers(folder))
        await asyncio.to_thread(apply, servers.primary)
        return await _written_after_a_failover(servers)
    finally:
        await asyncio.to_thread(stack.close)


async def _written_after_a_failover(servers: TwoServers) -> list[str]:
    async with opened(servers.both) as database:
        await servers.catch_up()
        await servers.promote()
        await become_read_only(servers.primary)
        await refused(database)
        for _ in range(_TRIES):
            try:
                await write(database)
            except DATABASE_FAULTS:
                await asyncio.sleep(0.05)
            else:
                return []
    return ["scene: nothing is written after a failover"]


async def split_overnight_while_carried(database_url: str) -> list[str]:
    """Five new shares for each that was carried: all of them are ours, and are sold in the morning."""
    simulation = a_simulation(OPENS_AT)
    pace = HandPace(simulation)
    async with pinned_database(database_url) as database, a_broker(simulation, database, pace.now) as broker:
        desk = Desk(simulation, database, broker, pace)
        entry = await desk.buys()
        desk.passes(days=1)
        becomes(desk, entry.quantity * 5)
        await splits(desk, entry, into=5)
        await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
        tomorrow = CALENDAR.session_at_or_after(PLAN.session.ends_at)
        sale = await desk.does(desk.selling.prepare_exit, desk.exit_of(entry, 2, session=tomorrow))
        assert isinstance(sale, PreparedExit), sale
        await desk.submits(sale, OrderPurpose.EXIT)
        await desk.follows(sale.intent_id)
        left = desk.broker_account.holdings[entry.symbol].quantity
    return [f"scene: {left} shares of a split are left"] if left else []


async def another_program_that_orders_by_api(database_url: str) -> list[str]:
    """The verifier is not used: it reports the order as one without an intent, detected or not."""
    async with a_desk(database_url) as desk:
        request = OrderRequest(desk.broker_account.id, HYNIX, Side.BUY, OrderType.MARKET, Quantity(1), Price(0))
        desk.simulation.place_order(request)
        await desk.does(desk.reconciling.reconcile_account, ReconcileRequest(ACCOUNT))
        shut = await desk.database.risk.closed_because(ACCOUNT, PLAN.session.date)
    return [] if any("another program" in reason for reason in shut) else ["scene: it buys beside another program"]
