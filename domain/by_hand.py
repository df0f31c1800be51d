"""Whose shares the account's owner has sold by hand: his own first, and ours where he had none (F32, F33)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.market import Side
from domain.money import Quantity, Won
from domain.order import BrokerOrder


@dataclass(frozen=True, slots=True)
class Taking:
    """Shares of ours that one order of the owner's has sold, and what they brought in won."""

    shares: int
    brought: Won


@dataclass(frozen=True, slots=True)
class HandTrades:
    """The owner's own shares of a stock after all his orders, and what his sales took of ours, in their sequence."""

    owns: Quantity
    takings: tuple[Taking, ...] = ()

    @property
    def taken(self) -> int:
        """Return how many shares of ours were sold in all."""
        return sum(each.shares for each in self.takings)

    def brought_by(self, shares: int, after: int) -> Won | None:
        """Return what some of the taken shares brought, those before them left out; None for more than were taken."""
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


def told_apart(orders: Iterable[BrokerOrder], before: int, ours_since: datetime) -> HandTrades:
    """Follow the owner's orders of a stock, of which he held so many shares ``before``, as they were placed.

    A broker sets the shares of a sale aside when it is placed, so that what the owner buys later is never what he sold.
    A sale from before we held any (market time, UTC; the broker stamps whole seconds) took none of ours.
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
