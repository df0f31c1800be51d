"""Report messages that could not prove their origin in the fleet: one event per kind and hour, even in a flood."""

import logging
from typing import Final

from domain.event import Event, EventLevel
from domain.events.temporal import RefusedMessage, unauthentic_refused
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from security.sealing.refusals import OTHERS, Refusals, Refused

logger = logging.getLogger("haru.hosting")

_MOST_AN_HOUR: Final = 20
"""Kinds of refusal that are reported separately. A stranger can choose the names in them."""
_HOUR: Final = 3600
_HARMLESS: Final = frozenset({"query"})


class RefusalDuty:
    """Record what the guards of this process have refused."""

    terms = Terms("refusals")

    def __init__(self, fleet: Fleet, refusals: Refusals) -> None:
        self._fleet = fleet
        self._refusals = refusals
        self._hour, self._reported = 0, set[Refused]()

    async def look(self) -> None:
        """Append an event for each kind that is new in this hour (real time)."""
        taken = self._refusals.take()
        if not taken:
            return
        hour = int((await self._fleet.database.server.now()).timestamp() // _HOUR)
        if hour != self._hour:
            self._hour, self._reported = hour, set()
        for refused, number in taken:
            if refused in self._reported:
                continue
            if len(self._reported) >= _MOST_AN_HOUR:
                refused = Refused(OTHERS, "", "", "more than can be listed was refused")  # noqa: PLW2901
            await self._fleet.database.events.append(self._event(refused, number, hour))
            self._reported.add(refused)

    def _event(self, refused: Refused, number: int, hour: int) -> Event:
        fleet, at = self._fleet, self._fleet.market_now()
        asked = " ".join(part for part in (refused.what, refused.name, refused.workflow_id) if part)
        logger.warning("unauthentic_refused", extra={"asked": asked, "cause": refused.why, "number": number})
        level = EventLevel.WARNING if refused.what in _HARMLESS else EventLevel.CRITICAL
        return unauthentic_refused(fleet.account_id, RefusedMessage(asked, refused.why, number, hour), level, at)
