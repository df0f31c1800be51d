"""Exemptions by the session's events: each exempts exactly its own order or shares, never its whole stock."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from domain.event import Event
from domain.event_kind import EventKind
from domain.market import Side, Symbol
from domain.order import OrderIntent
from verifier.books import Books, BrokerRow


@dataclass(frozen=True, slots=True)
class Named:
    """The shares and orders whose problems are named by events.

    ``left`` are our shares that the session could not sell. The broker may show ``more`` of a stock than the books
    explain, or ``fewer``. ``lost`` are the quarantined intents. ``unbooked`` are intents with the quantity that the
    broker lists as filled and the ledger cannot book. Two events about the same shares name them once.
    """

    left: Counter[Symbol] = field(default_factory=Counter)
    more: Counter[Symbol] = field(default_factory=Counter)
    fewer: Counter[Symbol] = field(default_factory=Counter)
    lost: tuple[OrderIntent, ...] = ()
    unbooked: frozenset[tuple[str, int]] = frozenset()

    def quarantines(self, intent: OrderIntent) -> bool:
        """Return whether an event names exactly this order as quarantined."""
        return any(each.intent_id == intent.intent_id for each in self.lost)

    def may_be_lost(self, row: BrokerRow) -> bool:
        """Return whether a quarantined intent may be this order: same stock, side and number of shares."""
        return any(
            (each.symbol, each.side, each.quantity) == (row.symbol, row.side, row.quantity) for each in self.lost
        )

    def explains(self, symbol: Symbol, surplus: int) -> bool:
        """Return whether events name this surplus of shares at the broker; negative for missing shares."""
        return -self.fewer[symbol] <= surplus <= self.more[symbol]


def named_in(books: Books) -> Named:
    """Collect the shares and orders that the session's events name."""
    events = [each.event for each in books.ledger.events]
    quarantined = {
        str(event.detail.get("intent_id", "")) for event in events if event.kind == EventKind.ORDER_QUARANTINED
    }
    orders = (each.record for each in books.ledger.orders)
    lost = tuple(each.intent for each in orders if each.intent.intent_id in quarantined and each.ref is None)
    left = _largest(
        events,
        {EventKind.POSITION_CARRIED_OVERNIGHT, EventKind.POSITION_UNSOLD_AT_CLOSE}
        if _evening_goes_on(books)
        else {EventKind.POSITION_CARRIED_OVERNIGHT},
    )
    more, fewer = _changed(events)
    for intent in lost:
        (more if intent.side is Side.BUY else fewer)[intent.symbol] += intent.quantity
        if intent.side is Side.SELL:
            left[intent.symbol] = max(left[intent.symbol], intent.quantity)
    more |= _largest(events, {EventKind.UNEXPLAINED_SHARES})
    unbooked = frozenset((str(event.detail["intent_id"]), filled) for event, filled in _unbooked(events))
    return Named(left, more, fewer, lost, unbooked)


def _largest(events: list[Event], kinds: set[str]) -> Counter[Symbol]:
    """Return the largest number of shares that an event of these kinds names, by stock."""
    largest: Counter[Symbol] = Counter()
    for event in events:
        if event.kind in kinds and event.symbol is not None:
            largest |= Counter({event.symbol: _number(event, "quantity")})
    return largest


def _changed(events: list[Event]) -> tuple[Counter[Symbol], Counter[Symbol]]:
    """Return how many shares more, and fewer, the broker shows than the ledger, from events with both numbers."""
    more: Counter[Symbol] = Counter()
    fewer: Counter[Symbol] = Counter()
    surpluses: dict[tuple[Symbol, str], int] = {}
    for event in events:
        if (
            event.kind in {EventKind.CARRIED_POSITION_CHANGED, EventKind.LATE_FILL_NOT_BOOKED}
            and event.symbol is not None
        ):
            surplus = _number(event, "broker") - _number(event, "ledger")
            sold = event.detail.get("side") == Side.SELL
            about = str(event.detail.get("position_id") or event.detail.get("intent_id"))
            surpluses[event.symbol, about] = -surplus if sold else surplus
    for (symbol, _), surplus in surpluses.items():
        (more if surplus > 0 else fewer)[symbol] += abs(surplus)
    return more, fewer


def _unbooked(events: list[Event]) -> Iterator[tuple[Event, int]]:
    return ((event, _number(event, "broker")) for event in events if event.kind == EventKind.LATE_FILL_NOT_BOOKED)


def _number(event: Event, name: str) -> int:
    value = event.detail.get(name, 0)
    return value if isinstance(value, int) else 0


def _evening_goes_on(books: Books) -> bool:
    """Return whether positions left by the session may still be sold in the day's last market."""
    session = books.plan.session
    last = (session.after_market or session.post_close).until
    return books.clock.market_time(books.read_at - timedelta(seconds=2)) < last
