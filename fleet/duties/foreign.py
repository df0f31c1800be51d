"""Report foreign objects at Temporal as events."""

from collections.abc import Iterator
from typing import Final

from domain.event import Event, EventLevel
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.foreign import ForeignObject, foreign_objects

FOREIGN_OBJECT: Final = "foreign_object"
FOREIGN_MANY: Final = "foreign_objects"
MOST_REPORTED: Final = 20
"""Events about single objects in a session; one more event counts the others."""


class ForeignDuty:
    """Report each foreign object once, ``most`` of them in a session."""

    terms = Terms("foreign_objects", every=30.0)

    def __init__(self, fleet: Fleet, most: int = MOST_REPORTED) -> None:
        self._fleet = fleet
        self._most = most

    async def look(self) -> None:
        """Append a warning for each new object up to a limit per session, and one for all others."""
        fleet = self._fleet
        found = await foreign_objects(fleet)
        if not found:
            return
        day = session_date_of(fleet.market_now())
        room = self._most - await fleet.database.events.counts(fleet.account_id, day, FOREIGN_OBJECT)
        for event in self._events(found):
            if room <= 0:
                break
            room -= await fleet.database.events.append(event)
        if len(found) > self._most:
            await fleet.database.events.append(self._many(len(found)))

    def _events(self, found: tuple[ForeignObject, ...]) -> Iterator[Event]:
        for each in found:
            yield self._event(FOREIGN_OBJECT, str(each), f"{FOREIGN_OBJECT}/{each.kind}/{each.key}")

    def _many(self, number: int) -> Event:
        why = f"at least {number} objects at Temporal are not ours; `starter.py status` lists the first"
        return self._event(FOREIGN_MANY, why, f"{FOREIGN_MANY}/{session_date_of(self._fleet.market_now())}")

    def _event(self, kind: str, why: str, key: str) -> Event:
        fleet, now = self._fleet, self._fleet.market_now()
        level = EventLevel.WARNING
        return Event(fleet.account_id, kind, level, now, session_date_of(now), detail={"why": why}, key=key)
