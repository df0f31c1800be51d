"""Ledger against simulator, to the won: results, open positions and the owner's orders make up the cash."""

from domain.cash import cash_moved
from domain.costs import BANKIS_COMMISSION
from domain.money import Won, total
from tests.closing_days.owner import owner_of
from verifier.books import Books


def unexplained_won(*sessions: Books) -> int:
    """Return how much more the account has, after sessions in a row, than the ledger and the owner's orders say.

    The ledger's part is the net result of each trade and what open positions have cost so far. Shares of ours that the
    owner sold belong to the trade once it is booked, and to him until then.
    """
    broker, owner = sessions[-1].broker, owner_of(sessions[-1].broker)
    trades = [trade for books in sessions for trade in books.ledger.trades]
    booked = {trade.position_id for trade in trades}
    positions = {each.position_id: each for books in sessions for each in books.ledger.positions}
    open_now = {key: each for key, each in positions.items() if key not in booked}
    orders = [order.record for books in sessions for order in books.ledger.orders]
    spent = cash_moved(
        [each for each in orders if each.intent.position_id in open_now],
        {key: each.market for key, each in open_now.items()},
        (),
        BANKIS_COMMISSION,
    ).own
    symbols = {each.symbol for each in open_now.values() if each.quantity}
    adjustments = [*owner.own, *(flow for flow in owner.for_us if flow.symbol in symbols)]
    ledger = total([trade.net_pnl for trade in trades]) + spent + sum(flow.won for flow in adjustments)
    return broker.cash - (broker.opening_cash or Won(0)) - ledger
