"""What each order adds to its day's costs, which KIS charges per stock and side; what orders of others add."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.costs import COMMISSION_STEP, Costs, added_costs, cost_rates, tax_rounding
from domain.market import Market, Side, Symbol
from domain.money import Rate, Won
from domain.order import BrokerOrder, OrderRecord
from domain.session import SessionDate

MarketOf = Callable[[Symbol], Market]
Charged = Iterator[tuple[OrderRecord, Costs]]


class StockSide(NamedTuple):
    """The unit that KIS rounds: the purchases, or the sales, of one stock on one KST date."""

    date: SessionDate
    symbol: Symbol
    side: Side


@dataclass(frozen=True, slots=True)
class Brought:
    """Proceeds (won) of others' sales of our shares on one KST date, before costs."""

    date: SessionDate
    won: Won


def by_day(parts: Iterable[Brought]) -> tuple[Brought, ...]:
    """Add up proceeds by date, oldest first."""
    days: Counter[SessionDate] = Counter()
    for each in parts:
        days[each.date] += each.won
    return tuple(Brought(date, Won(won)) for date, won in sorted(days.items()) if won)


def dated(total: Won, known: Iterable[Brought], otherwise: SessionDate) -> tuple[Brought, ...]:
    """Return the days of ``total`` won: the known ones, oldest first, and ``otherwise`` for the rest."""
    parts, rest = list[Brought](), total
    for each in by_day(known):
        parts.append(Brought(each.date, min(each.won, rest)))
        rest = Won(rest - parts[-1].won)
    return by_day([*parts, Brought(otherwise, rest)])


def charged(orders: Iterable[OrderRecord], market_of: MarketOf, commission: Rate) -> Charged:
    """Return what each order adds to the costs of its stock, side and day.

    ``orders`` are all of the ledger's orders for these days and stocks, in its sequence. The sum per stock and side is
    then the amount that KIS charges. An order that fills late changes the share of later orders.
    """
    before: Counter[StockSide] = Counter()
    for order in orders:
        traded, amount = _of_ours(order), order.filled_amount
        rates = cost_rates(traded.date, commission)
        yield order, added_costs(traded.side, Won(before[traded]), amount, market_of(traded.symbol), rates)
        before[traded] += amount


def added_by_others(
    own: Iterable[OrderRecord], others: Sequence[BrokerOrder], market_of: MarketOf, commission: Rate
) -> dict[StockSide, Costs]:
    """Return what orders that are not ours add to the costs: one rounding of the commission covers both."""
    ours: Counter[StockSide] = Counter()
    theirs: Counter[StockSide] = Counter()
    for order in own:
        ours[_of_ours(order)] += order.filled_amount
    for row in others:
        theirs[_of_others(row)] += row.filled_amount
    return {
        traded: added_costs(
            traded.side,
            Won(ours[traded]),
            Won(amount),
            market_of(traded.symbol),
            cost_rates(traded.date, commission),
        )
        for traded, amount in theirs.items()
        if amount
    }


def rounding(own: Iterable[OrderRecord], others: Iterable[BrokerOrder]) -> Won:
    """Return the difference (won) between the broker's costs and the rule that rounding alone can explain."""
    traded = {_of_ours(order) for order in own if order.filled_amount}
    traded |= {_of_others(row) for row in others if row.filled_amount}
    return Won(sum(COMMISSION_STEP + tax_rounding(sold=each.side is Side.SELL) for each in traded))


def _of_ours(order: OrderRecord) -> StockSide:
    return StockSide(order.intent.session_date, order.intent.symbol, order.intent.side)


def _of_others(row: BrokerOrder) -> StockSide:
    return StockSide(row.ref.order_date, row.symbol, row.side)
