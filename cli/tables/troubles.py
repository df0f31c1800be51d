"""Warnings for the live table: causes that prevent buying stocks, and refused strangers."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from domain.alert import fold
from domain.event import STOCK_LEFT_OUT, STRATEGY_FAILED, UNAUTHENTIC_REFUSED
from domain.identity import AccountId
from domain.session import SessionDate

if TYPE_CHECKING:
    from database.events import Events

_SHOWN_FOR: Final = timedelta(hours=1)
"""Market time. A continuing cause is reported again each hour."""
_MOST_NAMES: Final = 5
_MOST_LINES: Final = 6
_TITLES: Final = {
    UNAUTHENTIC_REFUSED: "STRANGER",
    STRATEGY_FAILED: "STRATEGY FAILED",
    STOCK_LEFT_OUT: "left out",
}


async def read_troubles(
    events: "Events", account_id: AccountId, session_date: SessionDate, now: datetime
) -> tuple[str, ...]:
    """Return a line for each cause of the last hour, most severe first, with the affected stocks."""
    found = fold(await events.since(account_id, session_date, tuple(_TITLES), now - _SHOWN_FOR))
    lines = []
    for each in found:
        names = ", ".join(each.symbols[:_MOST_NAMES])
        more = f" +{len(each.symbols) - _MOST_NAMES}" if len(each.symbols) > _MOST_NAMES else ""
        lines.append(f"{_TITLES[each.kind]}: {each.gist}" + (f" ({names}{more})" if names else ""))
    more_lines = (f"… and {len(lines) - _MOST_LINES} more causes",) if len(lines) > _MOST_LINES else ()
    return (*lines[:_MOST_LINES], *more_lines)
