"""The page of each session after its close: a duty that may fail without anybody trading any worse for it."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from database.errors import DATABASE_FAULTS
from domain.session import SessionDate
from operations.fleet import Fleet
from reporting.day import day_values
from reporting.page import Language
from reporting.reading import read_day
from reporting.writing import write

logger = logging.getLogger("haru.hosting")


class ReportDuty:
    """Writes the latest session's report once its summary stands, and anew when the summary changes."""

    def __init__(self, fleet: Fleet, folder: Path, language: Language) -> None:
        self._fleet = fleet
        self._folder = folder
        self._language = language
        self._done: tuple[SessionDate, datetime] | None = None

    async def look(self) -> None:
        """Write what this process has not; a database that is away is asked again, anything else is only told."""
        latest = await self._fleet.database.summaries.latest(self._fleet.account_id)
        if latest is None or latest == self._done:
            return
        try:
            await self._write(latest[0])
        except DATABASE_FAULTS:
            raise
        except Exception:
            logger.exception("report_not_written", extra={"session_date": latest[0].isoformat()})
        self._done = latest

    async def _write(self, date: SessionDate) -> None:
        session = self._fleet.calendar.session_on(date)
        if session is None:
            return
        books = await read_day(self._fleet.database, self._fleet.account_id, session)
        # Pure arithmetic over the whole day: not where heartbeats are waiting.
        values = await asyncio.to_thread(day_values, books)
        written = await write(values, self._language, self._folder)
        logger.info("report_written", extra={"session_date": date.isoformat(), "report": str(written.html)})
