"""Recorded histories replay under today's workflow code: what runs at a release goes on after it."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.session import SessionDate
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.market_close import MarketCloseWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


def history_of(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def replayer_of(*workflows: type) -> Replayer:
    """A replay has no second attempt, so that it has no stop-watch either: a busy machine is no difference."""
    return Replayer(workflows=workflows, data_converter=DATA_CONVERTER, debug_mode=True)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_run_replays(path: Path) -> None:
    replayed = await replayer_of(TradingWorkerWorkflow, MarketCloseWorkflow).replay_workflow(
        history_of(path), raise_on_replay_failure=False
    )

    assert replayed.replay_failure is None


def test_the_stories_that_matter_are_recorded() -> None:
    assert {path.stem for path in HISTORIES} >= {
        "take_profit",
        "stop_loss",
        "lost_submit",
        "restarted_while_holding",
        "liquidated_by_the_close",
        "market_close",
        "market_close_seizes",
        "market_close_into_the_evening",
    }


@workflow.defn(name="MarketCloseWorkflow", sandboxed=False)
class ForgetfulCloseWorkflow(MarketCloseWorkflow):
    """A release in which somebody left out telling the workers."""

    async def _tell_workers(self, date: SessionDate) -> int:
        return 0

    @workflow.init
    def __init__(self, request: MarketCloseRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: MarketCloseRequest) -> CloseOutcome:
        """Close the day as always."""
        return await super().run(request)


async def test_a_step_that_is_left_out_is_caught() -> None:
    (recorded,) = [path for path in HISTORIES if path.stem == "market_close"]

    with pytest.raises(NondeterminismError):
        await replayer_of(ForgetfulCloseWorkflow).replay_workflow(history_of(recorded))
