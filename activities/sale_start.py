"""When a held position's sale begins: its own start, followed with its volume and kept in the books, and its turn."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.close_plan import BEGUN_PER_CALL, OwnStart, own_start, traded_per_minute
from domain.market import MarketView
from domain.position import OpenPosition
from domain.session import TradingCalendar

if TYPE_CHECKING:
    from activities.pace import Pace
    from database.database import Database

_NOTICEABLE: Final = timedelta(minutes=1)
"""Market time by which the start must move to be written down anew."""
_WRITTEN_AT_MOST_EVERY: Final = timedelta(seconds=5)
"""Real time: in a compressed day a minute is over in no time."""
_SECOND: Final = timedelta(seconds=1)


class SaleStarts:
    """When the positions that one process watches are sold; those that are due at once begin one after the other.

    A hundred workflows that all have their next step at one instant keep each other waiting, and the broker takes only
    so many sales a second; twice as many begin.
    """

    def __init__(self, pace: "Pace", calendar: TradingCalendar, calls_per_second: int | None = None) -> None:
        self.calendar = calendar
        self._pace = pace
        self._between = timedelta(0) if calls_per_second is None else _SECOND / (BEGUN_PER_CALL * calls_per_second)
        self._last: datetime | None = None

    def of(self, position: OpenPosition, fleet_start: datetime) -> "SaleStart":
        """Return the start of a position's sale, the fleet's until its own is known."""
        return SaleStart(position, fleet_start, self)

    def next_turn(self) -> datetime:
        """Return the market instant at which one more may begin: now, or as soon as it is its turn."""
        now = self._pace.now()
        between = self._pace.clock.market_duration(self._between)
        self._last = now if self._last is None else max(now, self._last + between)
        return self._last


class SaleStart:
    """The start of one position's sale, as the last price that could be trusted told it."""

    def __init__(self, position: OpenPosition, fleet_start: datetime, starts: SaleStarts) -> None:
        self._position = position
        self._fleet_start = fleet_start
        self._starts = starts
        self._turn: datetime | None = None
        self._own: OwnStart | None = None
        self._kept: OwnStart | None = None
        self._is_kept = False

    @property
    def deadline(self) -> datetime:
        """Return the market instant (UTC) from which on the position is sold."""
        return self._fleet_start if self._own is None else self._own.at

    def begins_at(self, now: datetime) -> datetime:
        """Return when to begin (market time): at the deadline, or at the turn among all that are due then."""
        if now < self.deadline:
            return self.deadline
        if self._turn is None:
            self._turn = self._starts.next_turn()
        return self._turn

    @property
    def because(self) -> str:
        """Return why it is sold before the fleet's others; empty when it is not."""
        return "" if self._own is None else self._own.why

    def look(self, view: MarketView, now: datetime) -> None:
        """Compute the start anew from what has traded by now."""
        session = self._starts.calendar.session_at_or_after(now)
        traded = traded_per_minute(view.recent, view.quote.volume, session, now)
        if traded is not None:
            self._own = own_start(session, self._fleet_start, self._position.quantity, traded)

    async def keep(self, database: "Database", pace: "Pace") -> None:
        """Write the start down at first, for an earlier attempt may have, and where it has moved noticeably."""
        if self._has_moved(max(_NOTICEABLE, pace.clock.market_duration(_WRITTEN_AT_MOST_EVERY))):
            await database.positions.begin_sale_at(self._position.position_id, self._own)
            self._kept, self._is_kept = self._own, True

    def _has_moved(self, noticeable: timedelta) -> bool:
        if not self._is_kept:
            return True
        if self._own is None or self._kept is None:
            return self._own is not self._kept
        return abs(self._own.at - self._kept.at) >= noticeable
