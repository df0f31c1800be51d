"""Foreign objects at Temporal disable nothing of ours: every verb works on the rest, and each of them is reported."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest

from domain.identity import WorkerId
from operations import commands
from operations.board import read_board
from operations.commands import Verdict
from operations.starting import start_workers
from tests.builders import some_rules
from tests.operations.conftest import Hosted
from tests.operations.foreign_objects import place_foreign_activity, place_foreign_schedules, place_foreign_workflows

FIRST = WorkerId("worker-1")


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        for _ in count(1):
            if await condition():
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def crowded(hosted: Hosted) -> AsyncIterator[Hosted]:
    """A fleet of one worker on a server full of foreign objects."""
    await place_foreign_workflows(hosted.fleet)
    await place_foreign_schedules(hosted.fleet)
    await place_foreign_activity(hosted.fleet)
    await start_workers(hosted.fleet, 1, some_rules())
    yield hosted


async def test_commands_reach_our_workers(crowded: Hosted) -> None:
    known = await crowded.fleet.selected("all")
    outcomes = await commands.tell(crowded.fleet, known, commands.PAUSE)
    assert [(each.worker_id, each.verdict) for each in outcomes] == [(FIRST, Verdict.DONE)]
