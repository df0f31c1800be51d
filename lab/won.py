"""The broker's cash against our ledger, to the won."""

from domain.costs import BANKIS_COMMISSION
from domain.day_costs import charged
from domain.identity import PositionId
from domain.market import Market, Side
from domain.money import Won, total
from verifier.books import Books


def flows_of(*sessions: Books) -> list[tuple[PositionId, int]]:
    """Return the cash flow of each of our orders, with its position."""
    orders = [order.record for books in sessions for order in books.ledger.orders]
    boards = {each.symbol: each.market for books in sessions for each in books.ledger.positions}
    return [
        (order.intent.position_id, _signed(order.intent.side, order.filled_amount) - costs.total)
        for order, costs in charged(orders, lambda symbol: boards.get(symbol, Market.KOSPI), BANKIS_COMMISSION)
    ]


def unexplained_won(books: Books) -> int:
    """Return the cash that the ledger's trades and open positions do not explain."""
    trades = books.ledger.trades
    booked = {trade.position_id for trade in trades}
    ledger = total([trade.net_pnl for trade in trades])
    ledger_of_open = sum(won for position_id, won in flows_of(books) if position_id not in booked)
    return books.broker.cash - (books.broker.opening_cash or Won(0)) - ledger - ledger_of_open


def _signed(side: Side, amount: Won) -> int:
    return amount if side is Side.SELL else -amount
