"""A fleet whose hosts require proof, on a real Temporal server."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fleet.fleet import Fleet
from security.sealing.keys import new_key
from security.sealing.refusals import Refusals
from tests.security.sealing.parts import Guarded, guarded_client, hosted
from tests.support.running_fleet import fleet
from tests.workflows.stand_ins import Desk

__all__ = ["fleet"]


@pytest.fixture
async def guarded(fleet: Fleet, temporal_dev_server: str) -> AsyncIterator[Guarded]:
    """The fleet's three queues, hosted by one process that requires proof."""
    key, refusals = new_key(), Refusals()
    client = await guarded_client(temporal_dev_server, [key], refusals)
    ours = replace(fleet, client=client)
    desk = Desk(fleet.clock)
    async with hosted(ours, client, desk):
        yield Guarded(ours, desk, temporal_dev_server, key, refusals)
