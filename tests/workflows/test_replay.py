"""Recorded histories replay under the current workflow code: runs continue across a release."""

import json
import re
from base64 import b64decode
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.session import SessionDate
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.market_close import MarketCloseWorkflow
from workflows.market_watch import MarketWatchWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

HISTORIES = sorted((Path(__file__).parents[1] / "histories").rglob("*.json"))
_PATCHED = re.compile(r'patched\(\s*"([\w-]+)"')


def patches_of(tree: Path) -> set[str]:
    """Return the patches that the workflows of a folder name."""
    return {found for path in tree.rglob("*.py") for found in _PATCHED.findall(path.read_text(encoding="utf-8"))}


PATCHES = patches_of(Path(__file__).parents[2] / "workflows")
NOT_RECORDED = {
    "reports-undone-steps",
    "leaves-other-days-alone",
    "sells-late-shares",
    "ends-orders-within-a-bound",
}
"""Branches taken only after a fault, such as an order without an end; `tests/workflows/` covers them."""


def history_of(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def replayer_of(*workflows: type) -> Replayer:
    """A replay has no second attempt, so it has no deadlock detector either: a busy machine makes no difference."""
    return Replayer(workflows=workflows, data_converter=DATA_CONVERTER, debug_mode=True)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_a_recorded_run_replays(path: Path) -> None:
    replayed = await replayer_of(TradingWorkerWorkflow, MarketCloseWorkflow, MarketWatchWorkflow).replay_workflow(
        history_of(path), raise_on_replay_failure=False
    )

    assert replayed.replay_failure is None


def patches_in(path: Path) -> set[str]:
    """Return the branches of ``workflow.patched`` that a run has taken, by the markers of its history."""
    events = json.loads(path.read_text())["events"]
    markers = [event.get("markerRecordedEventAttributes", {}) for event in events]
    payloads = [
        payload["data"]
        for marker in markers
        if marker.get("markerName") == "core_patch"
        for detail in marker["details"].values()
        for payload in detail["payloads"]
    ]
    return {json.loads(b64decode(data))["id"] for data in payloads}


def test_every_branch_of_a_patch_is_recorded_from_before_and_from_now() -> None:
    taken = [patches_in(path) for path in HISTORIES]

    assert set.union(*taken) >= PATCHES - NOT_RECORDED
    assert PATCHES >= NOT_RECORDED
    for patch in PATCHES - NOT_RECORDED:
        assert any(patch not in each for each in taken), f"{patch}: no history from before"


def test_the_stories_that_matter_are_recorded() -> None:
    assert {path.stem for path in HISTORIES} >= {
        "take_profit",
        "stop_loss",
        "sold_by_the_watch",
        "lost_reply_to_the_watch",
        "lost_submit",
        "restarted_while_holding",
        "liquidated_by_the_close",
        "market_close",
        "market_close_seizes",
        "market_close_into_the_evening",
        "sells_what_was_carried",
        "rules_change_while_holding",
        "rules_change_while_scanning",
        "stopped_while_holding",
        "close_waits_for_its_deadline",
    }


@workflow.defn(name="MarketCloseWorkflow", sandboxed=False)
class ForgetfulCloseWorkflow(MarketCloseWorkflow):
    """A release that forgets to notify the workers."""

    async def _signal_workers(self, date: SessionDate) -> int:
        return 0

    @workflow.init
    def __init__(self, request: MarketCloseRequest) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: MarketCloseRequest) -> CloseOutcome:
        """Close the day as usual."""
        return await super().run(request)


async def test_a_step_that_is_left_out_is_caught() -> None:
    recorded = next(path for path in HISTORIES if path.stem == "market_close")

    with pytest.raises(NondeterminismError):
        await replayer_of(ForgetfulCloseWorkflow).replay_workflow(history_of(recorded))
