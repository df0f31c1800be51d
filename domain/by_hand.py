"""Whose shares the account's owner sold manually: the owner's first, ours only beyond them (F32, F33)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.day_costs import Brought, by_day
from domain.market import Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class Taking:
    """Our shares sold by one order of the owner, their proceeds in won, and the KST date of the order."""

    shares: int
    brought: Won
    date: SessionDate


@dataclass(frozen=True, slots=True)
class HandTrades:
    """The owner's own shares of a stock after all the owner's orders, and our shares sold by them, in sequence."""

    owns: Quantity
    takings: tuple[Taking, ...] = ()

    @property
    def taken(self) -> int:
        """Return how many of our shares were sold in all."""
        return sum(each.shares for each in self.takings)

    def brought_by(self, shares: int, after: int) -> tuple[Brought, ...] | None:
        """Return the proceeds of ``shares`` taken shares after the first ``after``; None if fewer were taken."""
        if after + shares > self.taken:
            return None
        return by_day(self._between(after, after + shares))

    def _between(self, first: int, last: int) -> Iterator[Brought]:
        for each in self.takings:
            skipped, reached = (min(max(shares, 0), each.shares) for shares in (first, last))
            won = each.brought * reached // each.shares - each.brought * skipped // each.shares
            yield Brought(each.date, Won(won))
            first, last = first - each.shares, last - each.shares


def hand_trades(orders: Iterable[BrokerOrder], before: int, ours_since: datetime) -> HandTrades:
    """Apply the owner's orders of a stock in placement order; the owner held ``before`` shares at the start.

    A broker reserves the shares of a sale when it is placed, so later purchases of the owner never cover an earlier
    sale. A sale from before we held any (market time, UTC; the broker stamps whole seconds) took none of ours.
    """
    own, takings, since = before, list[Taking](), ours_since.replace(microsecond=0)
    for order in sorted(orders, key=lambda each: (each.ordered_at, each.ref.number)):
        filled = order.filled_quantity
        if order.side is Side.BUY:
            own += filled
            continue
        beyond = max(filled - own, 0)
        own = max(own - filled, 0)
        if beyond and order.ordered_at >= since:
            takings.append(Taking(beyond, Won(order.filled_amount * beyond // filled), order.ref.order_date))
    return HandTrades(Quantity(own), tuple(takings))


def averaged(sales: Sequence[BrokerOrder], shares: int) -> tuple[Brought, ...]:
    """Return the average proceeds of shares that cannot be matched to a single sale, on the days of all the sales."""
    sold, amount, parts = sum(row.filled_quantity for row in sales), 0, list[Brought]()
    for row in sales:
        before, amount = amount, amount + row.filled_amount
        parts.append(Brought(row.ref.order_date, Won(amount * shares // sold - before * shares // sold)))
    return by_day(parts)
