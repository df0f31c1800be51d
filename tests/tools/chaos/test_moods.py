"""A strategy raises or hangs while its mood file says so, and decides normally afterwards."""

import threading
from pathlib import Path

import pytest

from domain.rules import StrategyRules
from strategies import KNOWN_STRATEGIES
from tests.support.builders import a_view
from tools.chaos.moods import Mood, MoodError, moody


def test_a_moody_strategy_decides_as_the_sane_one_without_a_file(tmp_path: Path) -> None:
    spoilt = moody(KNOWN_STRATEGIES, tmp_path / "none")

    for name, strategy in KNOWN_STRATEGIES.items():
        assert spoilt[name].entry(a_view(), StrategyRules()) == strategy.entry(a_view(), StrategyRules())
        assert (spoilt[name].name, spoilt[name].version) == (strategy.name, strategy.version)


def test_a_strategy_raises_while_the_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mood"
    strategy = moody(KNOWN_STRATEGIES, file)["momentum"]
    file.write_text(Mood.RAISES)

    with pytest.raises(MoodError):
        strategy.entry(a_view(), StrategyRules())
    file.unlink()
    assert strategy.entry(a_view(), StrategyRules()) is None


def test_a_strategy_hangs_until_the_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "mood"
    strategy = moody(KNOWN_STRATEGIES, file)["momentum"]
    file.write_text(Mood.HANGS)
    asking = threading.Thread(target=strategy.entry, args=(a_view(), StrategyRules()))

    asking.start()
    asking.join(0.2)
    hung = asking.is_alive()
    file.unlink()
    asking.join(20)

    assert hung
    assert not asking.is_alive()
