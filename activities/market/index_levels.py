"""The level of KOSPI and KOSDAQ for all workers of a process, read beside the scans and never waited for."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from activities.support.pace import note_failure
from domain.errors import BrokerRefusedError, TradingError
from domain.lane import Lane
from domain.market import NO_BOARD, NOT_READ, IndexLevel, Market

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker

logger = logging.getLogger("haru.feed")

_BETWEEN: Final = timedelta(seconds=15)
"""Real time between two reads of an index."""
_AFTER_A_REFUSAL: Final = timedelta(minutes=1)
"""The same after a refusal, or on a service without indices."""
_OLDEST: Final = timedelta(minutes=1)
"""Real time after which a level does not count."""
_NOT_THERE: Final = "this service of the broker has no index"


class IndexLevels:
    """Reads an index in the lowest lane while strategies look at stocks of its board. Ages are market time.

    A failed read costs no other caller anything: the level is missing, and the reason says why.
    """

    def __init__(self, broker: "Broker", pace: "Pace") -> None:
        self._broker = broker
        self._pace = pace
        self._known: dict[Market, IndexLevel] = {}
        self._faults: dict[Market, str] = {}
        self._due: dict[Market, datetime] = {}
        self._reading: asyncio.Task[None] | None = None

    def of(self, market: Market | None, at: datetime) -> tuple[IndexLevel | None, str]:
        """Return the level of a board's index, or None with the reason."""
        if market is None:
            return None, NO_BOARD
        self._due.setdefault(market, at)
        found = self._known.get(market)
        if found is None:
            return None, self._faults.get(market, NOT_READ)
        age = abs(found.age_at(at))
        if age <= self._pace.clock.market_duration(_OLDEST):
            return found, ""
        return None, self._faults.get(market, f"{age.total_seconds():.0f} s old")

    def refresh(self) -> None:
        """Start a read of the indices that are due, unless one is under way; return at once."""
        if self._reading is not None and not self._reading.done():
            return
        now = self._pace.now()
        due = [market for market, at in self._due.items() if at <= now]
        if due:
            self._reading = asyncio.create_task(self._read(due))
            self._reading.add_done_callback(note_failure)

    async def _read(self, markets: list[Market]) -> None:
        for market in markets:
            self._rest(market, _BETWEEN)
            try:
                found = await self._broker.index_level(market, Lane.SCAN)
                fault = "" if found else _NOT_THERE
            except TradingError as error:
                found, fault = None, str(error)
                if isinstance(error, BrokerRefusedError):
                    self._rest(market, _AFTER_A_REFUSAL)
            if fault == _NOT_THERE:
                self._rest(market, _AFTER_A_REFUSAL)
            self._note(market, found, fault)

    def _rest(self, market: Market, real: timedelta) -> None:
        self._due[market] = self._pace.now() + self._pace.clock.market_duration(real)

    def _note(self, market: Market, found: IndexLevel | None, fault: str) -> None:
        if found is not None:
            self._known[market] = found
            self._faults.pop(market, None)
        elif self._faults.get(market) != fault:
            self._faults[market] = fault
            level = logging.INFO if fault == _NOT_THERE else logging.WARNING
            logger.log(level, "index_not_read", extra={"market": market, "cause": fault})
