"""Whose shares the account's owner sold manually: the owner's first, ours only beyond them (F32, F33)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.market import Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder


@dataclass(frozen=True, slots=True)
class Taking:
    """Our shares sold by one order of the owner, and their proceeds in won."""

    shares: int
    brought: Won


@dataclass(frozen=True, slots=True)
class HandTrades:
    """The owner's own shares of a stock after all the owner's orders, and our shares sold by them, in sequence."""

    owns: Quantity
    takings: tuple[Taking, ...] = ()

    @property
    def taken(self) -> int:
        """Return how many of our shares were sold in all."""
        return sum(each.shares for each in self.takings)

    def brought_by(self, shares: int, after: int) -> Won | None:
        """Return the proceeds of ``shares`` taken shares after the first ``after``; None if fewer were taken."""
        if after + shares > self.taken:
            return None
        return Won(self._first(after + shares) - self._first(after))

    def _first(self, shares: int) -> int:
        brought = 0
        for each in self.takings:
            part = min(each.shares, shares)
            brought += each.brought * part // each.shares
            shares -= part
        return brought


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
            takings.append(Taking(beyond, Won(order.filled_amount * beyond // filled)))
    return HandTrades(Quantity(own), tuple(takings))
