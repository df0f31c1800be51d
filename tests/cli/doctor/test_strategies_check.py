"""The doctor names strategies that are missing or refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.doctor.checkup import Verdict
from cli.doctor.machine_checks import look_at_strategies
from runtime.settings import load_settings
from strategies.catalogue import BUILT_IN_CATALOGUE, install

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    install(BUILT_IN_CATALOGUE)


def test_the_strategies_of_the_rules_are_named_with_their_versions() -> None:
    found = look_at_strategies(load_settings())

    assert (found.verdict, found.text) == (Verdict.OK, "volatility_breakout 1, momentum 2")


def test_a_refused_strategy_is_a_warning_and_one_of_the_rules_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gap.py"
    file.write_text("import time\n")
    monkeypatch.setenv("HARU_STRATEGIES__PATH", str(file))

    beside = look_at_strategies(load_settings())
    monkeypatch.setenv("HARU_RULES__STRATEGY__NAMES", "gap")
    named = look_at_strategies(load_settings())

    assert beside.verdict is Verdict.WARN
    assert f"refused: {file}:1: imports time" in beside.text
    assert named.verdict is Verdict.FAIL
    assert "strategy.names: gap; choose among momentum, volatility_breakout" in named.text
