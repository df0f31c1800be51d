"""Who owns the shares after a session: us, the account owner, or no known owner."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.market import Side, Symbol
from domain.money import NO_SHARES, Quantity
from domain.order import BrokerOrder, OrderIntent, OrderRecord, OrderStatus
from domain.reconciliation import could_be_the_order_of, is_no_older
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class ByHand:
    """Shares of one stock that the account's owner bought and sold by orders of a session that are not ours."""

    bought: int = 0
    sold: int = 0


NOTHING_BY_HAND = ByHand()


@dataclass(frozen=True, slots=True)
class Believed:
    """What we know of an account's shares, by stock.

    ``held`` are our live positions. ``taken`` are our shares that the owner sold in the session and our books released.
    ``before`` are the owner's shares before the session. ``by_hand`` are the changes by the owner's own orders since.
    """

    held: Mapping[Symbol, Quantity]
    taken: Mapping[Symbol, Quantity]
    before: Mapping[Symbol, Quantity]
    by_hand: Mapping[Symbol, ByHand]


@dataclass(frozen=True, slots=True)
class HeldShares:
    """One stock at the broker, in three parts (shares); ``unexplained`` may be ours."""

    symbol: Symbol
    ours: Quantity
    owners: Quantity
    unexplained: Quantity

    @property
    def broker(self) -> Quantity:
        """Return all shares that the broker shows."""
        return Quantity(self.ours + self.owners + self.unexplained)


@dataclass(frozen=True, slots=True)
class Proven:
    """The result of a session's close at a market instant (UTC).

    ``flat`` concerns our shares: no live position, none of the ``open_orders``, no unexplained share.
    """

    session_date: SessionDate
    flat: bool
    open_orders: int
    at: datetime


def split(holdings: Mapping[Symbol, Quantity], believed: Believed) -> tuple[HeldShares, ...]:
    """Split every holding at the broker by owner, ordered by symbol.

    The owner's shares are at most those held before the session and bought manually since. Our shares that our books
    released count as the owner's only as far as the owner's listed sales prove them. Otherwise a forgotten position
    would be attributed to the owner.
    """
    return tuple(_split(symbol, holdings[symbol], believed) for symbol in sorted(holdings) if holdings[symbol])


def _split(symbol: Symbol, shown: Quantity, believed: Believed) -> HeldShares:
    ours = min(shown, believed.held.get(symbol, NO_SHARES))
    known = believed.before.get(symbol, NO_SHARES) + change_by_hand(symbol, believed.by_hand, believed.taken)
    owners = min(shown - ours, max(known, 0))
    return HeldShares(symbol, Quantity(ours), Quantity(owners), Quantity(shown - ours - owners))


def change_by_hand(symbol: Symbol, by_hand: Mapping[Symbol, ByHand], taken: Mapping[Symbol, Quantity]) -> int:
    """Return by how much the session has changed the owner's own shares of a stock."""
    theirs = by_hand.get(symbol, NOTHING_BY_HAND)
    return theirs.bought - theirs.sold + min(taken.get(symbol, NO_SHARES), theirs.sold)


def traded_by_hand(foreign: Iterable[BrokerOrder], given_up: Sequence[OrderRecord]) -> dict[Symbol, ByHand]:
    """Add up the fills of orders that belong to none of our intents.

    A buy that matches one of our orders that was sent, never found and given up explains nothing: it may be that order.
    """
    found: dict[Symbol, ByHand] = {}
    for order in (each for each in foreign if not each.on_credit):
        before = found.get(order.symbol, NOTHING_BY_HAND)
        if order.side is Side.SELL:
            found[order.symbol] = ByHand(before.bought, before.sold + order.filled_quantity)
        elif not any(_may_be_that_of(record.intent, order) for record in given_up):
            found[order.symbol] = ByHand(before.bought + order.filled_quantity, before.sold)
    return {symbol: shares for symbol, shares in found.items() if shares != NOTHING_BY_HAND}


def _may_be_that_of(intent: OrderIntent, order: BrokerOrder) -> bool:
    return could_be_the_order_of(intent, order) and is_no_older(intent, order)


def shares_before(
    holdings: Mapping[Symbol, Quantity],
    believed: Believed,
    touched: Iterable[Symbol],
) -> dict[Symbol, Quantity]:
    """Return the owner's holdings before the session, computed from the account during it.

    ``believed.before`` is what the last proven session left. It applies to stocks ``touched`` by one of our orders
    before this read, since their shares may be ours through a lost order.
    """
    touched = frozenset(touched)
    owned: dict[Symbol, Quantity] = {}
    for symbol in sorted(holdings.keys() | believed.before.keys() | believed.by_hand.keys()):
        foreign = holdings.get(symbol, NO_SHARES) - believed.held.get(symbol, NO_SHARES)
        seen = foreign - change_by_hand(symbol, believed.by_hand, believed.taken)
        owned[symbol] = Quantity(believed.before.get(symbol, NO_SHARES) if symbol in touched else max(seen, 0))
    return {symbol: shares for symbol, shares in owned.items() if shares}


def could_still_fill(record: OrderRecord, unbound: Iterable[BrokerOrder]) -> bool:
    """Return whether one of our orders without a known end may still trade.

    A quarantined order can only be one of the listed orders that match it; if all of these are over, it is over.
    """
    if record.status is not OrderStatus.QUARANTINED:
        return record.is_active
    return any(not order.is_over and could_be_the_order_of(record.intent, order) for order in unbound)
