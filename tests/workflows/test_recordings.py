"""Recordings of a released version never change, and each branch of ``workflow.patched`` is seen by one of them."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from tests.histories import record
from tests.histories.sums import ROOT, add_recording, flaws, versions
from tests.workflows.test_replay import HISTORIES, NOT_RECORDED, PATCHES, history_of, patches_in, patches_of
from workflows.market_close import MarketCloseWorkflow
from workflows.market_watch import MarketWatchWorkflow
from workflows.payloads import DATA_CONVERTER
from workflows.trading_worker import TradingWorkerWorkflow

RELEASED = {"0.2.0": "2a2316fe4500c22d6aa013585b7ef8ab2a2fed1fa41c5868349546d647b69848"}
"""The digest of the checksums of each released version: a line is added by a release, and none is changed."""
NO_OLDER_RUN_NEEDS_IT = {
    "shared-scan": "what the first activity of an older run returned has no shared scan",
    "stop-answers-when-flat": "no older run with a stop command was recorded; the patch changes only its reply",
    "waits-for-the-deadline": "no older close that began before its deadline was recorded",
}
"""Patches whose old branch no recording needs, with the reason. New patches are not added."""
BY_SIZE = sorted(HISTORIES, key=lambda path: path.stat().st_size)
Plant = Callable[[str, bool], None]


def test_every_recording_belongs_to_a_version() -> None:
    assert versions()
    assert {path.relative_to(ROOT).parts[0] for path in HISTORIES} == {version.name for version in versions()}


@pytest.mark.parametrize("version", versions(), ids=lambda version: version.name)
def test_the_recordings_of_a_version_are_as_recorded(version: Path) -> None:
    assert flaws(version) == []


@pytest.mark.parametrize("name", RELEASED)
def test_the_checksums_of_a_released_version_never_change(name: str) -> None:
    assert sha256((ROOT / name / "SHA256SUMS").read_bytes()).hexdigest() == RELEASED[name]


def test_an_edited_a_deleted_and_an_added_recording_are_noticed(tmp_path: Path) -> None:
    for name in ("open/edited", "deleted"):
        add_recording(tmp_path, name, "{}\n")
    assert flaws(tmp_path) == []

    (tmp_path / "open" / "edited.json").write_text("{ }\n")
    (tmp_path / "deleted.json").unlink()
    (tmp_path / "added.json").write_text("{}\n")

    assert flaws(tmp_path) == ["deleted: deleted", "added: without a checksum", "open/edited: edited"]


def test_a_recording_is_not_overwritten(tmp_path: Path) -> None:
    path = add_recording(tmp_path, "take_profit", "{}\n")
    with pytest.raises(FileExistsError, match=r"workflow\.patched"):
        add_recording(tmp_path, "take_profit", "{ }\n")
    path.unlink()
    with pytest.raises(FileExistsError, match=r"workflow\.patched"):
        add_recording(tmp_path, "take_profit", "{ }\n")


def test_the_recorder_refuses_what_a_version_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        record.main(["--version", "0.2.0", "sold_by_the_watch"])
    assert "sold_by_the_watch of 0.2.0 is recorded" in capsys.readouterr().err


def first_failure(*, of: list[Path]) -> Path | None:
    """Return the first recording that does not replay."""
    replayer = Replayer(
        workflows=[TradingWorkerWorkflow, MarketCloseWorkflow, MarketWatchWorkflow],
        data_converter=DATA_CONVERTER,
        workflow_runner=UnsandboxedWorkflowRunner(),
        debug_mode=True,
    )

    async def look() -> Path | None:
        for path in of:
            result = await replayer.replay_workflow(history_of(path), raise_on_replay_failure=False)
            if result.replay_failure is not None:
                return path
        return None

    return asyncio.run(look())


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Let one patch always answer the same, without a marker: as if its other branch were deleted."""
    real = workflow.patched

    def planted(patch: str, answer: bool) -> None:
        monkeypatch.setattr(workflow, "patched", lambda asked: answer if asked == patch else real(asked))

    return planted


@pytest.mark.parametrize("patch", sorted(PATCHES - NOT_RECORDED - NO_OLDER_RUN_NEEDS_IT.keys()))
def test_a_recording_from_before_notices_that_the_old_branch_is_gone(patch: str, plant: Plant) -> None:
    before = [path for path in BY_SIZE if patch not in patches_in(path)]
    plant(patch, True)
    assert first_failure(of=before), f"{patch}: record a run of the version before, which needs the old branch"


@pytest.mark.parametrize("patch", sorted(PATCHES - NOT_RECORDED))
def test_a_recording_from_after_notices_that_the_new_branch_is_gone(patch: str, plant: Plant) -> None:
    after = [path for path in BY_SIZE if patch in patches_in(path)]
    plant(patch, False)
    assert first_failure(of=after), f"{patch}: record a run of this version, which takes the new branch"


def test_without_a_planted_change_all_replay_outside_the_sandbox() -> None:
    assert first_failure(of=BY_SIZE) is None


@pytest.mark.parametrize("patch", sorted(NO_OLDER_RUN_NEEDS_IT))
def test_a_patch_without_a_recording_from_before_goes_unnoticed(patch: str, plant: Plant) -> None:
    assert patch in PATCHES
    plant(patch, True)
    assert first_failure(of=[path for path in BY_SIZE if patch not in patches_in(path)]) is None


def test_a_patch_anywhere_in_the_tree_is_found(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "steps.py").write_text('if workflow.patched(\n    "one-more-step"\n):\n    ...\n')

    assert patches_of(tmp_path) == {"one-more-step"}
    assert not any("one-more-step" in patches_in(path) for path in HISTORIES)
