"""The demo takes its rules and its data folder from the environment."""

from pathlib import Path

import pytest

from cli.demo.playing import stage_of
from cli.demo.rules import DEMO_RULES
from domain.errors import BadRulesError
from domain.money import Rate

ASKED = {"seed": 7, "workers": 5, "speed": 180, "keep": False}
pytestmark = pytest.mark.usefixtures("nothing_configured")


def test_without_variables_it_plays_its_own_rules_in_the_current_folder(tmp_path: Path) -> None:
    stage = stage_of(ASKED)

    assert stage.rules == DEMO_RULES
    assert (stage.folder, stage.reports) == (tmp_path / ".haru" / "demo", tmp_path / ".haru" / "reports")


def test_the_environment_changes_single_rules_and_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_RULES__EXITS__STOP_LOSS", "1%")
    monkeypatch.setenv("HARU_DATA_DIR", str(tmp_path / "elsewhere"))

    stage = stage_of(ASKED)

    assert stage.rules.exits.stop_loss == Rate("0.01")
    assert stage.rules.exits.take_profit == DEMO_RULES.exits.take_profit
    assert stage.rules.version == DEMO_RULES.version
    assert stage.folder == tmp_path / "elsewhere" / "demo"  # a folder that it empties: never the data folder itself


def test_a_wrong_rule_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_RULES__EXITS__STOP_LOS", "1%")

    with pytest.raises(BadRulesError, match=r"exits\.stop_los"):
        stage_of(ASKED)
