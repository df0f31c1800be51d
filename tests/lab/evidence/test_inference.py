"""The formulas of a verdict against published examples and closed forms."""

import math
from random import Random
from statistics import NormalDist, fmean, stdev

import pytest

from lab.evidence.inference import (
    Moments,
    Resampled,
    deflated_sharpe,
    expected_best,
    least_track_record,
    moments_of,
    probabilistic_sharpe,
)

YEAR = 250


def of_a_year(
    sharpe: float, *, sessions: int, skewness: float = 0.0, kurtosis: float = 3.0, year: int = YEAR
) -> Moments:
    """Return the moments of a series whose yearly Sharpe ratio is known."""
    return Moments(sessions, sharpe / math.sqrt(year), 1.0, skewness, kurtosis)


def test_the_example_of_the_deflated_sharpe_ratio() -> None:
    """Bailey and López de Prado 2014, "A numerical example": 100 trials, yearly variance 1/2, five years of days."""
    found = of_a_year(2.5, sessions=1250, skewness=-3, kurtosis=10)

    assert expected_best(100, 0.5 / YEAR) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(found, 100, 0.5 / YEAR) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(found, 46, 0.5 / YEAR) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(of_a_year(2.5, sessions=1250), 88, 0.5 / YEAR) == pytest.approx(0.9505, abs=5e-4)


@pytest.mark.parametrize(("year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_the_examples_of_the_least_track_record(year: int, years: float) -> None:
    """Bailey and López de Prado 2012: a yearly Sharpe ratio of 2 proves to be above 1, by days, weeks and months."""
    needed = least_track_record(of_a_year(2, sessions=1, year=year), 1 / math.sqrt(year), 0.95)

    assert needed / year == pytest.approx(years, abs=0.005)


def test_a_record_of_the_least_length_has_exactly_the_confidence() -> None:
    found = of_a_year(1.5, sessions=1, skewness=-0.7, kurtosis=5)
    needed = least_track_record(found, 0.01, 0.95)

    assert probabilistic_sharpe(of_a_year(1.5, sessions=round(needed), skewness=-0.7, kurtosis=5), 0.01) == (
        pytest.approx(0.95, abs=1e-3)
    )
    assert math.isinf(least_track_record(found, found.sharpe, 0.95))


def test_one_trial_has_no_best_of_many() -> None:
    assert expected_best(1, 0.5) == 0
    assert expected_best(2, 0.5) < expected_best(10, 0.5) < expected_best(1000, 0.5)


def test_the_expected_best_is_that_of_drawn_normal_numbers() -> None:
    chance = Random(7)
    drawn = [max(chance.gauss(0, 0.2) for _ in range(50)) for _ in range(2_000)]

    assert expected_best(50, 0.04) == pytest.approx(fmean(drawn), abs=4 * stdev(drawn) / math.sqrt(len(drawn)))


def test_moments_of_a_coin_are_known() -> None:
    """A result of +1 with chance p and 0 otherwise: skewness (1−2p)/√(pq), kurtosis 3 + (1−6pq)/(pq)."""
    found = moments_of([1.0] * 20 + [0.0] * 80)

    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.deviation == pytest.approx(0.4)
    assert found.skewness == pytest.approx(0.6 / 0.4)
    assert found.kurtosis == pytest.approx(3 + (1 - 6 * 0.16) / 0.16)


@pytest.mark.parametrize("series", [[], [1.0, 2.0], [3.0] * 50])
def test_a_series_that_is_short_or_does_not_vary_has_no_moments(series: list[float]) -> None:
    assert moments_of(series) is None


def test_the_interval_of_independent_days_is_that_of_the_normal_distribution() -> None:
    chance = Random(3)
    results = [chance.gauss(10, 100) for _ in range(400)]
    found = Resampled(400, 2_000, 1).ratio(results, [1.0] * 400)

    error = NormalDist().inv_cdf(0.95) * stdev(results) / math.sqrt(400)
    assert found is not None
    assert found.value == pytest.approx(fmean(results))
    assert found.low == pytest.approx(found.value - error, abs=0.2 * error)
    assert found.high == pytest.approx(found.value + error, abs=0.2 * error)


def test_days_that_depend_on_each_other_have_a_wider_interval() -> None:
    chance, level, results = Random(3), 0.0, list[float]()
    for _ in range(600):
        level = 0.8 * level + chance.gauss(0, 1)
        results.append(level)
    shuffled = list(results)
    chance.shuffle(shuffled)
    ones, draws = [1.0] * 600, Resampled(600, 1_000, 1)
    blocks, alone = draws.ratio(results, ones), draws.ratio(shuffled, ones)

    assert blocks is not None
    assert alone is not None
    assert blocks.high - blocks.low > 1.5 * (alone.high - alone.low)


def test_a_ratio_weighs_days_by_their_money_and_needs_some() -> None:
    draws = Resampled(4, 200, 1)
    found = draws.ratio([1.0, 0.0, 3.0, 0.0], [10.0, 0.0, 30.0, 0.0])

    assert found is not None
    assert [found.value, found.low, found.high] == pytest.approx([0.1] * 3)
    assert draws.ratio([0.0] * 4, [0.0] * 4) is None
    assert Resampled(0, 10, 1).ratio([], []) is None
