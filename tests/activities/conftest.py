"""A desk for each test, at 10:00 KST on a Monday."""

from collections.abc import AsyncIterator

import pytest

from tests.activities.desk import OPENS_AT, Desk, HandPace
from tests.support.stepping import a_broker, a_simulation, pinned_database


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    simulation = a_simulation(OPENS_AT)
    pace = HandPace(simulation)
    async with pinned_database(database_url) as database, a_broker(simulation, database, pace.now) as broker:
        yield Desk(simulation, database, broker, pace)
