"""More borrowers than connections wait for one that becomes free."""

import asyncio

from lab.pool import LabPool


async def test_a_borrower_waits_for_a_connection_that_another_one_gives_back(database_url: str) -> None:
    lent = LabPool(database_url, 2)

    found = await asyncio.gather(*(lent.fetchval("SELECT $1::int", number) for number in range(9)))

    assert found == list(range(9))
    await lent.close()
