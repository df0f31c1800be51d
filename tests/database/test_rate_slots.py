"""The rate budget at a server that counts: never above the limit in any sliding second, urgent calls first."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest

from broker.protocol import RateBudget
from database.database import Database, open_database
from database.rate_slots import MARGIN, RateSlots
from domain.lane import Crowding, Lane
from tests.support.builders import ACCOUNT


class CountingServer:
    """Answers after a delay that differs from call to call, and records when each call arrived."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []

    async def call(self, number: int) -> None:
        """Delay, count the arrival, and answer."""
        await asyncio.sleep((number * 7_919 % 40) / 1_000)
        self.arrivals.append(time.monotonic())
        await asyncio.sleep((number * 104_729 % 60) / 1_000)

    def most_in_a_second(self) -> int:
        """Return the greatest number of arrivals in any sliding second."""
        at = sorted(self.arrivals)
        return max(sum(1 for other in at if 0 <= other - first < 1) for first in at)


@pytest.fixture
async def second(database_url: str) -> AsyncIterator[Database]:
    """The same database as opened by another process."""
    opened = await open_database(database_url)
    yield opened
    await opened.aclose()


async def _call(budget: RateBudget, lane: Lane, server: CountingServer, number: int) -> None:
    async with budget.slot(lane):
        await server.call(number)


async def test_two_processes_together_never_exceed_the_limit(database: Database, second: Database) -> None:
    server = CountingServer()
    budgets = [each.rate_budget(ACCOUNT, 20) for each in (database, second)]
    began = time.monotonic()

    await asyncio.gather(*(_call(budgets[number % 2], Lane.EXIT, server, number) for number in range(80)))

    assert len(server.arrivals) == 80
    assert server.most_in_a_second() <= 20
    assert time.monotonic() - began < 9


async def test_the_same_budget_is_shared_within_a_process(database: Database) -> None:
    assert database.rate_budget(ACCOUNT, 20) is database.rate_budget(ACCOUNT, 20)


async def test_urgent_calls_overtake_those_that_wait(database: Database) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    served: list[str] = []

    async def want(name: str, lane: Lane) -> None:
        async with budget.slot(lane):
            served.append(name)

    async with budget.slot(Lane.SCAN):
        waiting = []
        for name, lane in [("scan 1", Lane.SCAN), ("scan 2", Lane.SCAN), ("watch", Lane.WATCH), ("exit", Lane.EXIT)]:
            waiting.append(asyncio.create_task(want(name, lane)))
            await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert served == ["exit", "watch", "scan 1", "scan 2"]


async def test_within_a_lane_the_heaviest_goes_first_and_equals_by_arrival(database: Database) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    served: list[tuple[str, int]] = []

    async def want(name: str, lane: Lane, weight: int) -> None:
        async with budget.slot(lane, weight):
            served.append((name, weight))

    wants = [("look", Lane.RESOLVE, 9), ("a", Lane.EXIT, 1), ("b", Lane.EXIT, 5), ("c", Lane.EXIT, 5)]
    async with budget.slot(Lane.SCAN):
        waiting = []
        for name, lane, weight in wants:
            waiting.append(asyncio.create_task(want(name, lane, weight)))
            await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert served == [("b", 5), ("c", 5), ("a", 1), ("look", 9)]


async def test_scans_leave_slots_for_the_others(database: Database, connection: asyncpg.Connection) -> None:
    budget = database.rate_budget(ACCOUNT, 18)
    over = asyncio.Event()

    async def scan() -> None:
        async with budget.slot(Lane.SCAN):
            await over.wait()

    scans = [asyncio.create_task(scan()) for _ in range(18)]
    await asyncio.sleep(1.8)
    held = await connection.fetchval("SELECT count(*) FROM rate_slots WHERE free_at > clock_timestamp()")
    async with asyncio.timeout(1), budget.slot(Lane.EXIT):
        pass

    assert held == 12
    for task in scans:
        task.cancel()
    await asyncio.gather(*scans, return_exceptions=True)


async def test_a_slot_rests_a_second_after_the_response(database: Database) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    async with budget.slot(Lane.EXIT):
        await asyncio.sleep(0.3)
    answered = time.monotonic()

    async with budget.slot(Lane.EXIT):
        waited = time.monotonic() - answered

    assert waited >= 1 + MARGIN.total_seconds()
    assert waited < 2


async def test_a_failed_call_gives_its_slot_back_as_well(database: Database) -> None:
    budget = database.rate_budget(ACCOUNT, 1)

    async def fail() -> None:
        async with budget.slot(Lane.EXIT):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await fail()
    async with asyncio.timeout(3), budget.slot(Lane.EXIT):
        pass


async def test_who_gives_up_waiting_leaves_the_queue(database: Database) -> None:
    budget = database.rate_budget(ACCOUNT, 1)

    async def want() -> None:
        async with budget.slot(Lane.EXIT):
            pass

    async with budget.slot(Lane.EXIT):
        waiting = asyncio.create_task(want())
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    answered = time.monotonic()
    async with asyncio.timeout(3), budget.slot(Lane.SCAN):
        waited = time.monotonic() - answered

    assert waited < 2, "the one who gave up has taken no slot"


async def test_the_slot_of_a_dead_process_comes_back(database: Database, second: Database) -> None:
    doomed = RateSlots(second._pool, ACCOUNT, 1, longest_call=timedelta(seconds=2))
    call = doomed.slot(Lane.EXIT)
    await call.__aenter__()
    began = time.monotonic()

    async with asyncio.timeout(5), database.rate_budget(ACCOUNT, 1).slot(Lane.EXIT):
        waited = time.monotonic() - began

    assert waited > 1.5
    await call.__aexit__(None, None, None)
    await doomed.aclose()


async def test_a_late_answer_does_not_free_the_slot_of_the_next_holder(
    database: Database, second: Database, connection: asyncpg.Connection
) -> None:
    late = RateSlots(second._pool, ACCOUNT, 1, longest_call=timedelta(seconds=0.2))
    call = late.slot(Lane.EXIT)
    await call.__aenter__()
    async with asyncio.timeout(5), database.rate_budget(ACCOUNT, 1).slot(Lane.EXIT):
        taken = await connection.fetchrow("SELECT holder, free_at FROM rate_slots")

        await call.__aexit__(None, None, None)
        await late.aclose()

        assert await connection.fetchrow("SELECT holder, free_at FROM rate_slots") == taken


async def test_a_database_that_is_away_only_delays(database: Database, connection: asyncpg.Connection) -> None:
    budget = database.rate_budget(ACCOUNT, 2)
    async with budget.slot(Lane.EXIT):
        pass
    await connection.execute("ALTER TABLE rate_slots RENAME TO rate_slots_away")
    waiting = asyncio.create_task(_call(budget, Lane.EXIT, CountingServer(), 1))
    await asyncio.sleep(0.3)
    assert not waiting.done()

    await connection.execute("ALTER TABLE rate_slots_away RENAME TO rate_slots")

    async with asyncio.timeout(5):
        await waiting


async def test_slots_forgotten_in_a_crash_of_the_server_rest_first(
    database: Database, connection: asyncpg.Connection
) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    async with budget.slot(Lane.EXIT):
        pass
    await connection.execute("TRUNCATE rate_slots")
    began = time.monotonic()

    async with asyncio.timeout(5), budget.slot(Lane.EXIT):
        assert time.monotonic() - began > 1


SHORTEST_REST = "SELECT min(free_at) - $1 FROM rate_slots"
RESTING_LONG = """
SELECT count(*) FROM rate_slots
WHERE free_at BETWEEN clock_timestamp() + interval '2 s' AND clock_timestamp() + interval '15 s'
"""


@pytest.mark.parametrize(("crowding", "seconds"), [(Crowding.OURS, 1), (Crowding.LEDGER, 0.3)])
async def test_after_a_refused_call_no_process_calls_for_a_while(
    database: Database, second: Database, connection: asyncpg.Connection, crowding: Crowding, seconds: float
) -> None:
    here, there = (each.rate_budget(ACCOUNT, 18) for each in (database, second))
    async with there.slot(Lane.EXIT):
        pass
    async with here.slot(Lane.EXIT) as slot:
        slot.learn(crowding)
        before = await connection.fetchval("SELECT clock_timestamp()")
    await here.aclose()

    assert await connection.fetchval(SHORTEST_REST, before) >= timedelta(seconds=seconds)
    async with asyncio.timeout(5), there.slot(Lane.EXIT):
        assert await connection.fetchval("SELECT clock_timestamp() - $1", before) >= timedelta(seconds=seconds)


async def test_a_busy_ledger_costs_no_slot(database: Database, connection: asyncpg.Connection) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    async with budget.slot(Lane.EXIT) as slot:
        slot.learn(Crowding.LEDGER)
    await budget.aclose()

    assert await connection.fetchval(RESTING_LONG) == 0


async def test_slots_of_refused_calls_rest_long_but_a_few_go_on(
    database: Database, connection: asyncpg.Connection
) -> None:
    budget = database.rate_budget(ACCOUNT, 18)
    holding = asyncio.Barrier(18)

    async def refused() -> None:
        async with budget.slot(Lane.EXIT) as slot:
            await holding.wait()
            slot.learn(Crowding.OURS)

    await asyncio.gather(*(refused() for _ in range(18)))
    await budget.aclose()

    assert await connection.fetchval(RESTING_LONG) == 15
    async with asyncio.timeout(4), budget.slot(Lane.SCAN):
        assert await connection.fetchval(RESTING_LONG) == 15


async def test_a_limit_lower_than_the_budget_is_soon_kept(database: Database) -> None:
    """KIS allows new customers three calls a second."""
    budget = database.rate_budget(ACCOUNT, 18)
    taken: list[float] = []
    refused: list[float] = []

    async def call_on() -> None:
        while True:
            async with budget.slot(Lane.EXIT) as slot:
                now = time.monotonic()
                if sum(1 for at in taken if now - at < 1) < 3:
                    taken.append(now)
                else:
                    refused.append(now)
                    slot.learn(Crowding.OURS)

    with suppress(TimeoutError):
        async with asyncio.timeout(4):
            await asyncio.gather(*(call_on() for _ in range(20)))

    assert len(refused) <= 30  # a budget that does not adapt has fifteen refused each second
    assert len(taken) >= 6


async def test_an_urgent_call_of_another_process_overtakes_a_backlog_of_scans(
    database: Database, second: Database
) -> None:
    scanning, selling = (each.rate_budget(ACCOUNT, 1) for each in (database, second))
    served: list[str] = []

    async def call(budget: RateSlots, name: str, lane: Lane) -> None:
        async with budget.slot(lane):
            served.append(name)

    async with asyncio.timeout(30):
        scans = [asyncio.create_task(call(scanning, "scan", Lane.SCAN)) for _ in range(30)]
        while not served:
            await asyncio.sleep(0.01)
        for _ in range(3):
            await call(selling, "sale", Lane.EXIT)
    for scan in scans:
        scan.cancel()
    await asyncio.gather(*scans, return_exceptions=True)

    assert served.count("scan") <= 3  # by chance it would be one before each sale, and more on a busy machine


async def test_a_slot_that_was_booked_ahead_is_not_used_ahead(database: Database, second: Database) -> None:
    server = CountingServer()
    budgets = [each.rate_budget(ACCOUNT, 3) for each in (database, second)]
    lanes = list(Lane)

    await asyncio.gather(*(_call(budgets[number % 2], lanes[number % 5], server, number) for number in range(9)))

    assert len(server.arrivals) == 9
    assert server.most_in_a_second() <= 3


async def test_the_slot_of_a_call_without_a_reply_rests_longer(
    database: Database, connection: asyncpg.Connection
) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    call = budget.slot(Lane.EXIT)
    await call.__aenter__()
    before = await connection.fetchval("SELECT clock_timestamp()")
    lost = ConnectionResetError()
    assert not await call.__aexit__(type(lost), lost, None)
    await budget.aclose()

    assert await connection.fetchval(SHORTEST_REST, before) >= timedelta(seconds=2)
