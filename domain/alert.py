"""Alerts to people: which events wait, which are sent now, and how equal events are combined into one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.event import Event, EventLevel
from domain.event_kind import AnyKind, EventKind
from domain.market import Symbol

LEVELS: Final = (EventLevel.WARNING, EventLevel.ERROR, EventLevel.CRITICAL)
"""The levels that can be sent as alerts, the lowest first."""
TRADES: Final = frozenset({EventKind.POSITION_BOUGHT, EventKind.POSITION_SOLD})
"""The messages about each buy and sale."""
_TRADES_IN_ONE: Final = 10
"""Trades of one message: all their lines fit into it."""
_REASONS: Final = ("denial", "reason", "cause", "why", "evidence", "kind", "detail", "unexplained")
"""Fields of an event's detail that contain the reason, the most specific first."""
_SHORTEST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PendingAlert:
    """An event not yet sent to a channel; ``is_old`` once it has waited for the collection time of warnings."""

    event_id: int
    event: Event
    is_old: bool


@dataclass(frozen=True, slots=True)
class Folded:
    """Equal events combined: their number, stocks, and first and last instant (market time, UTC)."""

    level: EventLevel
    kind: AnyKind
    gist: str
    events: tuple[Event, ...]

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Return the stocks of the events, in order of appearance."""
        return tuple(dict.fromkeys(event.symbol for event in self.events if event.symbol is not None))

    @property
    def between(self) -> tuple[datetime, datetime]:
        """Return the first and the last instant."""
        return min(event.at for event in self.events), max(event.at for event in self.events)


def levels_from(minimum: EventLevel) -> tuple[EventLevel, ...]:
    """Return the levels at or above the minimum."""
    return LEVELS[LEVELS.index(minimum) :]


def due(pending: Sequence[PendingAlert]) -> tuple[PendingAlert, ...]:
    """Return the alerts to send: all but warnings at once, and warnings once the oldest has waited long enough.

    Trades come when no alert is due. They have their own messages: no alert waits for them, and none is cut off.
    """
    warnings_too = any(alert.is_old for alert in pending if alert.event.level is EventLevel.WARNING)
    alerts = [alert for alert in pending if alert.event.kind not in TRADES]
    urgent = tuple(alert for alert in alerts if warnings_too or alert.event.level is not EventLevel.WARNING)
    return urgent or tuple(alert for alert in pending if alert.event.kind in TRADES)[:_TRADES_IN_ONE]


def fold(events: Sequence[Event]) -> tuple[Folded, ...]:
    """Combine equal events, the highest level first; events with different reasons stay separate."""
    groups: dict[tuple[EventLevel, AnyKind, str], list[Event]] = {}
    for event in events:
        groups.setdefault((event.level, event.kind, gist(event)), []).append(event)
    folded = [Folded(*key, tuple(equal)) for key, equal in groups.items()]
    return tuple(sorted(folded, key=lambda each: -list(EventLevel).index(each.level)))


def gist(event: Event) -> str:
    """Return an event's reason in its own words; empty when the kind is sufficient."""
    quantity = f"×{event.detail['quantity']:,}" if "quantity" in event.detail else ""
    reason = next((_shown(event.detail[name]) for name in _REASONS if event.detail.get(name, "") != ""), "")
    return ": ".join(filter(None, (quantity, reason)))


def _shown(reason: str | int) -> str:
    return reason if isinstance(reason, str) else f"{reason:+,}"


def pause_after(failures: int) -> timedelta:
    """Return how long (real time) a channel pauses after so many consecutive failures."""
    doublings: int = min(max(failures, 1) - 1, 10)
    return min(_SHORTEST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
