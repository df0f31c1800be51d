"""`status` shows the remainder of each limit, by the rules that each worker really applies."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

from cli.tables.capacity import capacity_json, capacity_line, read_capacity
from cli.tables.limits import limit_lines, limits_json, read_limits
from domain.capacity import PriceSupply
from domain.identity import WorkerId
from domain.money import Won
from domain.rules import ExecutionRules, RiskRules, TradingRules
from domain.worker_state import WorkerLife
from fleet.board import read_board
from fleet.fleet import Fleet
from fleet.starting import start_worker
from tests.database.books import Books
from tests.support.builders import NOW
from tests.support.running_fleet import Hosted

WORKER = WorkerId("worker-1")


async def test_the_limits_of_a_day_with_losses_as_lines_and_for_programs(fleet: Fleet) -> None:
    await fleet.database.workers.register(fleet.account_id, WORKER, "w")
    books = Books(fleet.database, fleet.account_id)
    await books.traded(WORKER, sold_at=71_000, closed_at=NOW - timedelta(minutes=3))
    await books.traded(WORKER, sold_at=69_500, closed_at=NOW - timedelta(minutes=1))
    await fleet.database.risk.press_kill_switch(fleet.account_id, "kim", "drill")

    board = await read_board(fleet, NOW)
    limits = await read_limits(fleet, board, RiskRules())

    fleet_line, worker_line = limit_lines(limits)
    assert fleet_line == (
        "limits: kill switch on, nothing is bought · fleet net +5,000 won, entries stop at -2,000,000 (2,005,000 away)"
        " · profit give-back off"
    )
    assert worker_line == (
        "  worker-1 net +5,000 won, entries stop at -500,000 (505,000 away) · 28 of 30 trades left"
        " · losses in a row: 1, pause from 4 · cooling down until 10:04:00"
        " · from the settings: the worker did not answer"
    )
    (shown,) = json.loads(json.dumps(limits_json(limits)))["workers"]
    assert (shown["rests_until"], shown["rules_of"]) == ("2026-11-23T10:04:00+09:00", "settings")
    guarded = await read_limits(fleet, board, RiskRules(give_back_from=Won(10_000)))
    assert "profit give-back 0 won left, highest 10,000" in limit_lines(guarded)[0]


async def test_a_streak_longer_than_its_limit_is_no_part_of_it(fleet: Fleet) -> None:
    await fleet.database.workers.register(fleet.account_id, WORKER, "w")
    books = Books(fleet.database, fleet.account_id)
    for minute in range(5, 0, -1):
        await books.traded(WORKER, sold_at=69_500, closed_at=NOW - timedelta(minutes=minute))

    _, line = limit_lines(await read_limits(fleet, await read_board(fleet, NOW), RiskRules()))

    assert "losses in a row: 5, pause from 4" in line
    assert " of 4" not in line


async def test_each_limit_of_the_fleet_is_the_tightest_of_its_own_kind(fleet: Fleet) -> None:
    await fleet.database.workers.register(fleet.account_id, WORKER, "w")
    books = Books(fleet.database, fleet.account_id)
    await books.traded(WORKER, sold_at=71_000, closed_at=NOW - timedelta(minutes=3))
    await books.traded(WORKER, sold_at=69_800, closed_at=NOW - timedelta(minutes=1))
    board = await read_board(fleet, NOW)
    little_to_lose = RiskRules(fleet_daily_loss=Won(600_000))
    late_guard = RiskRules(fleet_daily_loss=Won(600_000), give_back_from=Won(90_000))
    guard = RiskRules(give_back_from=Won(10_000))

    by_rules = [await read_limits(fleet, board, rules) for rules in (little_to_lose, late_guard, guard)]
    careful, later, guarded = (limits[0] for limits in by_rules)

    fleet_line = limit_lines((careful, later, guarded))[0]
    assert "fleet net +8,000 won, entries stop at -600,000 (608,000 away)" in fleet_line
    assert fleet_line.endswith("profit give-back 3,000 won left, highest 10,000")
    shown = limits_json((guarded, careful))["fleet"]
    assert (shown["loss_left"], shown["give_back_left"], shown["give_back_from"]) == (608_000, 3_000, 10_000)
    assert limit_lines((careful, later))[0].endswith("profit give-back from 90,000 won on, highest so far 10,000")
    assert limit_lines((careful,))[0].endswith("profit give-back off")


async def test_a_worker_that_runs_reports_its_own_rules(hosted: Hosted) -> None:
    fleet = hosted.fleet
    own = TradingRules(risk=RiskRules(trades_per_worker=7))
    await fleet.database.workers.register(fleet.account_id, WORKER, "w")
    await start_worker(fleet, WorkerLife(fleet.account_id, WORKER, own, fleet.clock))

    # A worker that has just started may not answer in time, and status does not wait for it.
    async with asyncio.timeout(30):
        while True:
            limits = await read_limits(fleet, await read_board(fleet, fleet.market_now()), RiskRules())
            if limits[0].is_asked:
                break

    assert "7 of 7 trades left" in limit_lines(limits)[1]


async def test_without_workers_there_is_nothing_to_show(fleet: Fleet) -> None:
    limits = await read_limits(fleet, await read_board(fleet, NOW), RiskRules())

    assert limit_lines(limits) == []
    assert limits_json(limits) == {"fleet": None, "workers": []}


async def test_the_age_of_held_prices_and_the_room_for_more(fleet: Fleet) -> None:
    await Books(fleet.database, fleet.account_id).held(WORKER)
    await fleet.database.stream_leases.take(fleet.account_id, "host")
    supplied = replace(fleet, supply=PriceSupply(streamed=39, slots=18, stocks_per_call=30))

    assert await read_capacity(fleet, ExecutionRules()) is None
    polled = await read_capacity(supplied, ExecutionRules())
    assert polled is not None
    assert capacity_line(polled) == "prices: 1 stocks held, each price at most 0.7 s old · room for 1319 more"
    assert capacity_json(polled)["prices"]["oldest_seconds"] == 0.7

    await fleet.database.stream_leases.report(fleet.account_id, "host", [])
    streamed = await read_capacity(supplied, ExecutionRules())
    assert streamed is not None
    assert capacity_line(streamed) == "prices: 1 stocks held, all by stream · room for 1319 more"
