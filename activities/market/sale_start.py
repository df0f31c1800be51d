"""Start of a held position's own sale: updated with its volume, stored for display."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.close_plan import OwnStart, own_start, traded_per_minute
from domain.market import MarketView
from domain.position import OpenPosition
from domain.session import TradingCalendar

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from database.database import Database

_NOTICEABLE: Final = timedelta(minutes=1)
"""Market time by which the start must move to be written again."""
_WRITTEN_AT_MOST_EVERY: Final = timedelta(seconds=5)
"""Real time: in a compressed day, a market minute is very short."""


class SaleStart:
    """Start of one position's sale, derived from the last trusted price."""

    def __init__(self, position: OpenPosition, fleet_start: datetime) -> None:
        self._position = position
        self._fleet_start = fleet_start
        self._own: OwnStart | None = None
        self._kept: OwnStart | None = None
        self._is_kept = False

    @property
    def deadline(self) -> datetime:
        """Return the market instant (UTC) from which the position is sold."""
        return self._fleet_start if self._own is None else self._own.at

    @property
    def because(self) -> str:
        """Return why it is sold before the rest of the fleet; empty if it is not."""
        return "" if self._own is None else self._own.why

    def look(self, view: MarketView, calendar: TradingCalendar, now: datetime) -> None:
        """Recompute the start from the volume traded so far."""
        session = calendar.session_at_or_after(now)
        traded = traded_per_minute(view.recent, view.quote.volume, session, now)
        if traded is not None:
            self._own = own_start(session, self._fleet_start, self._position.quantity, traded)

    async def keep(self, database: "Database") -> None:
        """Write the start to the database for display."""
        own = self._own
        await database.positions.begin_sale_at(self._position.position_id, own)
        self._kept, self._is_kept = own, True

    def has_moved(self, pace: "Pace") -> bool:
        """Return whether to write it: on the first call, since an earlier attempt may differ, or after a clear move."""
        noticeable = max(_NOTICEABLE, pace.clock.market_duration(_WRITTEN_AT_MOST_EVERY))
        if not self._is_kept:
            return True
        if self._own is None or self._kept is None:
            return self._own is not self._kept
        return abs(self._own.at - self._kept.at) >= noticeable
