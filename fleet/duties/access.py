"""Keys or a token that the broker refuses: report it once, and shut entries while it lasts."""

import logging
from collections.abc import Callable
from typing import Final

from domain.events.machines import access_refused
from domain.session import session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

logger = logging.getLogger("haru.hosting")

SHUT_BECAUSE: Final = "the broker refuses our key or token"


class AccessDuty:
    """Check the client's last refusal. ``refusal`` returns the broker's text, or an empty string while access works."""

    terms = Terms("access")

    def __init__(self, fleet: Fleet, refusal: Callable[[], str]) -> None:
        self._fleet = fleet
        self._refusal = refusal
        self._is_open = False

    async def look(self) -> None:
        """Shut entries while access is refused; reopen entries that were shut for this cause only (F31)."""
        fleet, now, refusal = self._fleet, self._fleet.market_now(), self._refusal()
        day = session_date_of(now)
        if refusal:
            self._is_open = False
            await fleet.database.risk.close_entries(fleet.account_id, day, SHUT_BECAUSE, now)
            if await fleet.database.events.append(access_refused(fleet.account_id, refusal, now)):
                logger.critical("access_refused", extra={"cause": refusal})
        elif not self._is_open:
            await fleet.database.risk.reopen_entries(fleet.account_id, day, SHUT_BECAUSE)
            self._is_open = True
