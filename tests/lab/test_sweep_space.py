"""Which combinations a sweep tries, and which windows choose and report."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadRulesError
from lab.sweep.space import combination, drawn, grid, read_space, size_of
from lab.sweep.summary import summary_of
from lab.sweep.surface import fragility, surfaces
from lab.sweep.windows import between, figures, walked, windows_of
from lab.trials import SHARED, Trial, TrialDay
from tests.lab.test_trials import SWEEP


def test_values_are_ranges_or_lists_of_parameters_and_exit_rules() -> None:
    asked = [
        "factor=0.3..0.5..0.1",
        "stop_loss=1%,2.5%",
        "exits.longest_holding=30m..90m..30m",
        "risk.losses_in_a_row=2",
    ]

    assert read_space("volatility_breakout", asked) == {
        "strategy.volatility_breakout.factor": ("0.3", "0.4", "0.5"),
        "exits.stop_loss": ("1%", "2.5%"),
        "exits.longest_holding": ("30m", "60m", "90m"),
        "risk.losses_in_a_row": ("2",),
    }


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["factor"], "write NAME=FROM..TO..STEP"),
        (["factor="], "write NAME=FROM..TO..STEP"),
        (["factor=1..2"], "FROM..TO..STEP with one unit"),
        (["stop_loss=1%..2..1%"], "FROM..TO..STEP with one unit"),
        (["factor=1..2..0"], "the step must be above 0"),
        (["factor=1..900..1"], "at most 200"),
        (["factor=1,1"], "named twice"),
        (["factor=1,,2"], "empty"),
        (["factor=1", "strategy.volatility_breakout.factor=2"], "write all its values once"),
    ],
)
def test_values_that_cannot_be_read_are_refused(asked: list[str], says: str) -> None:
    with pytest.raises(BadRulesError, match=says):
        read_space("volatility_breakout", asked)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 50), st.integers())
def test_a_draw_takes_different_combinations_of_the_grid(sizes: list[int], count: int, seed: int) -> None:
    space = {f"exits.{place}": tuple(map(str, range(size))) for place, size in enumerate(sizes)}
    every = list(grid(space))

    assert [combination(space, number) for number in range(size_of(space))] == every
    found = list(drawn(space, count, seed))
    assert found == list(drawn(space, count, seed))
    assert len(found) == len({tuple(each.values()) for each in found}) == min(count, len(every))
    assert all(each in every for each in found)


@given(st.integers(0, 200), st.integers(1, 40), st.integers(1, 20), st.integers(0, 5))
def test_no_session_is_reported_twice_nor_chosen_by_a_later_one(count: int, train: int, test: int, gap: int) -> None:
    sessions = [date(2025, 1, 1) + timedelta(days=day) for day in range(count)]

    windows = windows_of(sessions, train, test, gap)

    assert bool(windows) == (count >= train + gap + test)
    for window in windows:
        assert (len(window.train), len(window.test)) == (train, test)
        assert sessions.index(window.test[0]) - sessions.index(window.train[-1]) == gap + 1
    assert all(before.test[-1] < after.test[0] for before, after in pairwise(windows))


DAYS = tuple(date(2025, 11, day) for day in (3, 4, 5, 6, 7, 10))


def days_of(trial: int, *nets: int) -> list[TrialDay]:
    return [TrialDay(trial, day, 1, net > 0, net + 10, net, 1_000) for day, net in zip(DAYS, nets, strict=True)]


def test_training_chooses_and_only_the_test_reports() -> None:
    trials = [Trial(0, SHARED, {"exits.stop_loss": "1%"}), Trial(1, SHARED, {"exits.stop_loss": "2%"})]
    days = {0: days_of(0, 50, 60, -900, -70, -80, 5), 1: days_of(1, 10, -20, 900, 500, 400, 5)}
    windows = windows_of(DAYS, train=2, test=2, gap=1)

    chosen = walked(windows, trials, days)

    assert [each.trial.number for each in chosen] == [0]
    assert chosen[0].train.net == 110
    assert chosen[0].test.net == -150
    assert chosen[0].tried == 2


def test_a_window_takes_only_its_own_trials_and_the_shared_ones() -> None:
    trials = [Trial(0, 0, {"exits.stop_loss": "1%"}), Trial(1, 1, {"exits.stop_loss": "2%"})]
    days = {0: days_of(0, 1, 2, 1, 2, 1, 2), 1: days_of(1, 9, 8, 9, 8, 9, 8)}

    chosen = walked(windows_of(DAYS, 2, 2, 0), trials, days)

    assert [each.trial.number for each in chosen] == [0, 1]


def test_a_trial_that_does_not_trade_is_never_better_than_one_that_loses() -> None:
    trials = [Trial(0, SHARED, {"exits.stop_loss": "1%"}), Trial(1, SHARED, {"exits.stop_loss": "2%"})]
    silent = [TrialDay(0, day) for day in DAYS]

    chosen = walked(windows_of(DAYS, 2, 2, 0), trials, {0: silent, 1: days_of(1, -1, -2, -3, -4, -5, -6)})

    assert {each.trial.number for each in chosen} == {1}
    assert figures(silent).sharpe == 0
    assert between(silent, ()).sessions == 0


def test_the_surface_shows_the_median_and_the_neighbours_their_results() -> None:
    space = {"exits.stop_loss": ("1%", "2%", "3%"), "exits.take_profit": ("2%", "4%")}
    nets = (10, -20, 30, 40, -50, 60)
    trials = [Trial(number, SHARED, rules) for number, rules in enumerate(grid(space))]
    found = {number: figures([TrialDay(number, DAYS[0], 1, 1, net, net, 1_000)]) for number, net in enumerate(nets)}

    (surface,) = surfaces(space, trials, found)
    near = fragility(space, trials[0], trials, found)

    assert surface.cells == ((10, 30, -50), (-20, 40, 60))
    assert (near.neighbours, near.earning, near.median, near.worst) == (3, 2, 30, -20)
    (line,) = surfaces({"exits.stop_loss": ("1%", "2%", "3%"), "exits.take_profit": ("2%",)}, trials[::2], found)
    assert line.cells == ((10, 30, -50),)


def test_a_summary_counts_every_trial_and_ranks_equal_rules_once() -> None:
    rules = {"exits.stop_loss": "1%"}
    trials = [Trial(0, 0, rules), Trial(1, 1, rules), Trial(2, 1, {"exits.stop_loss": "2%"})]
    days = {0: days_of(0, 1, 2, 1, 2, 1, 2), 1: days_of(1, 1, 2, 1, 2, 1, 2), 2: days_of(2, -1, -2, -1, -2, -1, -2)}

    values = summary_of(SWEEP, windows_of(DAYS, 2, 2, 0), trials, days)

    assert values["trials"] == 3
    assert [each["rules"] for each in values["best"]] == [rules, {"exits.stop_loss": "2%"}]
    assert values["test"]["net"] == sum(each["test"]["net"] for each in values["windows"])
    assert values["earning"] == 2
