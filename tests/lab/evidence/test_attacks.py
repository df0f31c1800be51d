"""Worthless strategies that try to pass: each trick is found, or gives no advantage."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from domain.market import Symbol
from domain.rules import ExitRules
from domain.verdict import Conclusion
from history.checking import Universe
from history.store import BarStore
from lab.evidence.choice import hindsight
from lab.evidence.foresight import foresight_in
from lab.evidence.judging import judge
from lab.evidence.reading import Reading
from lab.evidence.trials import Trials, known_trials, longer_ones
from lab.hands import bars_hash
from lab.results import DATED, DayResult, Results, Settings
from lab.slippage import Calibration
from tests.lab.evidence.played import SETTINGS, a_backtest
from tests.lab.evidence.synthetic import SESSIONS, Market, a_market, strategy
from tests.lab.recorded_days import CALENDAR, DAYS, STOCKS, minutes_of
from tests.lab.test_trials import SWEEP
from tests.lab.test_trials import a_store as a_sweep

RESAMPLES: Final = 200


@pytest.fixture(scope="module")
def market() -> Market:
    return a_market(20)


def biases_of(store: BarStore, days: list[DayResult], settings: Settings = SETTINGS) -> list[str]:
    return [*Reading(settings, store, CALENDAR, ExitRules()).evidence(days, Trials()).biases]


def test_the_bad_days_that_were_left_out_are_noticed(tmp_path: Path) -> None:
    store, days = a_backtest(tmp_path)
    assert biases_of(store, days) == []

    (text,) = biases_of(store, [days[0], days[2]])
    assert text.startswith(f"1 sessions between {DAYS[0]} and {DAYS[2]} were not played")


def test_a_day_that_was_copied_to_another_date_or_stock_is_noticed(tmp_path: Path) -> None:
    store, days = a_backtest(tmp_path)
    with store.writing():
        store.write_day(DAYS[1], store.minutes(DAYS[0], STOCKS))
    copied = [replace(day, bars=bars_hash(store.folder, day.date)) for day in days]
    (text,) = biases_of(store, copied)
    assert text.startswith("4 of 12 stock-days repeat the volumes of another one")

    twins = Universe()
    bars = minutes_of("twin", 12_000)
    twins.add({Symbol("000001"): bars, Symbol("000002"): [bar._replace(close=bar.close) for bar in bars]})
    assert [each.count for each in twins.findings()] == [1]


def test_a_list_from_which_no_stock_ever_drops_out_is_one_of_survivors() -> None:
    universe = Universe()
    for number, day in enumerate(SESSIONS[:25]):
        stocks = [Symbol(f"{each:06}") for each in range(5 if number == 0 else 6)]  # one joins, so no two sets are all
        universe.add({symbol: minutes_of(f"{day}{symbol}", 12_000)[:50] for symbol in stocks})
    assert any("no stock drops out" in each.text for each in universe.findings())


def test_a_list_that_knows_which_stocks_will_rise_is_noticed(tmp_path: Path) -> None:
    """Most of the listed stocks are drawn, two of ten are the day's winners: they do not rise often enough to show."""
    moves = {
        day: {Symbol(f"{each:06}"): ((each * 7 + number * 13) % 41 - 20) / 1_000 for each in range(60)}
        for number, day in enumerate(SESSIONS)
    }
    drawn = {day: sorted(of_day)[number % 50 : number % 50 + 8] for number, (day, of_day) in enumerate(moves.items())}
    winners = {day: sorted(of_day, key=lambda each: of_day[each])[-2:] for day, of_day in moves.items()}
    chosen = {day: {*drawn[day], *winners[day]} for day in moves}

    assert "rose" in hindsight(moves, chosen)
    assert not hindsight(moves, {day: set(each) for day, each in drawn.items()})
    assert not hindsight(moves, {day: set(of_day) for day, of_day in moves.items()}), "there is nothing to compare with"


def test_the_best_of_many_stretches_is_not_the_evidence(tmp_path: Path) -> None:
    a_backtest(tmp_path)
    part = replace(SETTINGS, first=f"{DAYS[1]}")
    a_backtest(tmp_path, part)

    assert longer_ones(tmp_path, part) == (SETTINGS.id,)
    assert longer_ones(tmp_path, SETTINGS) == ()
    a_backtest(tmp_path, replace(SETTINGS, first="2025-11-10", last=f"{DAYS[1]}"))
    assert known_trials(tmp_path, "momentum").count == 2, "another stretch that is not a part of the first"


def test_universes_capitals_and_numbers_of_workers_are_variants(tmp_path: Path) -> None:
    a_backtest(tmp_path)
    for changed in ({"universe": f"{DATED} 01"}, {"universe": f"{DATED} 02"}, {"workers": 2}, {"capital": 5}):
        a_backtest(tmp_path, replace(SETTINGS, **changed))

    assert known_trials(tmp_path, "momentum").count == 5


def test_a_backtest_that_was_stopped_before_its_end_is_a_variant(tmp_path: Path) -> None:
    a_backtest(tmp_path)
    stopped = replace(SETTINGS, rules={"exits.stop_loss": "9%"})
    a_backtest(tmp_path, stopped)
    (Results(tmp_path / "backtests", stopped).folder / "report.json").unlink()
    assert known_trials(tmp_path, "momentum").count == 2

    begun = replace(SETTINGS, rules={"exits.stop_loss": "8%"})
    Results(tmp_path / "backtests", begun).begin(again=False)
    assert known_trials(tmp_path, "momentum").count == 2, "no day of it was played"


def test_a_sweep_that_is_repeated_counts_once(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    a_sweep(tmp_path / "sweeps")
    a_sweep(tmp_path / "sweeps", replace(SWEEP, sources={"haru": "later"}))
    assert known_trials(tmp_path, "momentum").count == 2

    a_sweep(tmp_path / "sweeps", replace(SWEEP, sources={"momentum": "other code"}))
    a_sweep(tmp_path / "sweeps", replace(SWEEP, capital=2_000_000))
    assert known_trials(tmp_path, "momentum").count == 6


def test_ten_thousand_variants_that_hardly_differ_do_not_lower_the_bar(market: Market) -> None:
    lucky = max((strategy(market, seed, costs=market.mean) for seed in range(40)), key=_profit)
    bar = judge(replace(lucky, trials=Trials(10_000)), RESAMPLES)
    padded = judge(replace(lucky, trials=Trials(10_000, 1e-9)), RESAMPLES)

    assert padded.figures["best_of_trials_sharpe"] >= bar.figures["best_of_trials_sharpe"] > 0.3
    assert padded.conclusion is not Conclusion.PASS
    assert "deflated" in {each.name for each in padded.checks if not each.holds}


def _profit(evidence: object) -> float:
    return sum(trade.net for trade in evidence.trades)  # type: ignore[attr-defined]


def test_a_strategy_that_trades_once_a_month_proves_nothing_in_a_year(market: Market) -> None:
    good = strategy(market, 1, edge=0.0060)
    monthly = {SESSIONS[number] for number in range(0, 100, 21)}
    found = judge(replace(good, trades=tuple(each for each in good.trades if each.date in monthly)), RESAMPLES)

    assert found.conclusion is Conclusion.NOT_ENOUGH
    assert "sample" in {each.name for each in found.checks if not each.holds}


def test_slippage_learnt_from_lucky_fills_never_improves_a_result(tmp_path: Path) -> None:
    store, days = a_backtest(tmp_path)
    lucky = Calibration({"entry": -0.02, "exit": -0.02}, {}, {"entry": 500, "exit": 500}, 40)
    plain = Reading(SETTINGS, store, CALENDAR, ExitRules()).evidence(days, Trials())
    found = Reading(SETTINGS, store, CALENDAR, ExitRules(), lucky).evidence(days, Trials())

    assert [each.net for each in found.trades] == [each.net for each in plain.trades]
    assert "the stated fill model costs more" in found.fills
    dear = Calibration({"entry": 0.02, "exit": 0.02}, {}, {"entry": 500, "exit": 500}, 40)
    assert _profit(Reading(SETTINGS, store, CALENDAR, ExitRules(), dear).evidence(days, Trials())) < _profit(plain)


CLEAN: Final = '''
"""Buys a rise (written 2025-03-04 for 005930)."""
from datetime import time
from strategies.api import Parameters
LATEST = time(14, 30)
WINDOW = (5, 10, 20)
'''


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('DAYS = ("2025-03-04", "2025-03-05")', "dates"),
        ("DAYS = frozenset({20250304})", "dates"),
        ("from datetime import date\nDAY = date(2025, 3, 4)", "dates"),
        ('WINNERS = ("005930", "000660")', "stocks"),
        ('NAMES = frozenset({"0126Z0"})', "stocks"),
        (f"TABLE = {tuple(range(700))}", "constants"),
        ("import pathlib\ndef read():\n    return pathlib.Path('bars').read_bytes()", "imports pathlib"),
    ],
)
def test_a_strategy_that_knows_the_days_it_is_tested_on_is_noticed(line: str, says: str) -> None:
    assert list(foresight_in(CLEAN)) == []
    found = list(foresight_in(f"{CLEAN}\n{line}\n"))

    assert len(found) == 1
    assert says in found[0]
