"""Judge a day by the simulator's own book: flat, carried by name, or wrong, and every won accounted for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from database.audit import AuditedOrder, BookedPosition
from domain.event import EventLevel
from domain.event_kind import EventKind
from domain.identity import PositionId
from domain.market import Side, Symbol
from domain.order import OrderPurpose
from tests.trials.closing_days.buyers import Look, Place
from tests.trials.closing_days.owner import owner_of
from tests.trials.closing_days.playing import PlayedDay
from tests.trials.closing_days.won import unexplained_won
from verifier.books import Books
from verifier.invariants import violations

_CARRIED: Final = "position_carried_overnight"
_PATIENCE: Final = {
    Place.SESSION: timedelta(seconds=60),
    Place.AUCTION: timedelta(0),
    Place.AT_THE_CLOSE: timedelta(minutes=2),
    Place.EVENING: timedelta(minutes=10),
}
"""How long buyers may stay unserved at each place: a worked sale has a gap between two of its orders."""
_FIRST_THING: Final = timedelta(seconds=60)


class Ending(StrEnum):
    """How a day ended."""

    FLAT = "flat"
    CARRIED = "carried"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged day. ``difference`` is the won that no trade, open position or order of the owner explains."""

    seed: int
    ending: Ending
    positions: int
    carried: tuple[Symbol, ...]
    difference: int
    complaints: tuple[str, ...]


def judged(day: PlayedDay) -> Verdict:
    """Judge a day and the morning after it."""
    carried = _ours(day.books)
    complaints = (
        *(each for books, when in zip(day.sessions, _WHEN, strict=False) for each in _broken(books, when)),
        *_untold(day),
        *_misnamed(day, carried),
        *_sellable(day, carried),
        *_not_sold_first(day, carried),
        *_not_sold_once(day),
        *_off_the_grid(day),
    )
    difference = [unexplained_won(*day.sessions[:count]) for count in range(1, len(day.sessions) + 1)]
    lost = [f"{won:+,} won without a reason in the {when}" for won, when in zip(difference, _WHEN, strict=False) if won]
    ending = Ending.WRONG if complaints or lost else Ending.CARRIED if carried else Ending.FLAT
    return Verdict(
        seed=day.plan.seed,
        ending=ending,
        positions=len(day.books.ledger.positions),
        carried=tuple(sorted(carried)),
        difference=max(difference, key=abs),
        complaints=(*complaints, *lost),
    )


_OFF_THE_GRID: Final = "APBK0506"


def _off_the_grid(day: PlayedDay) -> Iterator[str]:
    """Yield orders that the exchange refused for their price: its grid and ours must be the same."""
    for books in day.sessions:
        for order in books.ledger.orders:
            if order.record.reject_code == _OFF_THE_GRID:
                intent = order.record.intent
                yield f"{intent.side} {intent.symbol} at {intent.limit_price} won is off the price grid"


_WHEN: Final = ("evening", "morning")


def _ours(books: Books) -> Counter[Symbol]:
    """Return the broker's holdings that are ours: bought by us, sold neither by us nor by the owner from our shares."""
    owner, ours = owner_of(books.broker), Counter[Symbol]()
    for row in books.broker.orders:
        if not row.by_hand:
            ours[row.symbol] += row.filled if row.side is Side.BUY else -row.filled
    ours.subtract(owner.took)
    return Counter({symbol: shares for symbol, shares in ours.items() if shares})


def _untold(day: PlayedDay) -> Iterator[str]:
    """Yield shares that remain after the closing auction and were not reported."""
    reported = {
        each.event.symbol for each in day.books.ledger.events if each.event.kind == EventKind.POSITION_UNSOLD_AT_CLOSE
    }
    for symbol, shares in _ours_at_the_close(day).items():
        if shares > 0 and symbol not in reported:
            yield f"{shares} shares of {symbol} were left by the session without an alert"


def _ours_at_the_close(day: PlayedDay) -> Counter[Symbol]:
    """Return the broker's holdings that are ours at the end of the closing auction."""
    ours, ends_at = _ours(day.books), day.plan.session.ends_at
    for row in day.books.broker.orders:
        later = sum(fill.quantity for fill in row.fills if fill.at > ends_at)
        if not row.by_hand:
            ours[row.symbol] += later if row.side is Side.SELL else -later
    return ours


def _broken(books: Books, when: str) -> Iterator[str]:
    for name, found in violations(books).items():
        yield from (f"{name} in the {when}: {each.what}: {each.evidence}" for each in found)


def _misnamed(day: PlayedDay, carried: Counter[Symbol]) -> Iterator[str]:
    """Yield shares that are held and not named, named and not held, or held against the close's result."""
    named = {
        each.event.symbol: each.event.detail["quantity"]
        for each in day.books.ledger.events
        if each.event.kind == _CARRIED and each.event.level is EventLevel.CRITICAL and each.event.symbol
    }
    owners = owner_of(day.books.broker).holds
    for symbol, shares in carried.items():
        if symbol not in named:
            yield f"{shares} shares of {symbol} are held and nothing names them"
        elif named[symbol] not in (shares, shares + owners[symbol]):
            yield f"{shares} shares of {symbol} are held and {named[symbol]} are named"
    for symbol in sorted(named.keys() - carried.keys()):
        yield f"{symbol} is named as carried and none of ours is held"
    if day.outcome.flat == bool(carried):
        said = "flat" if day.outcome.flat else "not flat"
        yield f"the close says {said} and the broker holds {dict(carried)} of ours"


def _sellable(day: PlayedDay, carried: Counter[Symbol]) -> Iterator[str]:
    """Yield carried shares with bids that stood longer than a worked sale may miss them."""
    evening_ends_at = day.plan.evening_ends_at
    for symbol in sorted(carried):
        own = [each for each in day.looks if each.symbol == symbol and each.at < evening_ends_at]
        yield from (f"{symbol} is carried though {found}" for found in buyers_missed(own, day))
    left = _ours(day.sessions[-1])
    yield from (f"{left[symbol]} shares of {symbol} are not sold next morning" for symbol in carried if left[symbol])


def buyers_missed(looks: Sequence[Look], day: PlayedDay) -> Iterator[str]:
    """Yield unserved bids in the markets in which the rules allow selling."""
    since = day.books.plan.liquidation_at
    usable = [each for each in looks if each.at >= since and (each.place is not Place.EVENING or day.plan.after_market)]
    for (place, is_wanted), together in groupby(usable, key=lambda each: (each.place, each.wanted > 0)):
        stretch = list(together)
        if not is_wanted or place is Place.NOWHERE:
            continue
        lasted = stretch[-1].at - stretch[0].at
        if lasted >= _PATIENCE[place]:
            least = min(each.wanted for each in stretch)
            yield f"{least:,} were wanted in the {place} from {stretch[0].at:%H:%M:%S} UTC for {lasted}"


def _not_sold_first(day: PlayedDay, carried: Counter[Symbol]) -> Iterator[str]:
    """Yield carried positions whose worker did anything before it sold, or sold late."""
    opens_at = day.plan.tomorrow.opens_at
    held = [position for position in day.books.ledger.positions if position.quantity and position.symbol in carried]
    for position in held:
        first = _first_order(day.sessions[-1].ledger.orders, position)
        if first is None:
            yield f"{position.symbol} is carried and {position.worker_id} orders nothing next morning"
            continue
        intent = first.record.intent
        if intent.purpose is not OrderPurpose.EXIT or intent.position_id != position.position_id:
            yield f"{position.worker_id} holds carried {position.symbol} and first {intent.side}s {intent.symbol}"
        elif intent.decided_at > opens_at + _FIRST_THING:
            yield f"{position.symbol} is carried and first sold {intent.decided_at - opens_at} after the open"


def _first_order(orders: Sequence[AuditedOrder], position: BookedPosition) -> AuditedOrder | None:
    own = (
        each
        for each in orders
        if each.record.intent.position_id == position.position_id or each.record.intent.worker_id == position.worker_id
    )
    return next(own, None)


def _not_sold_once(day: PlayedDay) -> Iterator[str]:
    """Yield positions whose sales at the broker differ from the shares of their purchase."""
    bought, sold = Counter[PositionId](), Counter[PositionId]()
    symbols: dict[PositionId, Symbol] = {}
    for books in day.sessions:
        for number, order in books.bound.items():
            row, intent = books.row_of.get(number), order.record.intent
            if row is not None:
                symbols[intent.position_id] = intent.symbol
                (bought if row.side is Side.BUY else sold)[intent.position_id] += row.filled
    last = day.sessions[-1]
    took = owner_of(last.broker).took
    held = Counter({each.position_id: each.quantity for each in last.ledger.positions})
    for position_id, symbol in symbols.items():
        gone = held[position_id] or took[symbol]
        if bought[position_id] and sold[position_id] != bought[position_id] - gone:
            yield f"{symbol}: {bought[position_id]} bought, {sold[position_id]} sold, {held[position_id]} held"
