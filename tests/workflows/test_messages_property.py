"""Each accepted command takes effect exactly once, at whatever moment of a worker's life it arrives.

Hypothesis draws interleavings on the virtual clock, many more with ``HARU_MATRIX=full``. A real server, where a run
may end while a message is in flight, plays a few in real time.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.support.matrix import IS_WHOLE
from tests.workflows.floor import Floor, kst, trading_floor
from tests.workflows.virtual_floor import a_floor
from workflows.commands import WorkerStatus
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

COMMANDS = ("pause", "resume", "liquidate", "change_rules", "close", "stop")
SECONDS = st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 1_200))
"""The next command follows at once, within the same order, or after any delay during the hours before the close."""
STORY = st.lists(st.tuples(SECONDS, st.sampled_from(COMMANDS)), max_size=8)
DAYS = st.fixed_dictionaries(
    {
        "candidates_from": st.sampled_from([timedelta(0), timedelta(hours=5, minutes=5)]),
        "hold_for": st.sampled_from([timedelta(minutes=3), timedelta(minutes=20), timedelta(days=1)]),
        "fills": st.lists(st.sampled_from([0, 4, 10]), max_size=3),
        "lost_submits": st.integers(0, 1),
    }
)
EXAMPLES = settings(
    max_examples=600 if IS_WHOLE else 40,
    deadline=timedelta(seconds=20),
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.timeout(900 if IS_WHOLE else 300)
@EXAMPLES
@given(day=DAYS, story=STORY, longest_run=st.sampled_from([8, 30, 10_000]))
def test_every_accepted_command_counts_exactly_once(
    day: dict[str, Any], story: list[tuple[int, str]], longest_run: int
) -> None:
    complaints, held = asyncio.run(_played(day, story, longest_run))

    assert complaints == []
    assert held is None, "nothing is held after the session"


async def _played(day: dict[str, Any], story: list[tuple[int, str]], longest_run: int) -> tuple[list[str], Any]:
    """Return the floor's complaints and its holdings once the session is over."""
    async with a_floor("2026-11-23 14:00", **{**day, "fills": list(day["fills"])}) as floor:
        floor.clockwork.longest_run = longest_run
        for seconds, command in story:
            await floor.goes_on_until(floor.clockwork.now + timedelta(seconds=seconds))
            await floor.commands(command)
            floor.clockwork.replay()
        await floor.reaches("2026-11-23 15:40")
        return floor.complaints(), floor.desk.held


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("at", ["2026-11-23 08:55", "2026-11-23 09:20", "2026-11-23 15:20"])
async def test_a_command_is_heard_before_the_open_while_holding_and_after_the_close(command: str, at: str) -> None:
    async with a_floor() as floor:
        await floor.reaches(at)

        await floor.commands(command)

        assert floor.expected.accepted == [command]
        await floor.reaches("2026-11-23 15:40")
        assert floor.complaints() == []


async def test_a_stopping_worker_refuses_to_pause_and_a_refusal_leaves_no_trace() -> None:
    async with a_floor(hold_for=timedelta(days=1), fills=[0] * 50) as floor:
        await floor.reaches("2026-11-23 09:05")
        await floor.commands("stop")
        await floor.commands("pause")

        assert floor.expected.accepted == ["stop"]
        await floor.reaches("2026-11-23 15:40")
        assert floor.complaints() == []


@pytest.mark.parametrize("steps", range(40))
async def test_the_close_is_heard_between_any_two_steps_while_run_follows_run(steps: int) -> None:
    async with a_floor("2026-11-23 08:59", candidates_from=timedelta(0), hold_for=timedelta(seconds=1)) as floor:
        more = iter(range(steps))
        await floor.clockwork.until(
            lambda: len(floor.desk.trades) >= 3 and next(more, None) is None, kst("2026-11-23 14:00")
        )
        await floor.commands("close")
        await floor.reaches("2026-11-23 09:10")
        traded = len(floor.desk.trades)
        await floor.reaches("2026-11-23 14:00")

        assert 3 <= len(floor.desk.trades) == traded
        assert floor.desk.held is None
        assert floor.complaints() == []


async def test_updates_that_meet_the_end_of_a_run_count_once_on_a_real_server(temporal_dev_server: str) -> None:
    client = await Client.connect(temporal_dev_server, data_converter=DATA_CONVERTER)
    async with trading_floor(WorkflowEnvironment.from_client(client), "2026-11-23 09:00") as floor:
        floor.desk.candidates_from = floor.desk.hold_for = timedelta(0)
        worker = await floor.start_worker()
        while not floor.desk.trades:
            await asyncio.sleep(0.01)

        changes = [await _changes_rules(worker, number) for number in range(6)]
        paused = await _updated(worker, "pause", "pause-1")
        settled = await _settled(floor, worker)

        assert paused.paused
        assert settled.paused
        assert settled.rules_version == 1 + len(changes)
        assert settled.realised_pnl == sum(trade.net_pnl for trade in floor.desk.trades)
        assert len(set(floor.desk.sent)) == len(floor.desk.sent)
        await worker.terminate()


async def _changes_rules(worker: WorkflowHandle[TradingWorkerWorkflow, None], number: int) -> WorkerStatus:
    return await _updated(worker, "change_rules", f"rules-{number}", {"exits.stop_loss": f"{number + 1}%"})


async def _updated(
    worker: WorkflowHandle[TradingWorkerWorkflow, None], name: str, update_id: str, *arguments: Any
) -> WorkerStatus:
    """Send a command under one id until it is answered, as the operator's program does."""
    while True:
        with suppress(RPCError, WorkflowUpdateFailedError):
            status = await worker.execute_update(name, args=arguments, id=update_id, result_type=WorkerStatus)
            assert isinstance(status, WorkerStatus)
            return status
        await asyncio.sleep(0.05)


async def _settled(floor: Floor, worker: WorkflowHandle[TradingWorkerWorkflow, None]) -> WorkerStatus:
    """Wait until the current trade and its run have ended."""
    while True:
        status = await worker.query(TradingWorkerWorkflow.status)
        if floor.desk.held is None and status.cycles >= len(floor.desk.trades):
            return status
        await asyncio.sleep(0.05)
