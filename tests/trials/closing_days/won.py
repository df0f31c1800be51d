"""Ledger against simulator, to the won: results, open positions and the owner's orders explain the cash."""

from domain.costs import tax_rounding
from domain.market import Side
from domain.money import Won, total
from lab.won import flows_of
from simulator.krx.costs import COMMISSION_STEP
from tests.trials.closing_days.owner import owner_of
from verifier.books import Books, BrokerBook


def unexplained_won(*sessions: Books) -> int:
    """Return the cash, after sessions in a row, that neither the ledger nor the owner's orders explain.

    The ledger's part is the net result of each trade and the cost of open positions so far. Shares of ours that the
    owner sold belong to the trade once it is booked, and to the owner until then. If both traded the same stock and
    side on one day, they share its rounding, which does not count as a difference.
    """
    broker, owner = sessions[-1].broker, owner_of(sessions[-1].broker)
    trades = [trade for books in sessions for trade in books.ledger.trades]
    booked = {trade.position_id for trade in trades}
    positions = {each.position_id: each for books in sessions for each in books.ledger.positions}
    open_now = {key: each for key, each in positions.items() if key not in booked}
    symbols = {each.symbol for each in open_now.values() if each.quantity}
    adjustments = [*owner.own, *(flow for flow in owner.for_us if flow.symbol in symbols)]
    ledger = total([trade.net_pnl for trade in trades]) + sum(flow.won for flow in adjustments)
    ledger += sum(won for position_id, won in flows_of(*sessions) if position_id in open_now)
    difference = broker.cash - (broker.opening_cash or Won(0)) - ledger
    return 0 if abs(difference) <= _shared_rounding(broker) else difference


def _shared_rounding(broker: BrokerBook) -> int:
    traded = {
        by_hand: {(row.day, row.symbol, row.side) for row in broker.orders if row.filled and row.by_hand is by_hand}
        for by_hand in (True, False)
    }
    both = traded[True] & traded[False]
    return sum(COMMISSION_STEP + tax_rounding(sold=side is Side.SELL) for _, _, side in both)
