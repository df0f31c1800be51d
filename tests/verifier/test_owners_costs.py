"""Costs of what only the account's owner traded: the simulator lists the board of each stock."""

from domain.costs import cost_rates, day_costs
from domain.market import Market, Side, Symbol
from domain.money import Price, Quantity, Won
from tests.support.builders import MONDAY
from tests.verifier.a_day import a_clean_day, a_row, after, with_broker
from verifier.books import BrokerFill, BrokerRow
from verifier.invariants import violations

AMOUNT = Won(1_000_500)
"""The tax on a sale of this amount is one won more for a KOSDAQ stock than for a KOSPI stock."""


def by_the_owner(number: int, side: Side, market: Market) -> BrokerRow:
    return a_row(
        number,
        side,
        20,
        by_hand=True,
        symbol=Symbol("086520"),
        market=market,
        quantity=Quantity(15),
        filled=Quantity(15),
        amount=AMOUNT,
        costs=day_costs(side, AMOUNT, Market.KOSDAQ, cost_rates(MONDAY)),
        fills=(BrokerFill(after(21), Price(66_700), Quantity(15)),),
    )


def found_where_the_broker_lists(market: Market) -> set[str]:
    books = a_clean_day()
    rows = [by_the_owner(11, Side.BUY, market), by_the_owner(12, Side.SELL, market)]
    cash = Won(books.broker.cash + sum(row.flow for row in rows))
    found = violations(with_broker(books, orders=(*books.broker.orders, *rows), cash=cash))
    return {name for name, each in found.items() if each}


def test_a_stock_that_no_worker_held_pays_the_tax_of_its_board() -> None:
    assert found_where_the_broker_lists(Market.KOSDAQ) == set()
    assert found_where_the_broker_lists(Market.KOSPI) == {"I4", "I8"}
