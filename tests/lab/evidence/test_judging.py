"""The conclusion: what passes, what does not, and how often chance alone passes."""

from dataclasses import replace
from datetime import date

import pytest

from domain.market import Symbol
from domain.verdict import Conclusion
from lab.evidence.judging import Judgement, judge
from lab.evidence.rows import Evidence, Sizing, Traded
from lab.evidence.trials import Trials
from tests.lab.evidence.synthetic import SESSIONS, STAKE, Market, a_market, strategy

RESAMPLES = 200
STRATEGIES = 200
EDGE, SMALL_EDGE = 0.0060, 0.0010


@pytest.fixture(scope="module")
def market() -> Market:
    return a_market(20)


@pytest.fixture(scope="module")
def good(market: Market) -> Evidence:
    return strategy(market, 1, edge=EDGE)


def failed(found: Judgement) -> set[str]:
    return {each.name for each in found.checks if each.required and not each.holds}


@pytest.mark.slow
def test_of_200_random_strategies_at_most_one_in_twenty_passes(market: Market) -> None:
    """Once with their costs, and once as if they broke even exactly, which is harder to tell from an edge."""
    for costs in (0.0023, market.mean):
        found = [judge(strategy(market, 1_000 + number, costs=costs), RESAMPLES) for number in range(STRATEGIES)]
        passes = sum(each.conclusion is Conclusion.PASS for each in found)
        assert passes <= 0.05 * STRATEGIES


def test_an_edge_of_60_bp_passes_and_one_of_10_bp_does_not(market: Market) -> None:
    large = [judge(strategy(market, number, edge=EDGE), RESAMPLES) for number in range(3)]
    small = [judge(strategy(market, number, edge=SMALL_EDGE), RESAMPLES) for number in range(3)]

    assert [each.conclusion for each in large] == [Conclusion.PASS] * 3
    assert [each.conclusion for each in small] == [Conclusion.NO_EDGE] * 3


def test_equal_evidence_gives_an_equal_judgement(good: Evidence) -> None:
    assert judge(good, RESAMPLES) == judge(good, RESAMPLES)


def test_biased_data_never_passes(good: Evidence) -> None:
    found = judge(replace(good, biases=("the universe was chosen later",)), RESAMPLES)

    assert (found.conclusion, failed(found)) == (Conclusion.NOT_ENOUGH, {"data"})


def test_days_that_are_not_sound_never_pass(good: Evidence) -> None:
    found = judge(replace(good, unsound=1), RESAMPLES)

    assert (found.conclusion, failed(found)) == (Conclusion.NOT_ENOUGH, {"soundness"})


def test_the_same_result_is_no_proof_after_a_thousand_variants(good: Evidence) -> None:
    found = judge(replace(good, trials=Trials(1_000, 0.02)), RESAMPLES)

    assert found.conclusion is Conclusion.NOT_ENOUGH
    assert {"deflated", "record"} <= failed(found)
    assert judge(replace(good, trials=Trials(1_000)), RESAMPLES).figures["best_of_trials_sharpe"] > 0


def test_few_trades_are_not_enough_however_good(good: Evidence) -> None:
    sessions = SESSIONS[:30]
    few = [trade for trade in good.trades if trade.date in sessions]

    found = judge(replace(good, sessions=sessions, trades=tuple(few)), RESAMPLES)

    assert found.conclusion is Conclusion.NOT_ENOUGH
    assert "sample" in failed(found)


def test_without_a_trade_there_is_no_evidence() -> None:
    found = judge(Evidence(SESSIONS, (), Trials()), RESAMPLES)

    assert found.conclusion is Conclusion.NOT_ENOUGH
    assert found.figures["net_bp"] is None


def test_a_clear_loss_is_no_edge_although_the_sample_is_small(market: Market) -> None:
    sessions = SESSIONS[:25]
    losing = strategy(market, 5, costs=0.0100)
    trades = tuple(trade for trade in losing.trades if trade.date in sessions)

    assert judge(replace(losing, sessions=sessions, trades=trades), RESAMPLES).conclusion is Conclusion.NO_EDGE


def test_entries_that_are_no_better_than_random_ones_have_no_edge(good: Evidence) -> None:
    """The market rose, and everything that was bought earned as much."""
    same = tuple(replace(trade, chance=trade.own) for trade in good.trades)

    found = judge(replace(good, trades=same), RESAMPLES)

    assert (found.conclusion, failed(found)) == (Conclusion.NO_EDGE, {"random"})


def test_without_bars_nothing_passes(good: Evidence) -> None:
    blind = tuple(replace(trade, own=None, chance=None, sizing=None) for trade in good.trades)

    found = judge(replace(good, trades=blind), RESAMPLES)

    assert (found.conclusion, failed(found)) == (Conclusion.NOT_ENOUGH, {"random", "capacity"})


def of_one(good: Evidence, symbol: str = "", day: date | None = None) -> Evidence:
    """Return the same evidence with all its profit in one stock or on one day: the others break even."""
    profit = sum(trade.net for trade in good.trades)
    its = [trade for trade in good.trades if trade.symbol == symbol or trade.date == day]
    mean = profit / len(good.trades)

    def moved(trade: Traded) -> Traded:
        if trade in its:
            return replace(trade, net=trade.net + profit / len(its))
        return replace(trade, net=trade.net - mean * 1.1)

    return replace(good, trades=tuple(map(moved, good.trades)))


def test_a_profit_of_one_stock_or_one_day_does_not_pass(good: Evidence) -> None:
    assert "concentration" in failed(judge(of_one(good, symbol=Symbol("000001")), RESAMPLES))
    assert "concentration" in failed(judge(of_one(good, day=SESSIONS[50]), RESAMPLES))


def test_a_profit_of_five_trades_does_not_pass(good: Evidence) -> None:
    few = {id(trade) for trade in good.trades[7::60]}
    moved = tuple(
        replace(trade, net=STAKE * 0.6 if id(trade) in few else -STAKE * 0.001 if trade.net > 0 else trade.net)
        for trade in good.trades
    )

    assert "concentration" in failed(judge(replace(good, trades=moved), RESAMPLES))


def test_an_edge_that_has_gone_does_not_pass(good: Evidence) -> None:
    last = SESSIONS[-33:]
    gone = tuple(
        replace(trade, net=trade.net - STAKE * 0.01 if trade.date in last else trade.net + STAKE * 0.005)
        for trade in good.trades
    )

    assert "decay" in failed(judge(replace(good, trades=gone), RESAMPLES))


def test_the_size_at_which_the_edge_is_gone(good: Evidence) -> None:
    """Edge 4 % of a size, volatility 100 %: doubling the root of the size costs 2 × 1 × √0.0001 = 2 %."""
    one = Traded(SESSIONS[0], Symbol("000001"), 1e6, 4e4, sizing=Sizing(1e10, 1e9, 1.0))
    capacity = judge(Evidence(SESSIONS[:1], (one,), Trials()), RESAMPLES).figures["capacity"]

    assert capacity == {"most": 9_000_000, "used": 1_000_000, "by_impact": 9_000_000, "by_participation": 100_000_000}

    thin = tuple(replace(trade, sizing=Sizing(5e10, 4e7, 0.03)) for trade in good.trades)
    assert failed(judge(replace(good, trades=thin), RESAMPLES)) == {"capacity"}
