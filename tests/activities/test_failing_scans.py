"""A process that cannot scan gives the scans up, so that a process with a broker may take them."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

import activities.watch.scans
from activities.account.day_start import DayStart
from activities.market.screening import Screening
from domain.errors import BrokerUnavailableError, TradingError
from tests.activities.desk import PLAN, Desk
from tests.activities.test_shared_scans import MOMENTS, scans, waiting, waits
from tests.support.builders import WORKER
from tests.support.stepping import ACCOUNT
from tests.trials.planted_bugs.swapping import swapped


async def fails(*_: Any, **__: Any) -> None:
    raise TradingError("this process reaches no broker")


async def the_broker_does_not_answer(*_: Any, **__: Any) -> str:
    raise BrokerUnavailableError("this process reaches no broker")


async def hangs(*_: Any, **__: Any) -> None:
    await asyncio.sleep(3_600)


@pytest.mark.parametrize("look", [fails, hangs], ids=["fails", "hangs"])
async def test_scans_that_never_succeed_are_given_up_and_the_wish_stays(desk: Desk, look: Any) -> None:
    await waits(desk)
    # A round that is cut while it asks the broker about the day leaves entries closed, and the next rounds succeed.
    await desk.day_start.compare(ACCOUNT, PLAN.session.date)
    desk.pace.meanwhile.extend(MOMENTS * 20)

    with (
        swapped(Screening, "look", look),
        swapped(activities.watch.scans, "_ROUND_WITHIN", 0.1),
        swapped(activities.watch.scans, "_GIVEN_UP_AFTER", 0.2),
        pytest.raises(ApplicationError, match="no scan of this process succeeds"),
    ):
        await scans(desk)

    assert await waiting(desk) == [WORKER]


async def test_a_process_whose_broker_has_not_confirmed_the_day_gives_the_scans_up(desk: Desk) -> None:
    await waits(desk)
    desk.pace.meanwhile.extend(MOMENTS * 20)

    with (
        swapped(DayStart, "compare", the_broker_does_not_answer),
        swapped(activities.watch.scans, "_GIVEN_UP_AFTER", 0.2),
        pytest.raises(ApplicationError, match="no scan of this process succeeds"),
    ):
        await scans(desk)

    assert await waiting(desk) == [WORKER]
    (row,) = await desk.database.workers.board(ACCOUNT, PLAN.session.date)
    assert row.last_event.startswith("not buying: the broker has not confirmed that today is a session")
