"""One database for the many days of a test."""

from collections.abc import AsyncIterator

import pytest

from tests.trials.clockwork.town import Town, a_town


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    async with a_town(database_url) as town:
        yield town
