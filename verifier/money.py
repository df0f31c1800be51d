"""I4 and I8: the books match the broker's share for share, and every won of PnL traces to fills and rates."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from database.audit import AuditedOrder, BookedPosition, SoldLater
from domain.costs import Costs
from domain.identity import PositionId
from domain.market import Side, Symbol
from domain.money import total
from domain.order import OrderStatus
from domain.position import ClosedTrade, ExitReason, PositionStatus
from domain.summary import FLEET, DailySummary
from verifier.books import Books, Violation
from verifier.day_costs import broker_differs, costs_of_position, expected_flow
from verifier.named import Named, named_in


def books_are_the_brokers(books: Books) -> tuple[Violation, ...]:
    """I4: orders, holdings and cash match the broker's, or an event reports the symbol's problem."""
    named, doubted = named_in(books), books.broker.in_doubt
    differences = (*_orders_differ(books, named), *_holdings_differ(books, named))
    return (
        *(Violation("I4", what, evidence) for symbol, what, evidence in differences if symbol not in doubted),
        *(Violation("I4", what, evidence) for what, evidence in _cash_differs(books)),
    )


def _orders_differ(books: Books, named: Named) -> Iterator[tuple[Symbol, str, str]]:
    for number, order in books.bound.items():
        row, record = books.row_of.get(number), order.record
        if row is None:
            continue
        ours, theirs = (record.filled_quantity, record.filled_amount), (row.filled, row.amount)
        unbooked = (record.intent.intent_id, row.filled) in named.unbooked
        if ours != theirs and not record.provisional and not unbooked:
            yield row.symbol, "fills differ from the broker's", f"{number}: ledger {ours}, broker {theirs}"
        intent = record.intent
        if (intent.symbol, intent.side, intent.quantity) != (row.symbol, row.side, row.quantity):
            yield (
                row.symbol,
                "another order than intended",
                f"{number}: {intent.side} {intent.symbol} ×{intent.quantity}",
            )
        if books.is_over and record.is_active and not row.remaining:
            yield row.symbol, "an order that has ended is active in the ledger", f"{number} is {record.status}"
    for order in books.ledger.orders:
        intent = order.record.intent
        if books.is_over and order.record.is_active and order.record.ref is None and not named.quarantines(intent):
            yield intent.symbol, "an order left unresolved", f"{intent.intent_id} is {order.record.status}"


def _holdings_differ(books: Books, named: Named) -> Iterator[tuple[Symbol, str, str]]:
    if not books.broker.shows_holdings:
        return
    expected = Counter(owners_shares(books))
    for position in books.ledger.positions:
        expected[position.symbol] += position.quantity
    for symbol in sorted(expected.keys() | books.broker.holdings.keys()):
        theirs = books.broker.holdings.get(symbol, 0)
        if not named.explains(symbol, theirs - expected[symbol]):
            yield symbol, "holdings differ from the broker's", f"{symbol}: expected {expected[symbol]}, broker {theirs}"


def owners_shares(books: Books) -> dict[Symbol, int]:
    """Return the owner's earlier holdings plus the owner's own orders, without the owner's sales of our shares."""
    shares: defaultdict[Symbol, int] = defaultdict(int, books.broker.owned_before)
    for row in books.broker.orders:
        if row.by_hand:
            shares[row.symbol] += row.filled if row.side is Side.BUY else -row.filled
    if books.broker.lists_all_days:
        for symbol, sold in books.ledger.sold_by_others_before.items():
            shares[symbol] += sold
    for position in books.ledger.positions:
        if books.broker.lists_all_days or position.taken_on == books.date:
            shares[position.symbol] += position.taken
    for trade in books.ledger.trades:
        shares[trade.symbol] += _sold_elsewhere(books, trade)
    return dict(shares)


def _sold_elsewhere(books: Books, trade: ClosedTrade) -> int:
    """Return the shares of a trade that the owner sold and that left our books only with it."""
    if trade.exit_reason is not ExitReason.FOREIGN_SALE:
        return 0
    sold = sum(order.record.filled_quantity for order in _orders_of(books, trade.position_id, Side.SELL))
    before = sum(each.taken for each in books.ledger.positions if each.position_id == trade.position_id)
    return trade.quantity - sold - before


def _cash_differs(books: Books) -> Iterator[tuple[str, str]]:
    if books.broker.opening_cash is None or any(order.record.provisional for order in books.ledger.orders):
        return
    expected = books.broker.opening_cash + expected_flow(books)
    if expected != books.broker.cash:
        evidence = f"the broker has {books.broker.cash - expected:+,} won more than our orders explain"
        yield "cash differs from the broker's", evidence


def every_won_traces(books: Books) -> tuple[Violation, ...]:
    """I8: fills add up to orders, orders to positions and trades, trades to summaries; costs match the broker's."""
    sums = (*_fills_add_up(books), *_positions_add_up(books), *_trades_add_up(books), *_summaries_add_up(books))
    found = (*sums, *broker_differs(books))
    return tuple(Violation("I8", what, evidence) for what, evidence in found)


def _fills_add_up(books: Books) -> Iterator[tuple[str, str]]:
    shares: Counter[str] = Counter()
    won: Counter[str] = Counter()
    for fill in books.ledger.fills:
        shares[fill.intent_id] += fill.quantity
        won[fill.intent_id] += fill.amount
    for order in books.ledger.orders:
        key, record = order.record.intent.intent_id, order.record
        if (shares[key], won[key]) != (record.filled_quantity, record.filled_amount):
            fills, said = (shares[key], won[key]), (record.filled_quantity, record.filled_amount)
            yield "an order that is not the sum of its fills", f"{key}: fills {fills}, order {said}"


def _positions_add_up(books: Books) -> Iterator[tuple[str, str]]:
    booked = {trade.position_id for trade in books.ledger.trades}
    for position in books.ledger.positions:
        if position.session_date != books.date:
            continue
        bought = _sum(_orders_of(books, position.position_id, Side.BUY))
        sold = _sum(_orders_of(books, position.position_id, Side.SELL))
        if bought != (position.bought, position.cost):
            yield "a position that is not the sum of its buys", f"{position.position_id}: {bought}, {_said(position)}"
        if sold != (position.sold - position.taken, position.proceeds) and position.position_id not in booked:
            yield "a position that is not the sum of its sales", f"{position.position_id}: {sold}, {_said(position)}"
        if position.bought and not position.quantity and position.position_id not in booked and books.is_over:
            yield "a sold position without a trade", _said(position)


def _trades_add_up(books: Books) -> Iterator[tuple[str, str]]:
    living = {each.position_id for each in books.ledger.positions if each.status is not PositionStatus.CLOSED}
    for trade in books.ledger.trades:
        buys, sales = (_orders_of(books, trade.position_id, side) for side in (Side.BUY, Side.SELL))
        if trade.exit_reason is ExitReason.FOREIGN_SALE or not buys:
            continue
        later = books.ledger.sold_later.get(trade.position_id, SoldLater())
        bought = (trade.quantity + later.quantity, trade.entry_amount + later.amount)
        # Late shares that are not sold yet join the trade with their sale.
        expected = (*(bought if trade.position_id in living else _sum(buys)), *_sum(sales))
        said = (*bought, trade.quantity, trade.exit_amount)
        if expected != said:
            yield "a trade that is not the sum of its orders", f"{trade.position_id}: orders {expected}, trade {said}"
        charged, booked = _charged(books, trade.position_id, (*buys, *sales)), trade.costs.plus(later.entry_costs)
        if charged not in (None, booked) and trade.position_id not in living:
            yield "costs that are not the broker's", f"{trade.position_id}: broker {charged}, trade {booked}"


def _charged(books: Books, position_id: PositionId, orders: Sequence[AuditedOrder]) -> Costs | None:
    """Return a position's share of the broker's charges; None if the broker does not report them."""
    numbers = {order.record.ref.number for order in orders if order.record.ref is not None}
    if books.broker.opening_cash is None or not numbers <= books.row_of.keys():
        return None
    return costs_of_position(books, position_id)


def _summaries_add_up(books: Books) -> Iterator[tuple[str, str]]:
    for summary in books.ledger.summaries:
        trades = [trade for trade in books.ledger.trades if summary.scope in (FLEET, trade.worker_id)]
        expected = (len(trades), total([trade.net_pnl for trade in trades]))
        if expected != (summary.performance.trades, summary.performance.net):
            yield "a summary that is not the sum of its trades", f"{summary.scope}: {expected}, {_summed(summary)}"


def _orders_of(books: Books, position_id: PositionId, side: Side) -> tuple[AuditedOrder, ...]:
    intents = (order for order in books.ledger.orders if order.record.status is not OrderStatus.DENIED)
    return tuple(
        order for order in intents if (order.record.intent.position_id, order.record.intent.side) == (position_id, side)
    )


def _sum(orders: Sequence[AuditedOrder]) -> tuple[int, int]:
    return sum(each.record.filled_quantity for each in orders), sum(each.record.filled_amount for each in orders)


def _said(position: BookedPosition) -> str:
    return (
        f"{position.position_id} {position.symbol} {position.status}: bought {position.bought} for {position.cost}, "
        f"sold {position.sold} for {position.proceeds}"
    )


def _summed(summary: DailySummary) -> tuple[int, int]:
    return summary.performance.trades, summary.performance.net
