"""Write the report page of each session after its close. A failure of this duty does not affect trading."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from database.errors import DATABASE_FAULTS
from domain.session import Session, SessionDate
from fleet.duties.duty import Terms
from fleet.fleet import Fleet
from reporting.day import day_values
from reporting.reading import DayBooks, read_day
from reporting.sentences import Language
from reporting.writing import write

logger = logging.getLogger("haru.hosting")


class ReportDuty:
    """Write the latest session's report once its summary exists, and again when the summary changes."""

    terms = Terms("reports", within=900.0)

    def __init__(self, fleet: Fleet, folder: Path, language: Language) -> None:
        self._fleet = fleet
        self._folder = folder
        self._language = language
        self._done: tuple[SessionDate, datetime] | None = None

    async def look(self) -> None:
        """Write each report that this process has not written. Retry after a database fault; log any other error."""
        latest = await self._fleet.database.summaries.latest(self._fleet.account_id)
        if latest is None or latest == self._done:
            return
        session = self._fleet.calendar.session_on(latest[0])
        books = await self._read(session) if session is not None else None
        if books is not None:
            await self._write(books)
        self._done = latest

    async def _read(self, session: Session) -> DayBooks | None:
        try:
            return await read_day(self._fleet.database, self._fleet.account_id, session)
        except DATABASE_FAULTS:
            raise
        except Exception:
            logger.exception("report_not_written", extra={"session_date": session.date.isoformat()})
            return None

    async def _write(self, books: DayBooks) -> None:
        about: dict[str, str | int] = {"session_date": books.date.isoformat()}
        if books.last_row is not None:
            # The log keeps the audit log's last row outside the database.
            about |= {"audit_row": books.last_row.sequence, "audit_digest": books.last_row.digest}
        try:
            # Pure arithmetic over the whole day: run it outside the event loop, where heartbeats wait.
            values = await asyncio.to_thread(day_values, books)
            written = await write(values, self._language, self._folder)
        except Exception:
            logger.exception("report_not_written", extra=about)
        else:
            logger.info("report_written", extra={**about, "report": str(written.html)})
