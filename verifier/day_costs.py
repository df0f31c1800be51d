"""Expected costs of the session's orders. KIS rounds once per stock, side and day, over all trades of the account."""

from collections import Counter
from collections.abc import Iterator
from functools import reduce

from domain.costs import Costs, cost_rates, day_costs
from domain.day_costs import charged
from domain.identity import PositionId
from domain.market import Market, Side, Symbol
from domain.money import Won, total
from verifier.books import Books, BrokerRow

_Traded = tuple[Symbol, Side]


def costs_of_position(books: Books, position_id: PositionId) -> Costs:
    """Return what a position's orders of the session add to the costs of their stock."""
    position = next(each for each in books.ledger.positions if each.position_id == position_id)
    orders = [order.record for order in books.ledger.orders if order.record.intent.symbol == position.symbol]
    rates = cost_rates(books.date)
    each = charged(orders, lambda _: position.market, rates.commission)
    return reduce(Costs.plus, (costs for order, costs in each if order.intent.position_id == position_id), Costs())


def expected_flow(books: Books) -> int:
    """Return the effect of the ledger's, the owner's and earlier days' orders on the broker's cash (won)."""
    earlier = total([Won(row.flow) for row in books.broker.orders if row.day != books.date])
    amounts = _amounts_of_others(books)
    for order in books.ledger.orders:
        amounts[order.record.intent.symbol, order.record.intent.side] += order.record.filled_amount
    flows = (amount if side is Side.SELL else -amount for (_, side), amount in amounts.items())
    return earlier + sum(flows) - sum(_by_rule(books, amounts).values())


def broker_differs(books: Books) -> Iterator[tuple[str, str]]:
    """Compare the broker's charge for each stock and side with the rule. Only the simulator reports it."""
    if books.broker.opening_cash is None:
        return
    amounts: Counter[_Traded] = Counter()
    booked: Counter[_Traded] = Counter()
    for row in _rows_of_today(books):
        amounts[row.symbol, row.side] += row.amount
        booked[row.symbol, row.side] += row.costs.total
    for traded, costs in _by_rule(books, amounts).items():
        if booked[traded] != costs:
            symbol, side = traded
            yield "costs that differ from KIS's rounding", f"{symbol} {side}: broker {booked[traded]}, rule {costs}"


def _by_rule(books: Books, amounts: "Counter[_Traded]") -> dict[_Traded, int]:
    markets = {each.symbol: each.market for each in books.ledger.positions}
    rates = cost_rates(books.date)
    return {
        (symbol, side): day_costs(side, Won(amount), markets.get(symbol, Market.KOSPI), rates).total
        for (symbol, side), amount in amounts.items()
    }


def _amounts_of_others(books: Books) -> "Counter[_Traded]":
    amounts: Counter[_Traded] = Counter()
    for row in _rows_of_today(books):
        if row.by_hand or (row.is_new and row.number not in books.bound):
            amounts[row.symbol, row.side] += row.amount
    return amounts


def _rows_of_today(books: Books) -> Iterator[BrokerRow]:
    return (row for row in books.broker.orders if row.day == books.date)
