"""The simulated exchange as everybody sees it: snapshots of prices, phases of the day, flags set from outside."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.clock import in_seoul
from domain.market import Symbol, TradingFlag
from domain.money import Price, Quantity, Won
from domain.session import Session, SessionPhase, TradingCalendar
from domain.tick_size import PriceLimits
from simulator.day_path import DayPath, DaySummary, DayTotals, Edit
from simulator.listings import LISTINGS, Listing
from simulator.tape import SessionSequence, Tape

_ORDER_ENTRY_LEAD: Final = timedelta(minutes=30)


@dataclass(slots=True)
class Conditions:
    """What the control API imposes on a stock until it is lifted."""

    halted: bool = False
    interrupted: bool = False
    thin: bool = False
    no_bids: bool = False
    no_asks: bool = False
    flags: frozenset[TradingFlag] = frozenset()

    @property
    def frozen(self) -> bool:
        """Tell whether nothing trades at the moment."""
        return self.halted or self.interrupted


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One stock at one market instant. ``price`` is the previous close until the first trade of the day."""

    listing: Listing
    session: Session
    phase: SessionPhase
    at: datetime
    price: Price
    base: Price
    limits: PriceLimits
    totals: DayTotals
    conditions: Conditions = field(compare=False)

    @property
    def change(self) -> int:
        """Return the change against the previous close in won."""
        return self.price - self.base


class Exchange:
    """Prices of every listed stock as a function of seed, market time and what was forced from outside."""

    def __init__(self, seed: int, calendar: TradingCalendar, listings: Iterable[Listing] = LISTINGS.values()) -> None:
        self.calendar = calendar
        self.sessions = SessionSequence(calendar)
        self.tapes = {listing.symbol: Tape(seed, listing, self.sessions) for listing in listings}
        self.conditions = {symbol: Conditions() for symbol in self.tapes}

    def listing(self, symbol: str) -> Listing | None:
        """Return a listed stock, or None for an unknown code."""
        tape = self.tapes.get(Symbol(symbol))
        return tape.listing if tape else None

    def shown_session(self, at: datetime) -> Session:
        """Return the session whose prices are on display: today's from half an hour before the open, else the last."""
        day = in_seoul(at).date()
        session = self.calendar.session_on(day)
        if session is not None and at >= session.opens_at - _ORDER_ENTRY_LEAD:
            return session
        return self.calendar.session_before(day)

    def phase_at(self, at: datetime) -> SessionPhase:
        """Return what the exchange does with orders at a market instant."""
        return self.shown_session(at).phase_at(at)

    def path(self, symbol: Symbol, session: Session) -> DayPath:
        """Return the path of a stock in a session."""
        return self.tapes[symbol].path(self.sessions.position(session))

    def snapshot(self, symbol: Symbol, at: datetime) -> Snapshot:
        """Return what is known of a stock at a market instant."""
        session = self.shown_session(at)
        position = self.sessions.position(session)
        tape = self.tapes[symbol]
        path = tape.path(position)
        base = tape.base_price(position)
        price, totals = _seen(path, session, at, base)
        conditions = self.conditions[symbol]
        return Snapshot(tape.listing, session, session.phase_at(at), at, price, base, path.limits, totals, conditions)

    def previous_day(self, symbol: Symbol, session: Session) -> DaySummary:
        """Return the totals of the session before a session."""
        return self.day(symbol, self.sessions.position(session) - 1)

    def day(self, symbol: Symbol, position: int) -> DaySummary:
        """Return the totals of a whole session by its place in the sequence."""
        return self.tapes[symbol].summary(position)

    def edit(self, symbol: Symbol, at: datetime, edit: Edit) -> None:
        """Force a stock's path from a market instant on; before the open it applies from the open."""
        session = self.shown_session(at)
        second = second_of(session, at)
        self.tapes[symbol].edit(self.sessions.position(session), lambda _: edit._replace(second=second))

    def freeze(self, symbol: Symbol, at: datetime) -> None:
        """Keep the price where it is until ``resume``."""
        session = self.shown_session(at)
        self.tapes[symbol].freeze(self.sessions.position(session), second_of(session, at))

    def resume(self, symbol: Symbol, at: datetime) -> None:
        """Let trading go on along the natural path."""
        session = self.shown_session(at)
        self.tapes[symbol].resume(self.sessions.position(session), second_of(session, at))


def second_of(session: Session, at: datetime) -> int:
    """Return whole market seconds since a session's open, zero before it."""
    return max(0, int((at - session.opens_at).total_seconds()))


def _seen(path: DayPath, session: Session, at: datetime, base: Price) -> tuple[Price, DayTotals]:
    if at < session.opens_at:
        return base, DayTotals(Price(0), Price(0), Price(0), Quantity(0), Won(0))
    if at >= session.ends_at:
        return path.close_price, path.whole_day()
    second = second_of(session, at)
    return path.price_at(second), path.totals_at(second)
