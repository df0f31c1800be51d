"""Compare the limits with the account's worth at the broker, at the start and each day."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from domain.dangers import Dangers
from domain.errors import TradingError
from domain.events.entries import limits_above_account
from domain.identity import Environment
from domain.lane import Lane
from domain.money import Won
from domain.session import SessionDate, session_date_of
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

if TYPE_CHECKING:
    from broker.protocol import Broker

logger = logging.getLogger("haru.hosting")

SHUT_BECAUSE: Final = "limits exceed what the account holds"


async def account_worth(broker: "Broker") -> Won | None:
    """Return the account's cash (D+2) and shares in won; None when they cannot be read.

    Raises:
        TradingError: the broker does not answer, or refuses.
    """
    balance = await broker.balance(Lane.RESOLVE)
    if balance.cash is None or balance.unreadable:
        return None
    return Won(balance.cash + sum(holding.quantity * holding.price for holding in balance.holdings))


class WorthDuty:
    """Compare the limits with the account once a day. ``dangers_of`` returns dangers that no operator has accepted."""

    terms = Terms("limits_within_worth", every=15.0, environments=frozenset({Environment.LIVE}))

    def __init__(self, fleet: Fleet, broker: "Broker", dangers_of: Callable[[Won], Dangers]) -> None:
        self._fleet = fleet
        self._broker = broker
        self._dangers_of = dangers_of
        self._compared: SessionDate | None = None

    async def look(self) -> None:
        """Retry until the broker answers. Shut entries for the day while a limit exceeds the account."""
        fleet, now = self._fleet, self._fleet.market_now()
        day = session_date_of(now)
        if self._compared == day:
            return
        try:
            worth = await account_worth(self._broker)
        except TradingError as fault:
            logger.warning("limits_not_compared_yet", extra={"cause": str(fault)})
            return
        if worth is None:
            logger.warning("limits_not_compared_yet", extra={"cause": "a row of the account cannot be read"})
            return
        dangers = self._dangers_of(worth)
        if dangers:
            await fleet.database.risk.close_entries(fleet.account_id, day, SHUT_BECAUSE, now)
            why = " ".join(dangers.values())
            await fleet.database.events.append(limits_above_account(fleet.account_id, why, now))
        else:
            await fleet.database.risk.reopen_entries(fleet.account_id, day, SHUT_BECAUSE)
        self._compared = day
