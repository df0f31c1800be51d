"""Performance of a set of trades."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.costs import Costs
from domain.identity import PositionId
from domain.money import Won
from domain.performance import performance
from domain.position import ClosedTrade
from tests.support.builders import NOW, a_closed_trade

results = st.lists(st.integers(-100_000, 100_000), max_size=30)


def trades_with(*net: int) -> list[ClosedTrade]:
    """Return one-share trades in closing order with these results."""
    return [
        a_closed_trade(
            500_000,
            500_000 + result,
            quantity=1,
            position_id=PositionId(f"run/{number}"),
            closed_at=NOW + timedelta(minutes=number),
        )
        for number, result in enumerate(net)
    ]


def test_wins_and_losses_are_counted_and_averaged() -> None:
    measured = performance(trades_with(300, -100, 100, -200, 0))

    assert (measured.trades, measured.wins, measured.losses) == (5, 2, 2)
    assert measured.win_rate == Decimal("0.4")
    assert (measured.average_win, measured.average_loss) == (200, 150)
    assert measured.profit_factor == Decimal("1.3333")
    assert measured.payoff_ratio == Decimal("1.3333")
    assert measured.expectancy == 20
    assert measured.largest_loss == 200


def test_the_deepest_fall_is_from_a_peak_to_the_lowest_point_after_it() -> None:
    assert performance(trades_with(500, -200, 100, -300, 600)).maximum_drawdown == 400


def test_a_day_that_starts_with_a_loss_falls_from_zero() -> None:
    assert performance(trades_with(-200, 500)).maximum_drawdown == 200


def test_without_losses_there_is_neither_profit_factor_nor_payoff_ratio() -> None:
    measured = performance(trades_with(100, 200))

    assert measured.profit_factor is None
    assert measured.payoff_ratio is None
    assert (measured.maximum_drawdown, measured.largest_loss, measured.average_loss) == (0, 0, 0)


def test_a_day_without_trades_is_all_zero() -> None:
    measured = performance([])

    assert measured.win_rate == 0
    assert (measured.trades, measured.expectancy, measured.net) == (0, 0, 0)
    assert measured.profit_factor is None


def test_a_trade_that_wins_before_and_loses_after_costs_is_a_loss() -> None:
    trade = a_closed_trade(70_000, 70_010, entry_costs=Costs(Won(98)), exit_costs=Costs(Won(98), Won(1_400)))

    measured = performance([trade])

    assert (measured.wins, measured.losses) == (0, 1)
    assert (measured.gross, measured.commission, measured.tax, measured.net) == (100, 196, 1_400, -1_496)


@given(results)
def test_the_sums_agree(net: list[int]) -> None:
    measured = performance(trades_with(*net))

    assert measured.net == sum(net) == measured.gross_profit - measured.gross_loss
    assert measured.net == measured.gross - measured.commission - measured.tax
    assert measured.wins + measured.losses <= measured.trades
    assert measured.largest_loss <= measured.maximum_drawdown <= measured.gross_loss


@given(results, st.data())
def test_the_sequence_given_does_not_matter(net: list[int], data: st.DataObject) -> None:
    trades = trades_with(*net)

    shuffled = data.draw(st.permutations(trades))

    assert performance(shuffled) == performance(trades)
