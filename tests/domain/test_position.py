"""The value of a position while it is held, and its result when closed."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.costs import Costs
from domain.money import Price, Won
from tests.support.builders import NOW, a_closed_trade, an_open_position

prices = st.integers(1, 2_000_000)


def test_the_entry_price_is_cost_by_quantity() -> None:
    assert an_open_position(quantity=3, cost=Won(100)).entry_price == Decimal(100) / 3


def test_unrealised_pnl_follows_the_last_price() -> None:
    assert an_open_position(quantity=10, price=70_000, last_price=Price(69_000)).unrealised_pnl == -10_000


def test_a_position_is_held_from_its_first_fill() -> None:
    assert an_open_position().held_for(NOW) == timedelta(minutes=10)


def test_net_is_gross_less_the_costs_of_both_sides() -> None:
    trade = a_closed_trade(70_000, 71_000, entry_costs=Costs(Won(98)), exit_costs=Costs(Won(99), Won(1_420)))

    assert trade.gross_pnl == 10_000
    assert trade.costs == Costs(Won(197), Won(1_420))
    assert trade.net_pnl == 8_383


def test_slippage_is_positive_where_fills_were_worse_than_decided() -> None:
    trade = a_closed_trade(70_100, 70_900, entry_decision_price=Price(70_000), exit_decision_price=Price(71_000))

    assert trade.exit_slippage == 1_000
    assert trade.slippage == 2_000
    assert trade.held_for == timedelta(minutes=10)


@given(decided_in=prices, paid=prices, decided_out=prices, got=prices, quantity=st.integers(1, 10_000))
def test_gross_pnl_and_slippage_make_up_what_was_decided(
    decided_in: int, paid: int, decided_out: int, got: int, quantity: int
) -> None:
    trade = a_closed_trade(
        paid, got, quantity, entry_decision_price=Price(decided_in), exit_decision_price=Price(decided_out)
    )

    assert trade.gross_pnl + trade.slippage == (decided_out - decided_in) * quantity
