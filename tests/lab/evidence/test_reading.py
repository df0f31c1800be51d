"""The evidence of a backtest: its entries and random ones in the recorded bars, and why its data flatters."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from domain.market import Symbol
from domain.rules import ExitRules
from lab.evidence.reading import Reading
from lab.evidence.replay import ReplayRules, Tape, gross_rate
from lab.evidence.rows import Evidence
from lab.evidence.trials import Trials, known_trials
from lab.hands import bars_hash
from lab.results import DATED, NAMED, DayResult, Settings
from lab.trials import TrialDay
from tests.lab.evidence.played import SETTINGS, a_backtest
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS
from tests.lab.test_trials import SWEEP
from tests.lab.test_trials import a_store as a_sweep


def read(data: Path, settings: Settings = SETTINGS, days: list[DayResult] | None = None) -> Evidence:
    store, played = a_backtest(data)
    return Reading(settings, store, CALENDAR, ExitRules()).evidence(days or played, Trials())


def test_each_trade_stands_beside_the_replay_of_its_entry_and_of_random_ones(tmp_path: Path) -> None:
    found = read(tmp_path)
    store, days = a_backtest(tmp_path)

    assert found.sessions == DAYS
    assert [trade.symbol for trade in found.trades] == [*STOCKS] * len(DAYS)
    for day in days:
        bars = store.minutes(day.date, STOCKS)
        for trade in (each for each in found.trades if each.date == day.date):
            tape = Tape(bars[trade.symbol])
            gross = gross_rate(tape, 60, ReplayRules(ExitRules(), 915))
            assert trade.own is not None
            assert trade.own == pytest.approx(gross - 0.0015 - 0.00028, abs=2e-4)
            assert trade.chance is not None
            assert trade.sizing is not None
            assert trade.sizing.minute == tape.bars[60].close * tape.bars[60].volume
    assert (
        abs(fmean(trade.chance or 0 for trade in found.trades) - fmean(trade.own or 0 for trade in found.trades)) < 0.02
    )
    assert read(tmp_path) == found, "the same evidence each time"


def test_a_universe_that_is_named_once_or_unknown_is_biased(tmp_path: Path) -> None:
    _, days = a_backtest(tmp_path)

    assert read(tmp_path, replace(SETTINGS, universe=f"{DATED} 00ff")).biases == read(tmp_path).biases == ()
    (named,) = read(tmp_path, replace(SETTINGS, universe=f"{NAMED} 00ff")).biases
    (earlier,) = read(tmp_path, replace(SETTINGS, universe="00ff")).biases
    assert "named for every session" in named
    assert "earlier version" in earlier
    assert read(tmp_path, days=[replace(day, symbols=()) for day in days]).biases == (earlier,)


def test_stocks_that_only_rise_are_biased(tmp_path: Path) -> None:
    store, days = a_backtest(tmp_path)
    with store.writing():
        for day in DAYS:
            first, *rest = store.minutes(day, STOCKS[:1])[STOCKS[0]]
            risen = [*rest[:-1], rest[-1]._replace(high=30_000, close=first.open + 900)]
            store.write_day(day, {Symbol(f"{number:06}"): [first, *risen] for number in range(40)})
    everything = [
        replace(day, symbols=store.symbols_on(day.date), bars=bars_hash(store.folder, day.date)) for day in days
    ]

    found = Reading(SETTINGS, store, CALENDAR, ExitRules()).evidence(everything, Trials())

    assert any("rose from open to close" in bias for bias in found.biases)


def test_bars_that_have_changed_answer_nothing(tmp_path: Path) -> None:
    _, days = a_backtest(tmp_path)
    found = read(tmp_path, days=[replace(days[0], bars="other"), *days[1:]])

    assert "stored bars of 1 sessions have changed" in found.biases[0]
    assert [trade.own is None for trade in found.trades] == [True] * 4 + [False] * 8


def test_a_day_that_failed_its_checks_is_counted(tmp_path: Path) -> None:
    _, days = a_backtest(tmp_path)

    assert read(tmp_path, days=[replace(days[0], unexplained=5), *days[1:]]).unsound == 1


def test_every_variant_counts_once(tmp_path: Path) -> None:
    assert known_trials(tmp_path, "momentum") == Trials(1, None)
    a_backtest(tmp_path)
    a_backtest(tmp_path, replace(SETTINGS, first=f"{DAYS[1]}"))
    assert known_trials(tmp_path, "momentum").count == 1, "other dates are no other variant"
    a_backtest(tmp_path, replace(SETTINGS, rules={"exits.stop_loss": "3%"}))
    a_backtest(tmp_path, replace(SETTINGS, sources={"momentum": "other"}))
    a_backtest(tmp_path, replace(SETTINGS, strategy="volatility_breakout"))
    found = known_trials(tmp_path, "momentum", 4)
    assert found.count == 3 + 4
    assert found.variance == pytest.approx(0.0)
    (tmp_path / "sweeps").mkdir()
    a_sweep(tmp_path / "sweeps")
    assert known_trials(tmp_path, "momentum").count == 3 + 2
    assert known_trials(tmp_path, "volatility_breakout").count == 1


def test_a_repeated_sweep_counts_each_trial_once(tmp_path: Path) -> None:
    """The trials of a sweep count by source, parameters, exits and data, however often and by whatever Haru."""
    (tmp_path / "sweeps").mkdir()
    once = replace(SWEEP, sources={"haru": "1", "momentum": "a"})
    a_sweep(tmp_path / "sweeps", once)
    for other in (
        replace(once, sources={"haru": "2", "momentum": "a"}),
        replace(once, seed=9, train=2, alone=True),
        replace(once, parameters={"exits.stop_loss": ["2%", "1%"], "exits.take_profit": ["5%"]}),
        replace(once, rules={"exits.take_profit": "5.0%", "strategy.momentum.rise": "1.2%"}),
    ):
        a_sweep(tmp_path / "sweeps", other)

    assert known_trials(tmp_path, "momentum").count == 2


@pytest.mark.parametrize(
    "other",
    [
        {"sources": {"haru": "1", "momentum": "b"}},
        {"rules": {"exits.take_profit": "4%"}},
        {"rules": {"strategy.momentum.rise": "2%"}},
        {"universe": "named 00ff"},
        {"last": "2025-11-19"},
    ],
)
def test_a_trial_of_another_source_rule_or_stretch_counts(tmp_path: Path, other: dict[str, Any]) -> None:
    (tmp_path / "sweeps").mkdir()
    once = replace(SWEEP, sources={"haru": "1", "momentum": "a"})
    a_sweep(tmp_path / "sweeps", once)
    a_sweep(tmp_path / "sweeps", replace(once, **other))

    assert known_trials(tmp_path, "momentum").count == 4


def test_a_trial_on_changed_bars_counts_again(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    a_sweep(tmp_path / "sweeps")
    again = a_sweep(tmp_path / "sweeps", replace(SWEEP, seed=1))
    again.keep_day(0, [TrialDay(0, DAYS[0]), TrialDay(1, DAYS[0])], "other")

    assert known_trials(tmp_path, "momentum").count == 4


def test_the_backtest_that_confirms_a_trial_is_no_other_variant(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    about = {name: getattr(SETTINGS, name) for name in ("first", "last", "workers", "capital", "universe", "sources")}
    a_sweep(tmp_path / "sweeps", replace(SWEEP, rules={"strategy.names": "momentum"}, **about))
    a_backtest(tmp_path)

    assert SETTINGS.rules["exits.stop_loss"] == "2%"
    assert known_trials(tmp_path, "momentum").count == 2


def test_the_trials_of_two_strategies_together_count_for_their_backtest(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    a_sweep(tmp_path / "sweeps", replace(SWEEP, strategy="momentum,volatility_breakout"))

    assert known_trials(tmp_path, "momentum+volatility_breakout").count == 2
    assert known_trials(tmp_path, "momentum").count == 1


def test_an_unreadable_backtest_is_no_variant(tmp_path: Path) -> None:
    a_backtest(tmp_path)
    a_backtest(tmp_path, replace(SETTINGS, first=f"{DAYS[1]}"))
    (tmp_path / "backtests" / SETTINGS.id / "report.json").write_text("{")

    assert known_trials(tmp_path, "momentum").count == 1


def test_a_backtest_of_dates_that_the_sweep_did_not_play_is_another_variant(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    about = {name: getattr(SETTINGS, name) for name in ("workers", "capital", "universe", "sources")}
    a_sweep(tmp_path / "sweeps", replace(SWEEP, rules={"strategy.names": "momentum"}, **about))
    a_backtest(tmp_path)

    assert SWEEP.last < SETTINGS.last
    assert known_trials(tmp_path, "momentum").count == 3
