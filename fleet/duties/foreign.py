"""Report foreign objects at Temporal as events."""

from typing import Final

from domain.event_kind import EventKind
from domain.events.temporal import foreign_object, many_foreign_objects
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from fleet.foreign import foreign_objects

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
        account_id, events, now = self._fleet.account_id, self._fleet.database.events, self._fleet.market_now()
        found = await foreign_objects(self._fleet)
        if not found:
            return
        room = self._most - await events.counts(account_id, session_date_of(now), EventKind.FOREIGN_OBJECT)
        for each in found:
            if room <= 0:
                break
            room -= await events.append(foreign_object(account_id, str(each), f"{each.kind}/{each.key}", now))
        if len(found) > self._most:
            await events.append(many_foreign_objects(account_id, len(found), now))
