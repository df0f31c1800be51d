"""Create the report's files from settings: the verb ``starter.py report`` and the last step of the demo."""

import argparse
import asyncio
import json
import sys
import webbrowser
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cli.asked_dates import require_known, stretch_of, unknown_stretch
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS
from domain.errors import TradingError
from domain.identity import AccountId
from domain.money import Won
from domain.session import Session, SessionDate, session_date_of
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from reporting.day import day_values
from reporting.reading import read_day
from reporting.spoken import say
from reporting.stretch import stretch_values
from reporting.writing import Written, write
from runtime.embedded.books import database_alone
from runtime.embedded.errors import EmbeddedError
from runtime.settings import Settings, load_settings

_POOL_SIZE: Final = 2
_VERIFIES_WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """The books of one account. ``others_away``: only the database runs, so verification is not possible."""

    settings: Settings
    database: Database
    account_id: AccountId
    others_away: bool = False


async def report(asked: argparse.Namespace) -> int:
    """Write the requested report and print its path."""
    settings = load_settings()
    async with open_books(settings) as books:
        stretch = stretch_of(asked)
        if stretch is None:
            if asked.date is not None:
                await _require_known(books, asked.date)
            values = await values_of_day(books, asked.date, asked.capital)
        else:
            values = await _values_of_stretch(books, stretch, asked.capital)
    folder = asked.out or settings.reports
    try:
        written = await write(values, asked.lang or settings.report.language, folder)
    except OSError as error:
        raise OperationError(f"{folder} cannot be written to ({error}); name another folder with --out") from None
    _say(written, as_json=asked.json)
    if asked.open and not await asyncio.to_thread(webbrowser.open, written.html.resolve().as_uri()):
        sys.stderr.write(f"starter.py: {say('no browser could be opened; open the page yourself')}\n")
    return 0


@asynccontextmanager
async def open_books(settings: Settings) -> AsyncIterator[OpenBooks]:
    """Open the books with only PostgreSQL running. An embedded one is started, and stopped afterwards.

    Raises:
        OperationError: the database has never belonged to an account.
    """
    async with database_alone(settings) as found:
        if found.started_here:
            from database.migrations import apply  # noqa: PLC0415 - a database that runs is migrated

            await asyncio.to_thread(apply, found.migration_url or found.url, found.url)
        database = await open_database(found.url, _POOL_SIZE)
        try:
            pinned = await database.accounts.pinned()
            if pinned is None:
                raise OperationError("no worker has traded with this database yet; start `python worker.py` first")
            yield OpenBooks(settings, database, pinned[0], found.started_here)
        finally:
            await database.aclose()


async def values_of_day(books: OpenBooks, date: SessionDate | None, capital: Won | None = None) -> dict[str, Any]:
    """Return a session's report, by default the latest; verify the session first if that is pending and possible."""
    session = _session_on(books, date or await _latest(books))
    await _verify(books, session)
    return day_values(await read_day(books.database, books.account_id, session), capital)


async def _values_of_stretch(
    books: OpenBooks, ends: tuple[SessionDate, SessionDate], capital: Won | None
) -> dict[str, Any]:
    first, last = ends
    dates = [date for date in await books.database.day_seen.dates(books.account_id) if first <= date <= last]
    if not dates:
        raise OperationError(unknown_stretch(first, last))
    days = [await read_day(books.database, books.account_id, session) for session in _sessions(books, dates)]
    return stretch_values(days, capital)


async def _require_known(books: OpenBooks, date: SessionDate) -> None:
    _session_on(books, date)
    require_known(date, await books.database.day_seen.dates(books.account_id))


async def _latest(books: OpenBooks) -> SessionDate:
    dates = await books.database.day_seen.dates(books.account_id)
    if not dates:
        raise OperationError("the books know of no session yet; name a date, or trade first")
    return dates[-1]


def _session_on(books: OpenBooks, date: SessionDate) -> Session:
    calendar = krx_calendar(date.year, date.year, books.settings.calendar.overrides())
    session = calendar.session_on(date)
    if session is None:
        raise OperationError(f"{date} has no session: the exchange is closed; name another date")
    return session


def _sessions(books: OpenBooks, dates: Sequence[SessionDate]) -> list[Session]:
    """Return every session between the first and the last date, including sessions without a trade."""
    calendar = krx_calendar(dates[0].year, dates[-1].year, books.settings.calendar.overrides())
    days = [date.fromordinal(day) for date in dates[:1] for day in range(date.toordinal(), dates[-1].toordinal() + 1)]
    return [session for day in days if (session := calendar.session_on(day)) is not None]


async def _verify(books: OpenBooks, session: Session) -> None:
    """Verify today's session unless it is verified. A past one cannot be compared with today's broker."""
    kept = await books.database.day_seen.verdict_on(books.account_id, session.date)
    if books.others_away or (kept is not None and kept.verdict.get("over")):
        return
    import httpx  # noqa: PLC0415 - a past day, and books alone, need no verifier
    from temporalio.service import RPCError  # noqa: PLC0415

    from runtime.temporal_connection import TemporalAwayError  # noqa: PLC0415
    from verifier.connecting import open_sources, plan_of  # noqa: PLC0415
    from verifier.reading import read_books  # noqa: PLC0415
    from verifier.report import report_json  # noqa: PLC0415
    from verifier.verdict import judge  # noqa: PLC0415

    away = (TemporalAwayError, EmbeddedError, TradingError, RPCError, RuntimeError, TimeoutError, httpx.HTTPError)
    try:
        async with asyncio.timeout(_VERIFIES_WITHIN), open_sources(books.settings) as sources:
            now = sources.clock.market_time(datetime.now(UTC))  # noqa: TID251 - operators work in real time
            if session_date_of(now) != session.date:
                return
            plan = plan_of(sources, books.settings, session.date)
            verdict = report_json(await judge(lambda: read_books(sources, plan)))
    except (*away, *DATABASE_FAULTS):  # the report continues without the verdict
        return
    await books.database.day_seen.keep_verdict(books.account_id, session.date, verdict)


def _say(written: Written, *, as_json: bool) -> None:
    if as_json:
        text = json.dumps({"html": str(written.html), "json": str(written.json)}, ensure_ascii=False, indent=2)
    else:
        text = say(f"Report: {written.html}\nFigures: {written.json}")
    sys.stdout.write(text + "\n")
