"""A host's duty at a desk: it carries on the sale of a worker whose workflow does nothing."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from domain.clock import MarketClock
from domain.identity import Environment
from fleet.duties.direct_steps import Acts
from fleet.duties.unattended_sales import UnattendedSalesDuty
from fleet.fleet import Fleet
from tests.activities.desk import Desk
from tests.support.stepping import ACCOUNT, CALENDAR, RULES


def host_of(desk: Desk, **replaced: Callable[..., Awaitable[Any]]) -> UnattendedSalesDuty:
    """Return the duty of a host whose activities are the desk's; ``replaced`` ones are the test's."""
    nobody: Any = None
    clock = MarketClock(datetime.now(UTC), desk.pace.now())  # noqa: TID251 - the host's own clock
    fleet = Fleet(nobody, desk.database, ACCOUNT, Environment.SIMULATED, clock, CALENDAR)
    return UnattendedSalesDuty(fleet, RULES, {**_acts(desk), **replaced}, first_after=0)


def _acts(desk: Desk) -> Acts:
    ours: list[Callable[..., Awaitable[Any]]] = [
        desk.selling.prepare_exit,
        desk.orders.submit_order,
        desk.orders.follow_order,
        desk.orders.cancel_order,
        desk.resolving.resolve_order,
        desk.settling.close_position,
    ]
    return {act.__name__: _from_its_start(desk, act) for act in ours}


def _from_its_start(desk: Desk, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def acts(request: Any) -> Any:
        desk.pace.begin()
        return await act(request)

    return acts


async def let_leases_lapse(desk: Desk) -> None:
    """End every lease, as after the time without a renewal."""
    await desk.database._pool.execute("UPDATE stock_locks SET expires_at = clock_timestamp()")
