"""One loop watches all positions of a shard: a failure with one touches no other, and nothing is signalled twice."""

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.watch.leases
from activities.entries import PreparedEntry
from activities.watch.messages import FirstOrder, WatchRequest
from domain.exits import ExitSignal
from domain.identity import IntentId, WorkerId
from domain.market import MarketView
from domain.position import ExitReason, OpenPosition
from domain.rules import StrategyRules
from tests.activities.desk import PLAN, SHARD, Desk, Eager
from tests.support.builders import HYNIX, SAMSUNG
from tests.support.stepping import ACCOUNT, RULES
from tests.trials.planted_bugs.swapping import swapped

OTHER: Final = WorkerId("worker-2")
MOMENTS: Final = [lambda: asyncio.sleep(0.05)] * 20
"""Real time for what runs beside the loop."""


async def held(desk: Desk) -> tuple[PreparedEntry, PreparedEntry]:
    """Hold two stocks whose prices stand still, and wish to have them watched."""
    for symbol in (SAMSUNG, HYNIX):
        desk.simulation.force_price(symbol, desk.price(symbol), natural=False)
    entries = await desk.buys(), await desk.buys(HYNIX, OTHER)
    for entry in entries:
        await wishes(desk, entry)
    return entries


async def wishes(desk: Desk, entry: PreparedEntry, **changes: Any) -> ExitSignal | None:
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, PLAN.liquidation_at)
    return await desk.does(desk.market_watch.begin_watch, replace(request, **changes))


async def watches(desk: Desk) -> None:
    await desk.does(desk.market_watch.watch_market, SHARD)


def signalled(desk: Desk) -> dict[str, str]:
    """Return the reasons to sell by position."""
    return {end.position_id: end.signal.reason if end.signal else "lost" for end in desk.temporal.ends}


async def test_each_position_is_judged_by_its_own_price(desk: Desk) -> None:
    first, second = await held(desk)
    desk.pace.meanwhile.extend([lambda: desk.price_moves(-0.04), lambda: None, lambda: desk.price_moves(0.06, HYNIX)])

    await watches(desk)

    assert signalled(desk) == {first.position_id: ExitReason.STOP_LOSS, second.position_id: ExitReason.TAKE_PROFIT}
    assert await desk.database.market_watches.of_shard(ACCOUNT, 0) == ()
    assert desk.temporal.started == [f"market-watch/{ACCOUNT}/0"] * 2, "no attempt watches while the wishes are stored"


@pytest.mark.parametrize(
    "odd",
    [
        "'{}'",
        """jsonb_set(request, '{deadline}', '"2026-08-03T15:10:00"')""",
    ],
    ids=["empty", "a deadline without a zone"],
)
async def test_an_odd_row_leaves_the_others_watched(desk: Desk, database_url: str, odd: str) -> None:
    first, second = await held(desk)
    await execute(database_url, f"UPDATE position_watches SET request = {odd} WHERE symbol = $1", SAMSUNG)
    desk.price_moves(0.06, HYNIX)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, first), *MOMENTS])

    await watches(desk)

    assert signalled(desk) == {second.position_id: ExitReason.TAKE_PROFIT}


async def test_an_odd_position_leaves_the_others_watched(desk: Desk, database_url: str) -> None:
    first, second = await held(desk)
    odd = """UPDATE positions SET exit_rules = '{"stop_loss": "odd"}' WHERE symbol = $1"""
    await execute(database_url, odd, SAMSUNG)
    desk.price_moves(0.06, HYNIX)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, first), *MOMENTS])

    await watches(desk)

    assert signalled(desk) == {second.position_id: ExitReason.TAKE_PROFIT}


@pytest.mark.parametrize("way", ["raises", "hangs"])
async def test_a_strategy_that_fails_leaves_the_others_watched(desk: Desk, way: str) -> None:
    class Fails(Eager):
        def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
            if position.symbol != SAMSUNG:
                return False
            if way == "hangs":
                time.sleep(0.5)
            raise RuntimeError("odd")

    desk.strategies = {"eager": Fails()}
    desk.rebuild()
    first, second = await held(desk)
    desk.pace.meanwhile.extend([lambda: desk.price_moves(0.06, HYNIX), lambda: None, lambda: desk.price_moves(-0.04)])

    await watches(desk)

    assert signalled(desk) == {first.position_id: ExitReason.STOP_LOSS, second.position_id: ExitReason.TAKE_PROFIT}


async def test_a_signal_that_does_not_arrive_is_decided_again(desk: Desk) -> None:
    first, second = await held(desk)
    desk.temporal.fails = 2
    desk.price_moves(-0.04)
    desk.pace.meanwhile.extend([lambda: None] * 8 + [lambda: desk.price_moves(-0.04, HYNIX)])

    await watches(desk)

    assert signalled(desk) == {first.position_id: ExitReason.STOP_LOSS, second.position_id: ExitReason.STOP_LOSS}
    assert len(desk.temporal.ends) == 2


async def test_a_stolen_shard_ends_the_attempt_and_the_next_one_takes_it_back(desk: Desk) -> None:
    await held(desk)
    take = desk.database.market_watches.take
    desk.pace.meanwhile.extend([lambda: take(ACCOUNT, 0, "a thief"), *MOMENTS])
    with swapped(activities.watch.leases, "_EVERY", 0.01), pytest.raises(ApplicationError, match="taken the shard"):
        await watches(desk)
    assert desk.temporal.ends == []

    desk.price_moves(-0.04)
    desk.price_moves(-0.04, HYNIX)
    await watches(desk)

    assert len(desk.temporal.ends) == 2


async def test_the_lease_of_another_holder_ends_one_watch(desk: Desk) -> None:
    first, second = await held(desk)
    await desk.database.locks.take_over(ACCOUNT, SAMSUNG, WorkerId("market-close"))
    desk.pace.meanwhile.extend([lambda: None, lambda: desk.price_moves(0.06, HYNIX)])

    await watches(desk)

    assert signalled(desk) == {first.position_id: "lost", second.position_id: ExitReason.TAKE_PROFIT}


async def test_a_position_added_later_is_watched_too(desk: Desk) -> None:
    first, second = await held(desk)
    await ends(desk, second)
    desk.price_moves(0.06, HYNIX)
    desk.pace.meanwhile.extend([lambda: wishes_beside(desk, second), *MOMENTS, lambda: desk.price_moves(-0.04)])

    await watches(desk)

    assert signalled(desk) == {first.position_id: ExitReason.STOP_LOSS, second.position_id: ExitReason.TAKE_PROFIT}


async def test_a_wish_after_the_deadline_is_answered_at_once(desk: Desk) -> None:
    entry = await desk.buys()

    due = await wishes(desk, entry, deadline=desk.pace.now())

    assert due is not None
    assert due.reason is ExitReason.DEADLINE
    assert await desk.database.market_watches.of_shard(ACCOUNT, 0) == ()


async def test_the_workers_own_sale_ends_the_watch(desk: Desk) -> None:
    first, second = await held(desk)

    await desk.sells(first)

    assert [row.position_id for row in await desk.database.market_watches.of_shard(ACCOUNT, 0)] == [second.position_id]


async def test_the_watch_sends_the_first_order_once_whatever_its_attempts(desk: Desk) -> None:
    entry = await desk.buys()
    desk.simulation.force_price(SAMSUNG, desk.price(), natural=False)
    await wishes(desk, entry, first=FirstOrder(IntentId("sale"), PLAN.session))
    desk.temporal.fails = 10**6
    desk.price_moves(-0.04)
    with pytest.raises(AssertionError, match="does not come"):
        await watches(desk)
    assert len(desk.sent) == 2

    desk.temporal.fails = 0
    desk.rebuild()
    await watches(desk)

    (end,) = desk.temporal.ends
    assert end.signal is not None
    assert end.signal.sent is not None
    assert (end.signal.sent.intent_id, end.signal.reason) == ("sale", ExitReason.STOP_LOSS)
    assert len(desk.sent) == 2, "one buy, one sale"


async def test_marks_and_the_last_price_are_written_for_all(desk: Desk) -> None:
    first, second = await held(desk)
    desk.pace.meanwhile.extend(
        [lambda: desk.price_moves(0.01), lambda: desk.price_moves(0.01, HYNIX), *([lambda: None] * 6)]
    )
    desk.pace.meanwhile.extend([lambda: desk.price_moves(-0.06), lambda: desk.price_moves(-0.06, HYNIX)])

    await watches(desk)

    for entry in (first, second):
        position = await desk.holding(entry.position_id)
        assert position.high_water_mark > position.entry_price > position.last_price


async def execute(url: str, statement: str, *values: Any) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def ends(desk: Desk, entry: PreparedEntry) -> None:
    await desk.database.market_watches.end(ACCOUNT, entry.lease.worker_id, entry.lease.fencing_token)


async def wishes_beside(desk: Desk, entry: PreparedEntry) -> None:
    """Wish while the watch runs, without the desk's counters."""
    request = WatchRequest(entry.position_id, entry.symbol, entry.lease, RULES, PLAN.liquidation_at)
    env = ActivityEnvironment(desk.temporal)  # type: ignore[arg-type]
    await env.run(desk.market_watch.begin_watch, request)
