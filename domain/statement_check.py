"""Compare the broker's profit and loss with ours, line by line: each difference is named or unexplained (F54)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final

from domain.cash import COMMISSION_DOUBT
from domain.costs import COMMISSION_STEP, Costs, tax_rounding
from domain.day_costs import MarketOf, added_by_others, charged
from domain.identity import PositionId
from domain.market import Market, Side, Symbol
from domain.money import NO_WON, Won, portion
from domain.order import OrderRecord
from domain.position import ClosedTrade, ExitReason
from domain.statement import WHOLE_ACCOUNT, BookedDay, Figure, Held, Line, Name, Stated, StatedStock

_COST_ROUNDING: Final = 10
"""Won per sale by which an average cost, rounded down at each fill, may differ if only some shares were sold."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Totals of orders of one stock, ours or the others'; won."""

    bought: Won = NO_WON
    sold: Won = NO_WON
    costs: Costs = field(default_factory=Costs)
    orders: int = 0
    sales: int = 0

    def plus(self, side: Side, amount: Won, costs: Costs) -> "_Side":
        """Add an order."""
        sells = side is Side.SELL
        return _Side(
            bought=Won(self.bought + (0 if sells else amount)),
            sold=Won(self.sold + (amount if sells else 0)),
            costs=self.costs.plus(costs),
            orders=self.orders + bool(amount),
            sales=self.sales + (sells and bool(amount)),
        )


@dataclass(frozen=True, slots=True)
class _Rounding:
    """Possible rounding difference (won) of a stock's costs: rounding is per stock, side and day."""

    commission: Won
    tax: Won

    @property
    def total(self) -> Won:
        """Return both together."""
        return Won(self.commission + self.tax)


def _rounding(ours: _Side, others: _Side) -> _Rounding:
    bought, sold = bool(ours.bought or others.bought), bool(ours.sold or others.sold)
    return _Rounding(Won(COMMISSION_STEP * (bought + sold)), tax_rounding(sold=sold))


def compared(booked: BookedDay, stated: Stated) -> tuple[Line, ...]:
    """Return every line of every stock in either book, by symbol, then those of the whole account."""
    symbols = {order.intent.symbol for order in booked.orders if order.filled_quantity}
    symbols |= {order.symbol for order in booked.foreign if order.filled_quantity} | set(stated.stocks)
    symbols |= {trade.symbol for trade in booked.trades}
    lines = [line for symbol in sorted(symbols) for line in _of_stock(symbol, booked, stated)]
    return (*lines, *_of_account(lines, stated))


def _of_stock(symbol: Symbol, booked: BookedDay, stated: Stated) -> Iterable[Line]:
    ours, others = _ours(symbol, booked), _others(symbol, booked)
    theirs = stated.stocks.get(symbol, StatedStock())
    rounding = _rounding(ours, others)
    traded = Won(ours.bought + ours.sold + others.bought + others.sold)
    rate = portion(traded, COMMISSION_DOUBT)
    yield _line(symbol, Figure.BOUGHT, ours.bought, theirs.bought, others.bought)
    yield _line(symbol, Figure.SOLD, ours.sold, theirs.sold, others.sold)
    paid, by_others = ours.costs, others.costs
    yield _line(
        symbol, Figure.COMMISSION, paid.commission, theirs.commission, by_others.commission, rounding.commission, rate
    )
    yield _line(symbol, Figure.TAX, paid.tax, theirs.tax, by_others.tax, rounding.tax)
    yield _realised(symbol, booked, theirs)


def _line(  # noqa: PLR0913, PLR0917 both books, foreign orders and the rounding limits
    symbol: Symbol, figure: Figure, ledger: Won, broker: Won, foreign: Won, rounding: Won = NO_WON, rate: Won = NO_WON
) -> Line:
    named = {Name.FOREIGN_TRADES.value: foreign} if foreign else {}
    rest = Won(broker - ledger - foreign)
    if rest and abs(rest) <= rounding:
        named[Name.ROUNDING.value] = rest
    elif rest and abs(rest) <= rounding + rate:
        named[Name.COMMISSION_RATE.value] = rest
    return Line(symbol, figure, ledger, broker, named)


def _realised(symbol: Symbol, booked: BookedDay, theirs: StatedStock) -> Line:
    """Compare a stock's realised profit: the broker's is by day and average cost, ours by trade."""
    ours, others = _ours(symbol, booked), _others(symbol, booked)
    ledger = Won(sum(trade.net_pnl for trade in booked.trades if trade.symbol == symbol))
    line = Line(symbol, Figure.REALISED, ledger, theirs.realised)
    rounding = _rounding(ours, others).total
    if _is_whole(symbol, booked, theirs):
        by_others = Won(others.sold - others.bought - others.costs.total - _brought(symbol, booked))
        return _with_rest(line, {Name.FOREIGN_TRADES: by_others}, theirs, rounding)
    carried = _carried(symbol, booked)
    if others.orders or booked.owned_before.get(symbol):
        rest = Won(line.difference - carried)
        return _with_rest(line, {Name.CARRIED: carried, Name.OWNERS_COST: rest}, theirs, 0)
    return _with_rest(line, {Name.CARRIED: carried}, theirs, rounding + _COST_ROUNDING * ours.sales)


def _is_whole(symbol: Symbol, booked: BookedDay, theirs: StatedStock) -> bool:
    """Return whether the day started and ended without a share of the stock, so that no other day's cost counts."""
    carried = any(each.symbol == symbol and each.opened_on < booked.date for each in booked.positions)
    return not carried and not booked.owned_before.get(symbol) and theirs.bought_quantity == theirs.sold_quantity


def _brought(symbol: Symbol, booked: BookedDay) -> Won:
    """Return the net proceeds of the owner's sales of our shares, as booked in the day's trades."""
    foreign = (trade for trade in booked.trades if trade.exit_reason is ExitReason.FOREIGN_SALE)
    return Won(sum(_brought_to(trade, booked) for trade in foreign if trade.symbol == symbol))


def _brought_to(trade: ClosedTrade, booked: BookedDay) -> int:
    own = _added_up(trade.symbol, booked, trade.position_id)
    costs = trade.entry_costs.plus(trade.exit_costs).total - own.costs.total
    return trade.exit_amount - own.sold - costs


def _carried(symbol: Symbol, booked: BookedDay) -> Won:
    """Return what positions held overnight add to the broker's day and not to ours.

    A position bought and sold within the day is in our trades with all of its profit, so a missing trade gets no name
    here.
    """
    crossing = [each for each in booked.positions if each.symbol == symbol and _crosses_a_night(each, booked)]
    names = {each.position_id for each in crossing}
    booked_as = sum(trade.net_pnl for trade in booked.trades if trade.position_id in names)
    return Won(sum(_of_the_day(each, booked) for each in crossing) - booked_as)


def _crosses_a_night(position: Held, booked: BookedDay) -> bool:
    shares = _shares(position.position_id, booked)
    return position.opened_on < booked.date or shares[Side.BUY] != shares[Side.SELL]


def _of_the_day(position: Held, booked: BookedDay) -> int:
    """Return a position's sales minus their average cost and minus the costs of the day's orders, in won."""
    own = _added_up(position.symbol, booked, position.position_id)
    sold = _shares(position.position_id, booked)[Side.SELL]
    cost = position.cost * sold // position.bought if position.bought else 0
    return own.sold - cost - own.costs.total


def _shares(position_id: PositionId, booked: BookedDay) -> dict[Side, int]:
    own = [order for order in booked.orders if order.intent.position_id == position_id]
    return {side: sum(order.filled_quantity for order in own if order.intent.side is side) for side in Side}


def _with_rest(line: Line, names: Mapping[Name, Won], theirs: StatedStock, rounding: int) -> Line:
    named = {name.value: won for name, won in names.items() if won}
    rest = Won(line.difference - sum(named.values()))
    if rest and rest == theirs.commission + theirs.tax:
        named[Name.COSTS_LEFT_OUT.value] = rest
    elif rest and rest == -theirs.interest:
        named[Name.INTEREST.value] = rest
    elif rest and abs(rest) <= rounding:
        named[Name.ROUNDING.value] = rest
    return Line(line.symbol, line.figure, line.ledger, line.broker, named)


def _of_account(lines: Sequence[Line], stated: Stated) -> Iterable[Line]:
    day = stated.day
    figures = {
        Figure.BOUGHT: day.bought,
        Figure.SOLD: day.sold,
        Figure.COMMISSION: day.commission,
        Figure.TAX: day.tax,
        Figure.REALISED: day.realised,
    }
    for figure, broker in figures.items():
        yield _summed(lines, figure, figure, broker)
    if stated.today is not None:
        yield _summed(lines, Figure.REALISED, Figure.REALISED_TODAY, stated.today)


def _summed(lines: Sequence[Line], of: Figure, shown_as: Figure, broker: Won) -> Line:
    """Add up a figure of all stocks; an unexplained rest means that the statement contradicts itself."""
    own = [line for line in lines if line.figure is of]
    named: dict[str, Won] = {}
    for line in own:
        for name, won in line.named.items():
            named[name] = Won(named.get(name, 0) + won)
    if unexplained := sum(line.unexplained for line in own):
        named[Name.STOCKS.value] = Won(unexplained)
    ledger = Won(sum(line.ledger for line in own))
    return Line(WHOLE_ACCOUNT, shown_as, ledger, broker, {name: won for name, won in named.items() if won})


def _ours(symbol: Symbol, booked: BookedDay) -> _Side:
    return _added_up(symbol, booked)


def _added_up(symbol: Symbol, booked: BookedDay, position_id: PositionId | None = None) -> _Side:
    """Add up our orders of a stock, or of one position in it."""
    added = _Side()
    for order, costs in charged(_orders_of(symbol, booked), _market_of(booked), booked.commission):
        if position_id in {None, order.intent.position_id}:
            added = added.plus(order.intent.side, order.filled_amount, costs)
    return added


def _others(symbol: Symbol, booked: BookedDay) -> _Side:
    foreign, added = [order for order in booked.foreign if order.symbol == symbol], _Side()
    for order in foreign:
        added = added.plus(order.side, order.filled_amount, Costs())
    together = added_by_others(_orders_of(symbol, booked), foreign, _market_of(booked), booked.commission)
    return replace(added, costs=reduce(Costs.plus, together.values(), Costs()))


def _orders_of(symbol: Symbol, booked: BookedDay) -> list[OrderRecord]:
    return [order for order in booked.orders if order.intent.symbol == symbol]


def _market_of(booked: BookedDay) -> MarketOf:
    markets = {each.symbol: each.market for each in booked.positions}
    return lambda symbol: markets.get(symbol, Market.KOSPI)
