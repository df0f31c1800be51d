"""Messages between two runs go to the later one, which receives them with its first step."""

from datetime import timedelta

from temporalio import workflow

from lab.attempts import Again
from lab.clockwork import Clockwork
from tests.support.builders import NOW


@workflow.defn
class RelayWorkflow:
    """Each run waits for one message and continues as new, until no run is left to receive one."""

    def __init__(self) -> None:
        self._heard = False

    @workflow.run
    async def run(self, left: int) -> str:
        await workflow.wait_condition(lambda: self._heard)
        if left:
            workflow.continue_as_new(left - 1)
        return "all have heard"

    @workflow.signal
    def hear(self) -> None:
        self._heard = True


async def test_a_signal_that_comes_before_the_next_run_has_begun_is_heard_by_it() -> None:
    async def play(*_: object) -> Again:
        raise AssertionError("there is no activity")

    clockwork = Clockwork(NOW, play)
    clockwork.start(RelayWorkflow.run, 1, "relay")
    for _ in range(2):
        clockwork.signal("relay", "hear")

    await clockwork.until(lambda: False, NOW + timedelta(hours=1))
    assert [run.result for run in clockwork.past] == [None, "all have heard"]
