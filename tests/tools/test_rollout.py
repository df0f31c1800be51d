"""A release is rolled on two trees and real processes while shares are held; what must not happen is counted."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.embedded.processes import ROOT
from tests.support.turns import TURNS, WHOLE_DAYS
from tests.verifier.a_day import a_clean_day
from tools.rollout.__main__ import main
from tools.rollout.played import Played
from tools.rollout.report import table, violations
from tools.rollout.runs import ON_PURPOSE, SeenRun
from tools.rollout.trees import INCOMPATIBLE, MIGRATION, UnfitChangeError, copy_tree
from tools.rollout.watched import Gaps
from verifier.books import Violation
from verifier.verdict import Verdict, judged

LONGEST = 560
"""Seconds on a busy machine; an idle one needs a tenth."""
A_RUN = SeenRun("trading-worker/simulated-1/worker-1", "r", is_worker=True, builds={"a"}, buys=True, sells=True)
SOUND = Played("one", 1, Gaps({"roll": 1.0}), [A_RUN], 1, judged(a_clean_day()), 0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"runs": [replace(A_RUN, failed=Counter({"NON_DETERMINISTIC_ERROR": 1}))]}, "failed workflow tasks, NON_DET"),
        ({"runs": [replace(A_RUN, builds={"a", "b"})]}, "its trade moved between builds"),
        ({"runs": [replace(A_RUN, overridden=True)]}, "its trade moved between builds"),
        ({"runs": [replace(A_RUN, buys=False)]}, "its trade moved between builds"),
        ({"runs": []}, "1 trades without a run or a host that sold; "),
        ({"gaps": Gaps({"roll": 6.0})}, "a position was unwatched for 6.0 s, and a hand-over may take 5.0 s"),
        ({"left": 2}, "2 positions are left"),
        ({"verdict": Verdict(a_clean_day(), {"I5": (Violation("I5", "not watched", "worker-1"),)})}, "I5: not watched"),
    ],
)
def test_what_a_rollout_must_not_show_is_a_violation(changes: dict[str, Any], what: str) -> None:
    assert violations(SOUND) == []
    found = violations(replace(SOUND, **changes))

    assert any(what in each for each in found), found


def test_only_a_stuck_build_may_fail_on_purpose() -> None:
    failing = replace(SOUND, runs=[replace(A_RUN, failed=Counter({ON_PURPOSE: 1}))])

    assert len(violations(failing)) == 1
    assert violations(replace(failing, stuck=frozenset({"b"}))) == []
    assert "| positions held | 1 |" in table([failing])


def test_the_builds_are_copies_with_ids_of_their_own(tmp_path: Path) -> None:
    old, new = copy_tree("old", tmp_path), copy_tree("new", tmp_path, INCOMPATIBLE, migrates=True)

    assert old.build != new.build
    assert (new.folder / "database" / "migrations" / f"{MIGRATION}.sql").exists()
    with pytest.raises(UnfitChangeError, match=r"workflows/trade\.py: the planted change fits 0 places"):
        copy_tree("again", tmp_path, [INCOMPATIBLE[0]._replace(old="another text")])


@pytest.mark.parametrize("words", [["sideways"], ["--positions", "1"]])
def test_a_wrong_command_line_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2


def rolled(folder: Path, name: str) -> dict[str, Any]:
    """Play one rollout with four positions; return its result."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.rollout", name, "--positions", "4", "--busy", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)
    assert result["violations"] == []
    return dict(result["figures"])


@pytest.mark.slow
@pytest.mark.timeout(LONGEST + 20)
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
def test_a_release_is_rolled_to_an_incompatible_build_and_back(tmp_path: Path) -> None:
    figures = rolled(tmp_path, "back")

    assert int(figures["trades"]) >= 12
    assert figures["trades that ended on each build"].count(" on ") == 2
    assert (figures["failed workflow tasks"], figures["trades that moved between builds"]) == ("0", "0")


@pytest.mark.slow
@pytest.mark.timeout(LONGEST + 20)
@pytest.mark.in_turn(TURNS, WHOLE_DAYS)
def test_a_stuck_build_sells_by_its_stops_and_is_rolled_back(tmp_path: Path) -> None:
    figures = rolled(tmp_path, "stuck")

    assert int(figures["sold while stuck"]) >= 1
    assert int(figures["runs that failed on stuck builds"]) >= 2
    assert figures["positions left"] == "0"
