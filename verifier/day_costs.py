"""Expected costs of the session's orders. KIS rounds once per stock, side and day, over all trades of the account.

The rule is the simulator's own, not the ledger's: a wrong rate in `domain/costs.py` shows up as a difference.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.costs import Costs
from domain.identity import PositionId
from domain.market import Market, Side, Symbol
from domain.money import Won, total
from simulator.krx.costs import added_costs, charged
from simulator.krx.units import Market as Board
from simulator.krx.units import Side as Way
from verifier.books import Books, BrokerRow

_Traded = tuple[Symbol, Side]


def costs_of_position(books: Books, position_id: PositionId) -> Costs:
    """Return what a position's orders of the session add to the costs of their stock."""
    position = next(each for each in books.ledger.positions if each.position_id == position_id)
    orders = [order.record for order in books.ledger.orders if order.record.intent.symbol == position.symbol]
    before: Counter[tuple[date, Side]] = Counter()
    found = Costs()
    for order in orders:
        day, side = order.intent.session_date, order.intent.side
        added = added_costs(Way(side), Board(position.market), day, before[day, side], order.filled_amount)
        before[day, side] += order.filled_amount
        if order.intent.position_id == position_id:
            found = found.plus(Costs(Won(added.commission), Won(added.tax)))
    return found


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
    markets = {row.symbol: row.market for row in books.broker.orders if row.market is not None}
    markets |= {each.symbol: each.market for each in books.ledger.positions}
    return {
        (symbol, side): charged(Way(side), Board(markets.get(symbol, Market.KOSPI)), books.date, amount).total
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
