"""What the market did around our trades: recorded bars, signals and refused entries. Values only; others read them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from domain.bar import DailyBar, MinuteBar
from domain.clock import in_seoul
from domain.event import Event
from domain.event_kind import EventKind
from domain.market import Symbol
from domain.session import Session


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry in a stock that a guard refused at a market instant."""

    at: datetime
    symbol: Symbol
    denial: str


@dataclass(frozen=True, slots=True)
class SignalRun:
    """Consecutive minutes (counted from midnight KST, both ends included) at whose start a strategy signals."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """One session of the store of recorded bars. ``signals`` is None if they are not known."""

    minutes: Mapping[Symbol, Sequence[MinuteBar]] = field(default_factory=dict)
    """The minutes of the traded stocks."""
    universe: Sequence[Symbol] = ()
    """All stocks that could be traded; empty if not known."""
    signals: Mapping[Symbol, Sequence[SignalRun]] | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded bars of a stretch of sessions. Empty where no store has them."""

    days: Mapping[date, RecordedDay] = field(default_factory=dict)
    daily: Mapping[Symbol, Sequence[DailyBar]] = field(default_factory=dict)
    """Daily bars by stock, oldest first, from some sessions before the stretch to its end."""
    indexes: Mapping[str, Sequence[tuple[date, float]]] = field(default_factory=dict)
    """Closing levels of indexes by name, oldest first."""

    def on(self, day: date) -> RecordedDay:
        """Return a session; an empty one if it is not recorded."""
        return self.days.get(day, _UNRECORDED)


_UNRECORDED = RecordedDay()
UNRECORDED = Recorded()


def unread(error: Exception) -> str:
    """Return what a page says of a store that cannot be read."""
    return f"the recorded bars cannot be read; no charts and no comparison: {error}"


def runs_of(minutes: Iterable[int], session: Session) -> tuple[SignalRun, ...]:
    """Return minutes of a session, in order, as runs of the clock's minutes."""
    opens = in_seoul(session.opens_at)
    since = opens.hour * 60 + opens.minute
    found: list[SignalRun] = []
    for minute in minutes:
        first = found.pop().first if found and found[-1].last == since + minute - 1 else since + minute
        found.append(SignalRun(first, since + minute))
    return tuple(found)


def refused_entries(events: Iterable[Event]) -> tuple[RefusedEntry, ...]:
    """Return the refusals that concern one stock, oldest first. Those of a whole worker name no stock."""
    found = (
        RefusedEntry(event.at, event.symbol, str(event.detail.get("denial", "")))
        for event in events
        if event.kind == EventKind.ENTRY_DENIED and event.symbol is not None
    )
    return tuple(sorted(found, key=lambda each: (each.at, each.symbol)))
