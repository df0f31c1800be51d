"""The rate budget when the database's clock is set back: no slot stays taken for longer than a call may last."""

import asyncio

import asyncpg
import pytest

from database.database import Database
from domain.lane import Crowding, Lane
from tests.support.builders import ACCOUNT


@pytest.mark.parametrize("holder", ["a-call", "resting"])
async def test_a_database_clock_that_was_set_back_stops_no_call(
    database: Database, connection: asyncpg.Connection, holder: str
) -> None:
    budget = database.rate_budget(ACCOUNT, 18)
    async with budget.slot(Lane.EXIT):
        pass
    await budget.aclose()
    later = "UPDATE rate_slots SET free_at = free_at + interval '10 minutes', holder = $1"
    await connection.execute(later, holder)

    async with asyncio.timeout(20):
        for lane in Lane:
            async with budget.slot(lane):
                pass
        async with budget.slot(Lane.EXIT) as slot:
            slot.learn(Crowding.OURS)

    await budget.aclose()
    too_late = "SELECT count(*) FROM rate_slots WHERE free_at > clock_timestamp() + interval '31 s'"
    assert await connection.fetchval(too_late) == 0, "a pause for all concerns these slots as well"


async def test_a_slot_is_not_free_while_its_call_may_last(database: Database, connection: asyncpg.Connection) -> None:
    budget = database.rate_budget(ACCOUNT, 1)
    async with budget.slot(Lane.EXIT):
        pass
    await budget.aclose()
    await connection.execute("UPDATE rate_slots SET free_at = clock_timestamp() + interval '30 s', holder = 'a-call'")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5), budget.slot(Lane.EXIT):
            pass
