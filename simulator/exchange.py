"""The simulated exchange: price snapshots, phases of the day, and conditions set through the control API."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from simulator.day_path import DayPath, DaySummary, DayTotals, Edit
from simulator.evening import Evening
from simulator.krx.prices import DailyLimits
from simulator.krx.sessions import Session, SessionPhase, TradingCalendar, in_seoul
from simulator.krx.units import Market, Price, Quantity, Symbol, TradingFlag, Won
from simulator.listings import LISTINGS, Listing
from simulator.order_types import Board
from simulator.pauses import LAST_STAGE, Breaker, Pause
from simulator.recorded import Recording
from simulator.recorded_day import with_recorded
from simulator.tape import FIRST_DATE, Basket, SessionSequence, Tape
from simulator.trading_hours import window_of
from simulator.venues import Division

_ORDER_ENTRY_LEAD: Final = timedelta(minutes=30)
_NO_BREAKER_LEAD: Final = timedelta(minutes=40)
_LEAST_HISTORY: Final = timedelta(days=14)
_LEAD: Final = timedelta(days=30)
"""Between the exchange's first date and a recording's first bar: a day has sessions before it."""


class CircuitBreakerError(ValueError):
    """The exchange's rules do not allow a circuit breaker now."""


class CorporateActionError(ValueError):
    """A corporate action is not possible now."""


@dataclass(slots=True)
class Conditions:
    """Conditions that the control API sets on a stock until it clears them."""

    halted: bool = False
    interrupted: bool = False
    thin: bool = False
    no_bids: bool = False
    no_asks: bool = False
    split: float = 1.0
    """New shares per old share since today: the raw previous close is today's base price times this factor."""
    flags: frozenset[TradingFlag] = frozenset()

    @property
    def frozen(self) -> bool:
        """Return whether trading is stopped."""
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
    limits: DailyLimits
    totals: DayTotals
    conditions: Conditions = field(compare=False)
    pause: Pause | None = None
    division: Division = Division.KRX
    """The venues whose volume and book it shows."""

    @property
    def change(self) -> int:
        """Return the change against the base price in won."""
        return self.price - self.base

    def on(self, division: Division) -> "Snapshot":
        """Return the stock as a division shows it: the same price, with its own volume and book."""
        if division is self.division:
            return self
        volume, turnover = (division.shares(each) for each in (self.totals.volume, self.totals.turnover))
        totals = self.totals._replace(volume=Quantity(volume), turnover=Won(turnover))
        return replace(self, totals=totals, division=division)

    @property
    def is_on_nxt(self) -> bool:
        """Return whether NXT trades the stock too."""
        return not (self.listing.etf or self.listing.flags or self.conditions.flags)

    @property
    def raw_close(self) -> int:
        """Return the previous close as traded, before a split that takes effect today (won)."""
        return round(self.base * self.conditions.split)


class Exchange:
    """Prices of every listed stock as a function of seed, market time and forced changes."""

    def __init__(
        self,
        seed: int,
        calendar: TradingCalendar,
        listings: Iterable[Listing] = LISTINGS.values(),
        *,
        interrupts: bool = True,
        recording: Recording | None = None,
    ) -> None:
        self.calendar = calendar
        self.indices = recording.indices if recording else None
        first = min(FIRST_DATE, recording.first_date - _LEAD) if recording else FIRST_DATE
        self.sessions = SessionSequence(calendar, first)
        self.tapes = {
            listing.symbol: Tape(seed, listing, self.sessions, interrupts=interrupts, recorded=recording)
            for listing in (with_recorded(listings, recording) if recording else listings)
        }
        baskets = {market: self._basket(market) for market in Market}
        for tape in self.tapes.values():
            tape.basket = baskets[tape.listing.follows.market] if tape.listing.follows else None
        self.conditions = {symbol: Conditions() for symbol in self.tapes}
        self._seed = seed
        self._evenings: dict[Symbol, tuple[Session, Price, Evening]] = {}
        self._stages: dict[tuple[date, Market], int] = {}

    def check_start(self, at: datetime) -> None:
        """Raise ``ValueError`` if the exchange has no history of two weeks at a market instant."""
        first = self.sessions.first_date
        if in_seoul(at).date() < first + _LEAST_HISTORY:
            raise ValueError(f"the simulated exchange begins on {first}; market time must lie two weeks after it")

    def _basket(self, market: Market) -> Basket | None:
        """Return the well-known stocks of a market, which products follow; None if none is listed."""
        known = [self.tapes[symbol] for symbol in LISTINGS if symbol in self.tapes]
        members = [tape for tape in known if tape.listing.market is market]
        return Basket(members) if members else None

    def listing(self, symbol: str) -> Listing | None:
        """Return a listed stock, or None for an unknown code."""
        tape = self.tapes.get(Symbol(symbol))
        return tape.listing if tape else None

    def shown_session(self, at: datetime) -> Session:
        """Return the session on display: today's from 30 minutes before the open, else the last one."""
        day = in_seoul(at).date()
        session = self.calendar.session_on(day)
        if session is not None and at >= session.opens_at - _ORDER_ENTRY_LEAD:
            return session
        return self.calendar.session_before(day)

    def phase_at(self, at: datetime) -> SessionPhase:
        """Return the exchange's phase at a market instant."""
        return self.shown_session(at).phase_at(at)

    def path(self, symbol: Symbol, session: Session) -> DayPath:
        """Return the path of a stock in a session."""
        return self.tapes[symbol].path(self.sessions.position(session))

    def snapshot(self, symbol: Symbol, at: datetime) -> Snapshot:
        """Return the state of a stock at a market instant."""
        session = self.shown_session(at)
        position = self.sessions.position(session)
        tape = self.tapes[symbol]
        path = tape.path(position)
        base = tape.base_price(position)
        price, totals = _seen(path, session, at, base)
        evening = self.evening(symbol, session)
        if evening and in_seoul(at).date() == session.date and second_of(session, at) >= evening.seconds.start:
            price, totals = _evening_seen(evening, second_of(session, at), totals)
        conditions = self.conditions[symbol]
        phase = session.phase_at(at)
        pause = _paused(path, session, at)
        return Snapshot(tape.listing, session, phase, at, price, base, path.limits, totals, conditions, pause)

    def pause(self, symbol: Symbol, at: datetime) -> Pause | None:
        """Return the pause that is in force at a market instant, or None."""
        session = self.shown_session(at)
        return _paused(self.path(symbol, session), session, at)

    def evening(self, symbol: Symbol, session: Session) -> Evening | None:
        """Return the after-market of a session's day; None before 2026-09-14 and after a day that ended early."""
        window = window_of(Board.AFTER_MARKET, session)
        path = self.path(symbol, session)
        if window is None or path.ended_by:
            return None
        kept = self._evenings.get(symbol)
        if kept is None or kept[:2] != (session, path.close_price):
            seconds = range(second_of(session, window.trades_from), second_of(session, window.until))
            seed = f"{self._seed}|{session.date}|{symbol}|evening"
            volume = self.tapes[symbol].listing.daily_volume
            drawn = Evening(seed, path.close_price, path.limits, seconds, volume)
            kept = self._evenings[symbol] = (session, path.close_price, drawn)
        return kept[2]

    def price_at(self, symbol: Symbol, session: Session, second: int) -> Price:
        """Return the last price of the regular session, or of the evening once that has started."""
        evening = self._running_evening(symbol, session, second)
        return evening.price_at(second) if evening else self.path(symbol, session).price_at(second)

    def _running_evening(self, symbol: Symbol, session: Session, second: int) -> Evening | None:
        if second < second_of(session, session.ends_at):
            return None
        evening = self.evening(symbol, session)
        return evening if evening and second >= evening.seconds.start else None

    def previous_day(self, symbol: Symbol, session: Session) -> DaySummary:
        """Return the totals of the session before a session."""
        return self.day(symbol, self.sessions.position(session) - 1)

    def day(self, symbol: Symbol, position: int) -> DaySummary:
        """Return the totals of a whole session by its index."""
        return self.tapes[symbol].summary(position)

    def edit(self, symbol: Symbol, at: datetime, edit: Edit) -> None:
        """Force a stock's path from a market instant on. Before the open it applies from the open."""
        session = self.shown_session(at)
        second = second_of(session, at)
        evening = self._running_evening(symbol, session, second)
        if evening:
            evening.force(second, edit.price)
            return
        self.tapes[symbol].edit(self.sessions.position(session), lambda _: edit._replace(second=second))

    def restate(self, symbol: Symbol, at: datetime, ratio: float) -> None:
        """Divide the next session's base price by a ratio: new shares per old share, or the value of a right.

        Raises:
            CorporateActionError: a session is running, or the ratio is not above 0.
        """
        session = self.calendar.session_at_or_after(at)
        if at >= session.opens_at or ratio <= 0:
            raise CorporateActionError("a corporate action takes effect overnight, with a ratio above 0")
        position, grid = self.sessions.position(session), self.tapes[symbol].listing.grid
        base = self.tapes[symbol].base_price(position)
        self.conditions[symbol].split = ratio
        self.tapes[symbol].restate(position, grid.round_down(int(base / ratio)))

    def break_circuit(self, at: datetime, stage: int, market: Market | None) -> None:
        """Halt a market (None = both) with a circuit breaker; raise ``CircuitBreakerError`` if the rules forbid it."""
        session = self.shown_session(at)
        if session.phase_at(at) is not SessionPhase.CONTINUOUS:
            raise CircuitBreakerError("a circuit breaker needs continuous trading")
        if stage < LAST_STAGE and at >= session.ends_at - _NO_BREAKER_LEAD:
            raise CircuitBreakerError("stages 1 and 2 are not triggered in the last forty minutes")
        stopped = [market] if market else list(Market)
        earlier = [self._stages.get((session.date, one), 0) for one in stopped]
        if not 0 < stage <= LAST_STAGE or stage <= max(earlier):
            raise CircuitBreakerError(f"a stage from {max(earlier) + 1} to {LAST_STAGE} can still be triggered today")
        self._stages |= {(session.date, one): stage for one in stopped}
        breaker = Breaker(second_of(session, at), stage)
        for tape in self.tapes.values():
            if tape.listing.market in stopped:
                tape.stop_market(self.sessions.position(session), breaker)

    def freeze(self, symbol: Symbol, at: datetime) -> None:
        """Hold the price until ``resume``."""
        session = self.shown_session(at)
        self._hold_evening(symbol, session, at, hold=True)
        self.tapes[symbol].freeze(self.sessions.position(session), second_of(session, at))

    def resume(self, symbol: Symbol, at: datetime) -> None:
        """Resume trading along the natural path."""
        session = self.shown_session(at)
        # Once the close is made during a halt, a later resume does not change it.
        second = second_of(session, at) if at < session.ends_at else None
        self.tapes[symbol].resume(self.sessions.position(session), second)
        self._hold_evening(symbol, session, at, hold=False)

    def _hold_evening(self, symbol: Symbol, session: Session, at: datetime, *, hold: bool) -> None:
        second = second_of(session, at)
        evening = self._running_evening(symbol, session, second)
        if evening:
            evening.force(second, evening.price_at(second) if hold else None)


def second_of(session: Session, at: datetime) -> int:
    """Return whole market seconds since a session's open; 0 before it."""
    return max(0, int((at - session.opens_at).total_seconds()))


def _paused(path: DayPath, session: Session, at: datetime) -> Pause | None:
    is_continuous = session.phase_at(at) is SessionPhase.CONTINUOUS
    return path.pause_at(second_of(session, at)) if is_continuous else None


def _evening_seen(evening: Evening, second: int, day: DayTotals) -> tuple[Price, DayTotals]:
    """Return the last price and the day's totals with the evening's trades, as KIS shows them until midnight."""
    lived = evening.lived(second)
    prices = [minute.price for minute in lived]
    totals = DayTotals(
        day.open_price,
        max(day.high_price, *prices),
        min(day.low_price, *prices),
        Quantity(day.volume + sum(minute.volume for minute in lived)),
        Won(day.turnover + sum(minute.volume * minute.price for minute in lived)),
    )
    return evening.price_at(second), totals


def _seen(path: DayPath, session: Session, at: datetime, base: Price) -> tuple[Price, DayTotals]:
    if at < session.opens_at:
        return base, DayTotals(Price(0), Price(0), Price(0), Quantity(0), Won(0))
    if at >= session.ends_at:
        return path.close_price, path.whole_day()
    second = second_of(session, at)
    return path.price_at(second), path.totals_at(second)
