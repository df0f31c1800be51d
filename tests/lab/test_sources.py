"""Other code gives other results: its hash is part of a backtest, and every process must have the same sources."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from domain.rules import ScreeningRules, StrategyRules, TradingRules
from domain.session import SessionDate
from lab import sources
from lab.day import Order
from lab.hands import Job, play_all
from lab.results import DayResult, Results, Settings
from lab.sources import SourcesDifferError, code_hash, differing, sources_in_use
from runtime.strategy_loading import install_strategies
from tests.lab.recorded_days import CALENDAR, DAYS, a_store

RULES: Final = TradingRules(
    strategy=StrategyRules(names=("volatility_breakout",)), screening=ScreeningRules(custom_filters=("rising",))
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "domain").mkdir()
    (tmp_path / "database" / "migrations").mkdir(parents=True)
    (tmp_path / "domain" / "exits.py").write_text("STOP = 3\n")
    (tmp_path / "database" / "migrations" / "0001.sql").write_text("SELECT 1;\n")
    monkeypatch.setattr(sources, "_ROOT", tmp_path)
    code_hash.cache_clear()
    yield tmp_path
    code_hash.cache_clear()


@pytest.mark.parametrize("name", ["domain/exits.py", "database/migrations/0001.sql", "domain/new.py"])
def test_a_change_of_our_own_code_gives_another_hash(tree: Path, name: str) -> None:
    before = code_hash()
    code_hash.cache_clear()
    (tree / name).write_text("STOP = 4\n")

    assert code_hash() != before


def test_a_process_keeps_the_hash_of_what_it_first_read(tree: Path) -> None:
    before = code_hash()
    (tree / "domain" / "exits.py").write_text("STOP = 4\n")

    assert code_hash() == before


def test_the_filters_in_use_count_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def mine(stock):\n    return True\n\n\nFILTERS = (mine,)\n")
    rules = replace(RULES, screening=ScreeningRules(custom_filters=("rising", "mine")))
    install_strategies(tmp_path)
    try:
        before = sources_in_use(rules)
        file.write_text("def mine(stock):\n    return False\n\n\nFILTERS = (mine,)\n")
        install_strategies(tmp_path)
        after = sources_in_use(rules)
    finally:
        install_strategies(None)

    assert set(before) == {"haru", "volatility_breakout", "filter rising", "filter mine"}
    assert all(before.values())
    assert differing(before, after) == ["filter mine"]


def test_other_sources_are_another_backtest() -> None:
    settings = Settings("momentum", "2", "2025-11-17", "2025-11-17", {}, 1, 1, "", {"haru": "a"})

    assert settings.id != replace(settings, sources={"haru": "b"}).id


def test_a_run_that_cannot_go_on_names_the_settings_that_differ(tmp_path: Path) -> None:
    settings = Settings("momentum", "2", "2025-11-17", "2025-11-17", {}, 1, 1, "", {"haru": "a"})
    Results(tmp_path, settings).begin(again=False)

    assert Results(tmp_path, replace(settings, sources={"haru": "b"}, workers=2)).differing() == ["sources", "workers"]
    assert Results(tmp_path, replace(settings, first="2025-11-16")).differing() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_process_with_other_sources_plays_nothing(tmp_path: Path, database_url: str) -> None:
    a_store(tmp_path, DAYS[:1])
    there = {**sources_in_use(RULES), "haru": "changed since"}

    async def plays(found: dict[str, str]) -> list[DayResult]:
        job = Job(tmp_path, Order(RULES, 1, 10_000_000), CALENDAR, None, found)
        return [day async for day in play_all([database_url], job, [(DAYS[0], None)])]

    with pytest.raises(SourcesDifferError, match="haru"):
        await plays(there)
    assert [day.date for day in await plays(dict(sources_in_use(RULES)))] == [SessionDate(DAYS[0])]
