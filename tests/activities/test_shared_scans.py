"""One scan serves all waiting workers: no stock goes to two of them, and one worker's fault stays with it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.watch.leases
import activities.watch.scans
from activities.entries import NoEntry, PreparedEntry
from activities.market.screening import Screening
from activities.market_data import ScanRequest
from activities.scanning import ScanEnd, ScanWait
from activities.settling import CloseRequest
from activities.watch.messages import ShardRequest
from database.risk import Risk
from domain.event_kind import EventKind
from domain.identity import WorkerId
from domain.market import MarketView, Symbol
from domain.position import ExitReason
from domain.rules import StrategyRules, TradingRules, UniverseRules
from domain.strategy import EntrySignal
from domain.watch import SCANS
from tests.activities.desk import PLAN, Desk, Eager, a_candidate
from tests.support.builders import HYNIX, SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, RULES
from tests.trials.planted_bugs.swapping import swapped

OTHER, THIRD = WorkerId("worker-2"), WorkerId("worker-3")
SHARD: Final = ShardRequest(ACCOUNT, SCANS)
EAGER: Final = replace(
    RULES,
    strategy=replace(RULES.strategy, names=("eager",)),
    universe=UniverseRules(0, (SAMSUNG, HYNIX)),
)
NEVER: Final = replace(EAGER, strategy=replace(RULES.strategy, names=("volatility_breakout",)))
MOMENTS: Final = [lambda: asyncio.sleep(0.05)] * 10
"""Real time for what runs beside the loop."""


async def waits(desk: Desk, worker: WorkerId = WORKER, rules: TradingRules = EAGER, **about: Any) -> str:
    """Register a worker, and let it wait for an offer; return the id of its wait."""
    await desk.registers(worker)
    wait = ScanWait(ScanRequest(ACCOUNT, worker, rules, PLAN), f"scan of {worker}")
    wait = replace(wait, **about)
    env = ActivityEnvironment(desk.temporal)  # type: ignore[arg-type]
    env.info = replace(env.info, workflow_id=worker)
    await env.run(desk.scanning.begin_scan, wait)
    return wait.scan_id


async def scans(desk: Desk) -> None:
    await desk.does(desk.scanning.watch_scans, SHARD)


async def waiting(desk: Desk) -> list[str]:
    return [row.worker_id for row in await desk.database.scan_wishes.of_account(ACCOUNT)]


def offered(desk: Desk) -> dict[str, list[Symbol]]:
    """Return the stocks that were offered, by worker."""
    return {worker: [each.symbol for each in offer.candidates] for worker, offer in desk.temporal.offers}


@contextmanager
def counted(owner: Any, name: str) -> Iterator[list[Any]]:
    """Collect the arguments of a method's calls."""
    calls, real = list[Any](), getattr(owner, name)

    async def counting(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return await real(self, *arguments, **named)

    with swapped(owner, name, counting):
        yield calls


async def test_one_scan_deals_its_candidates_to_the_workers(desk: Desk) -> None:
    for worker in (WORKER, OTHER, THIRD):
        await waits(desk, worker)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, THIRD), *MOMENTS])

    with counted(Screening, "scan") as made, swapped_hold(60.0):
        await scans(desk)

    assert sorted(symbol for symbols in offered(desk).values() for symbol in symbols) == sorted([SAMSUNG, HYNIX])
    assert list(offered(desk)) == [WORKER, OTHER], "the longest wait first"
    assert len(made) <= desk.pace.pauses + 1, "one scan for all of them"
    assert await waiting(desk) == []
    assert desk.temporal.started == [f"market-watch/{ACCOUNT}/scans"] * 3
    counts = await desk.database.events.scans_on(ACCOUNT, PLAN.session.date)
    assert counts[WORKER] == (1, 2)
    assert counts[THIRD][0] >= 1


async def test_the_only_worker_gets_every_candidate_best_first(desk: Desk) -> None:
    class Ranks(Eager):
        def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
            score = Decimal("0.9") if view.quote.symbol == HYNIX else Decimal("0.1")
            return EntrySignal(self.name, self.version, score, "it rises")

    desk.strategies = {"eager": Ranks()}
    desk.rebuild()
    scan_id = await waits(desk)

    await scans(desk)

    ((worker, offer),) = desk.temporal.offers
    assert (worker, offer.scan_id) == (WORKER, scan_id)
    assert offered(desk) == {WORKER: [HYNIX, SAMSUNG]}
    assert offer.scanned_at <= desk.pace.now()


NO_ZONE: Final = """jsonb_set(request, '{plan,entries_until}', '"2026-08-03T15:10:00"')"""


@pytest.mark.parametrize("odd", ["'{}'", NO_ZONE], ids=["empty", "an end without a zone"])
async def test_an_odd_wish_leaves_the_others_scanning(desk: Desk, database_url: str, odd: str) -> None:
    await waits(desk)
    await waits(desk, OTHER)
    await execute(database_url, f"UPDATE scan_wishes SET request = {odd} WHERE worker_id = $1", WORKER)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, WORKER), *MOMENTS])

    await scans(desk)

    assert list(offered(desk)) == [OTHER]


@pytest.mark.parametrize("way", ["raises", "hangs"])
async def test_a_strategy_that_fails_leaves_workers_with_other_rules_scanning(desk: Desk, way: str) -> None:
    class Fails(Eager):
        def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
            if way == "hangs":
                time.sleep(0.5)
            raise RuntimeError("odd")

    desk.strategies = {"fails": replace(Fails(), name="fails")}
    desk.rebuild()
    odd = replace(EAGER, strategy=replace(RULES.strategy, names=("fails",)))
    await waits(desk, WORKER, odd)
    await waits(desk, OTHER)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, WORKER), *MOMENTS])

    await scans(desk)

    assert list(offered(desk)) == [OTHER]


async def test_an_offer_that_does_not_arrive_is_made_again(desk: Desk) -> None:
    await waits(desk)
    desk.temporal.fails = 2

    await scans(desk)

    assert list(offered(desk)) == [WORKER]
    assert await waiting(desk) == []


async def test_the_wish_of_a_worker_that_is_gone_is_removed_and_its_stocks_go_to_the_next(desk: Desk) -> None:
    await waits(desk)
    desk.temporal.gone = {WORKER}
    desk.pace.meanwhile.extend([*MOMENTS, lambda: waits(desk, OTHER), *MOMENTS])

    with swapped_hold():
        await scans(desk)

    assert list(offered(desk)) == [OTHER]


async def test_a_position_without_a_worker_is_offered_once_and_before_any_candidate(
    desk: Desk, database_url: str
) -> None:
    await desk.buys()
    await execute(database_url, "UPDATE stock_locks SET expires_at = clock_timestamp()")
    for worker in (OTHER, THIRD):
        await waits(desk, worker)
    await desk.database.risk.press_kill_switch(ACCOUNT, "test", "no entries")
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, THIRD), *MOMENTS])

    await scans(desk)

    assert [(worker, offer.orphan) for worker, offer in desk.temporal.offers] == [(OTHER, SAMSUNG)]


async def test_a_position_without_a_worker_is_offered_although_the_risk_cannot_be_read(
    desk: Desk, database_url: str
) -> None:
    await desk.buys()
    await execute(database_url, "UPDATE stock_locks SET expires_at = clock_timestamp()")
    await execute(database_url, """UPDATE positions SET exit_rules = '{"stop_loss": "odd"}'""")
    await waits(desk, OTHER)
    desk.pace.meanwhile.extend([*MOMENTS, lambda: ends(desk, OTHER), *MOMENTS])

    await scans(desk)

    assert [(worker, offer.orphan) for worker, offer in desk.temporal.offers] == [(OTHER, SAMSUNG)]


async def test_a_shut_gate_stops_scans_and_costs_the_same_for_any_number_of_workers(desk: Desk) -> None:
    workers = [WorkerId(f"worker-{number}") for number in range(1, 31)]
    for worker in workers:
        await waits(desk, worker)
    await desk.database.risk.press_kill_switch(ACCOUNT, "test", "no entries")

    async def all_end() -> None:
        for worker in workers:
            await ends(desk, worker)

    desk.pace.meanwhile.extend([*MOMENTS, all_end, *MOMENTS])

    with (
        counted(Risk, "snapshot") as snapshots,
        counted(Screening, "scan") as made,
        counted(type(desk.database.scan_wishes), "show") as shown,
    ):
        await scans(desk)

    assert made == []
    assert desk.temporal.offers == []
    assert 1 <= len(snapshots) <= len(MOMENTS)
    assert len(shown) == 1, "a reason that lasts is written once, for all of them"
    states = {row.worker_id: row.last_event for row in await desk.database.workers.board(ACCOUNT, PLAN.session.date)}
    assert all(states[worker].startswith("not buying: ") for worker in workers)
    denials = await desk.database.events.counts(ACCOUNT, PLAN.session.date, EventKind.ENTRY_DENIED)
    assert denials >= 1


async def test_a_gate_that_opens_lets_the_workers_scan_again(desk: Desk) -> None:
    await waits(desk)
    await desk.database.risk.press_kill_switch(ACCOUNT, "test", "no entries")
    lift = desk.database.risk.lift_kill_switch
    desk.pace.meanwhile.extend([*MOMENTS, lambda: lift(ACCOUNT, "test"), *MOMENTS])

    await scans(desk)

    assert list(offered(desk)) == [WORKER]
    (row,) = await desk.database.workers.board(ACCOUNT, PLAN.session.date)
    assert row.last_event == "scanning"


async def test_a_stolen_watch_of_the_scans_ends_the_attempt(desk: Desk) -> None:
    await waits(desk, rules=NEVER)
    take = desk.database.market_watches.take
    desk.pace.meanwhile.extend([*MOMENTS, lambda: take(ACCOUNT, SCANS, "a thief"), *MOMENTS])

    with swapped(activities.watch.leases, "_EVERY", 0.01), pytest.raises(ApplicationError, match="taken the scans"):
        await scans(desk)

    assert await desk.database.market_watches.unattended(ACCOUNT, timedelta(0)) == (SCANS,)


async def test_a_wish_is_forgotten_when_the_time_for_entries_is_over(desk: Desk) -> None:
    await waits(desk, rules=NEVER)
    desk.pace.meanwhile.append(lambda: desk.simulation.move_clock(PLAN.entries_until))

    await scans(desk)

    assert await waiting(desk) == []
    assert desk.temporal.offers == []


async def test_a_withdrawn_wish_gets_no_offer_and_a_later_one_stays(desk: Desk) -> None:
    first = await waits(desk)
    await waits(desk, scan_id=f"{first}, the next")
    await desk.does(desk.scanning.end_scan, ScanEnd(ACCOUNT, WORKER, first))
    assert await waiting(desk) == [WORKER]

    await desk.does(desk.scanning.end_scan, ScanEnd(ACCOUNT, WORKER, f"{first}, the next"))

    await scans(desk)
    assert desk.temporal.offers == []


async def test_a_late_attempt_to_store_an_earlier_wish_replaces_no_later_one(desk: Desk) -> None:
    await waits(desk, scan_id="run/9")
    await waits(desk, scan_id="run/10")
    await waits(desk, scan_id="run/9")

    (row,) = await desk.database.scan_wishes.of_account(ACCOUNT)
    assert row.scan_id == "run/10"


async def test_a_wish_that_is_repeated_keeps_its_place(desk: Desk) -> None:
    await waits(desk)
    await waits(desk, OTHER)
    await waits(desk, is_repeated=True)

    assert await waiting(desk) == [WORKER, OTHER]


async def test_an_offer_for_one_stock_to_two_workers_buys_once(desk: Desk) -> None:
    found = [await desk.prepares(worker=worker) for worker in (WORKER, OTHER)]

    assert isinstance(found[0], PreparedEntry)
    assert found[1] == NoEntry((f"{SAMSUNG}: lock lost",))


async def test_a_late_offer_is_not_bought(desk: Desk) -> None:
    await desk.registers()
    now = desk.pace.now()
    request = replace(desk.entry_request(), candidates=(a_candidate(),))

    late = await desk.does(desk.entries.prepare_entry, replace(request, scanned_at=now - timedelta(seconds=61)))
    in_time = await desk.does(desk.entries.prepare_entry, replace(request, scanned_at=now - timedelta(seconds=50)))

    assert late == NoEntry((f"{SAMSUNG}: offered too late: scanned 61 s ago",))
    assert isinstance(in_time, PreparedEntry)


async def test_the_snapshots_of_all_workers_are_those_of_each(desk: Desk) -> None:
    entry = await desk.buys()
    desk.price_moves(-0.05)
    await desk.sells(entry)
    await desk.settles(CloseRequest(entry.position_id, ExitReason.STOP_LOSS, entry.lease, timedelta(0)))
    await desk.registers(OTHER)
    about = (PLAN.session.date, desk.pace.now())

    found = await desk.database.risk.snapshots(ACCOUNT, [WORKER, OTHER], *about)

    assert found[WORKER].worker_trades == found[WORKER].worker_losses_in_a_row == 1
    assert found == {each: await desk.database.risk.snapshot(ACCOUNT, each, *about) for each in (WORKER, OTHER)}


def swapped_hold(seconds: float = 0.0) -> Any:
    """Offer a stock to no other worker for a while."""
    return swapped(activities.watch.scans, "_OFFERED_FOR", seconds)


async def ends(desk: Desk, worker: WorkerId) -> None:
    await desk.database.scan_wishes.withdraw(ACCOUNT, worker, f"scan of {worker}")
    await asyncio.sleep(0)


async def execute(url: str, statement: str, *values: Any) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
