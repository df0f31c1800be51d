"""Checks before the first order of a day: calendar against broker (F43), the owner's shares (F33), the tax."""

import asyncio
import logging
from datetime import date
from typing import TYPE_CHECKING, Final

from activities.account.first_look import SharesKnown
from activities.account.session_books import SessionBooks
from domain.costs import BANKIS_COMMISSION, unknown_tax
from domain.events.market import calendar_disagreement, calendar_not_confirmed, tax_year_unknown
from domain.identity import AccountId
from domain.lane import Lane
from domain.money import Rate
from domain.session import SessionDate, TradingCalendar, session_date_of

if TYPE_CHECKING:
    from activities.support.pace import Pace
    from broker.protocol import Broker
    from database.database import Database

logger = logging.getLogger("haru.day_start")

_LOOKED_WITHIN: Final = 12.0
"""Seconds that a scan waits for the first look; the next scan retries."""


class DayStart:
    """Compares each day once; all processes of the fleet share one request to the broker."""

    def __init__(
        self,
        broker: "Broker",
        database: "Database",
        calendar: TradingCalendar,
        pace: "Pace",
        commission: Rate = BANKIS_COMMISSION,
    ) -> None:
        self._broker = broker
        self._database = database
        self._calendar = calendar
        self._pace = pace
        self._known = SharesKnown(broker, database, pace)
        self.books = SessionBooks(broker, database, pace, commission)
        self._compared: date | None = None
        self._looked: date | None = None
        self._objection = ""
        self._one_at_a_time = asyncio.Lock()

    async def compare(self, account_id: AccountId, day: date) -> str:
        """Return why entries are closed on a KST date; empty when the calendars agree and the books are compared.

        Close the entries of a date on which broker and calendar disagree.

        Raises:
            TradingError: the broker has not answered, so nothing is known yet.
        """
        async with self._one_at_a_time:
            if self._compared != day:
                await self._warn_of_tax(account_id, SessionDate(day))
                self._objection = await self._compare(account_id, SessionDate(day))
                self._compared = day
            if self._objection:
                # Repeated each time: entries that another cause had closed may have been reopened.
                await self._database.risk.close_entries(account_id, SessionDate(day), self._objection, self._pace.now())
        return self._objection or await self._begin(account_id, SessionDate(day))

    async def _begin(self, account_id: AccountId, day: SessionDate) -> str:
        """Compare the books of today's session, then record the owner's shares; return why entries stay closed.

        The books come first: after a split they show how many of the shares are ours.
        """
        if day != session_date_of(self._pace.now()) or self._calendar.session_on(day) is None:
            return ""
        objection = await self.books.objection(account_id, day)
        if not objection and self._looked != day:
            try:
                async with self._one_at_a_time, asyncio.timeout(_LOOKED_WITHIN):
                    await self._known.look_first(account_id, day)
            except TimeoutError:
                return "the owner's shares are not known yet"
            self._looked = day
        return objection

    async def _warn_of_tax(self, account_id: AccountId, day: SessionDate) -> None:
        """Warn once per session that its sales are booked with an earlier year's tax."""
        text = unknown_tax(self._calendar.settlement_of(day))
        if not text or self._calendar.session_on(day) is None:
            return
        await self._database.events.append(tax_year_unknown(account_id, day, text, self._pace.now()))

    async def _compare(self, account_id: AccountId, day: SessionDate) -> str:
        expected = self._calendar.session_on(day) is not None
        answer = await self._database.session_days.answer(
            account_id, day, lambda: self._broker.is_session_day(day, Lane.SCAN)
        )
        if answer is None:
            await self._note(account_id, day)
        return "" if answer in {None, expected} else await self._shut(account_id, day, expected=expected)

    async def _note(self, account_id: AccountId, day: SessionDate) -> None:
        text = "this service has no calendar to compare with; only Haru's calendar is used"
        await self._database.events.append(calendar_not_confirmed(account_id, day, text, self._pace.now()))

    async def _shut(self, account_id: AccountId, day: SessionDate, *, expected: bool) -> str:
        reason = (
            f"calendars disagree: {day} is {_word(expected)} in Haru's and {_word(not expected)} in the broker's; "
            f"if the broker is right, set HARU_CALENDAR__{'CLOSURES' if expected else 'SESSIONS'}={day}"
        )
        logger.error("calendar_disagreement", extra={"date": day.isoformat(), "reason": reason})
        await self._database.events.append(calendar_disagreement(account_id, day, reason, self._pace.now()))
        return reason


def _word(is_open: bool) -> str:  # noqa: FBT001 - the flag is the value to describe
    return "a session" if is_open else "closed"
