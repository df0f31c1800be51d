"""Sales that the market refused, or that Haru refused before sending."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.ladder import Rung
from domain.order import NOT_SENT, Rejected
from tests.workflows.floor import trading_floor


@pytest.mark.parametrize(
    ("code", "rungs", "paused"),
    [
        (NOT_SENT, [Rung.BEST_BID] * 4, timedelta(seconds=1 + 1 + 1)),
        ("APBK1943", [Rung.BEST_BID, Rung.BEST_BID, Rung.MARKET, Rung.LOWER_LIMIT], timedelta(seconds=1 + 2 + 4)),
    ],
    ids=["unsent", "refused"],
)
async def test_a_sale_that_never_left_is_tried_again_on_the_same_rung_and_a_refused_one_on_the_next(
    time_skipping_env: WorkflowEnvironment, code: str, rungs: list[Rung], paused: timedelta
) -> None:
    async with trading_floor(time_skipping_env, "2026-11-23 08:50") as floor:
        floor.desk.refusals = [Rejected(code, "")] * 3
        worker = await floor.start_worker()

        await floor.reaches("2026-11-23 09:50")

        assert floor.desk.rungs[:4] == rungs
        assert len(floor.desk.trades) == 1
        first, *_, last = floor.desk.tried_at[:4]
        assert paused <= last - first < paused + timedelta(seconds=3)
        await worker.terminate()
