"""Compare the books during the day: at a low rate, and after each outage of the stream or of the broker (I4)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from activities.account.session_books import COMPARED_FROM, SessionBooks
from domain.clock import in_seoul
from fleet.duties.duty import Terms
from fleet.fleet import Fleet

_AN_OUTAGE: Final = 2
"""Consecutive failed checks."""


class BooksDuty:
    """Check whether a comparison is due. ``trouble`` returns why the broker does not answer; empty while it does."""

    terms = Terms("books", within=600.0)

    def __init__(self, fleet: Fleet, books: SessionBooks, trouble: Callable[[], str]) -> None:
        self._fleet = fleet
        self._books = books
        self._trouble = trouble
        self._silent_looks = 0
        self._wanted_since: datetime | None = None

    async def look(self) -> None:
        """Compare when due, from the morning until the session's end. The close compares after that."""
        fleet = self._fleet
        at = fleet.market_now()
        session = fleet.plan_of_the_day(at).session
        is_today = in_seoul(session.opens_at).date() == in_seoul(at).date()
        if not is_today or in_seoul(at).time() < COMPARED_FROM or at >= session.ends_at:
            return
        await self._note_outages()
        await self._books.keep_up(fleet.account_id, session.date, self._wanted_since)

    async def _note_outages(self) -> None:
        """Find when the stream or the broker last came back, by the database's clock.

        Two consecutive failed checks count as an outage of the broker. A single failed call does not.
        """
        state = await self._fleet.database.stream_leases.state(self._fleet.account_id)
        ends = [self._wanted_since, state.connected_since if state is not None and state.is_live else None]
        is_silent = bool(self._trouble())
        if not is_silent and self._silent_looks >= _AN_OUTAGE:
            ends.append(await self._fleet.database.server.now())
        self._silent_looks = self._silent_looks + 1 if is_silent else 0
        self._wanted_since = max((end for end in ends if end is not None), default=None)
