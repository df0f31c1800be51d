"""The virtual clock of the tests steps only as it is declared for an activity."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.account.foreign_sales import BETWEEN_READS
from domain.clock import MarketClock
from tests.runtime.embedded.processes import ROOT
from tests.support.stepping import AS_REQUESTED, MAY_READ_TWICE, NEVER_HANDED_OVER, STEPS, SteppingPace

BEGAN: Final = datetime(2026, 11, 23, tzinfo=UTC)
PACE: Final = SteppingPace(MarketClock(BEGAN, BEGAN), {"follow_order": timedelta(seconds=4)})
REQUESTED: Final = timedelta(seconds=1)


async def paused(name: str, real: timedelta = REQUESTED) -> timedelta | None:
    """Pause in an activity of a name, and return the delay until its next attempt; None if the attempt goes on."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=name)
    try:
        await environment.run(PACE.pause, real)
    except ApplicationError as ended:
        if ended.type == "UndeclaredPause":
            raise
        return ended.next_retry_delay
    return None


def all_activities() -> set[str]:
    """Return the names of all activities of the product."""
    sources = [file.read_text() for file in (ROOT / "activities").glob("*.py")]
    return {name for source in sources for name in re.findall(r"@activity\.defn\n    async def (\w+)", source)}


async def test_an_activity_whose_step_is_not_declared_fails_with_the_place_to_declare_it() -> None:
    with pytest.raises(ApplicationError, match=r"begin_cycle pauses for 0:00:01: add it to STEPS or AS_REQUESTED"):
        await paused("begin_cycle")


async def test_declared_activities_step_as_declared() -> None:
    assert await paused("follow_order") == timedelta(seconds=4)
    assert await paused("resolve_order") == REQUESTED
    assert await paused("watch_market") == STEPS["watch_market"]
    assert await paused("prove_flat") is None


async def test_a_second_read_needs_no_declaration() -> None:
    assert await paused("prepare_exit", BETWEEN_READS) is None
    assert await paused("begin_cycle", BETWEEN_READS) == BETWEEN_READS


def test_every_declared_name_is_an_activity() -> None:
    assert len(all_activities()) > 20
    assert {*STEPS, *AS_REQUESTED, *MAY_READ_TWICE, *NEVER_HANDED_OVER} - all_activities() == set()
