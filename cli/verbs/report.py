"""Create the report's files from settings: the verb ``starter.py report`` and the last step of the demo."""

import argparse
import asyncio
import json
import sys
import webbrowser
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.asked_dates import require_known, stretch_of, unknown_stretch
from database.database import Database, open_database
from database.errors import DATABASE_FAULTS
from domain.errors import TradingError
from domain.identity import AccountId
from domain.money import Won
from domain.position import ClosedTrade
from domain.session import Session, SessionDate, session_date_of
from domain.summary import FLEET
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from reporting.day import day_values
from reporting.listing import BACKTESTS, NAME, SWEEPS, session_row, write_index
from reporting.market import UNRECORDED, Recorded, unread
from reporting.reading import DayBooks, read_day
from reporting.sentences import Language
from reporting.spoken import say
from reporting.stretch import stretch_values
from reporting.writing import suffixed, write
from runtime.embedded.books import NoBooksError, database_alone
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
    language = asked.lang or settings.report.language
    if asked.backtest is not None or asked.index:
        return await _without_a_day(asked, settings, language)
    async with open_books(settings) as books:
        stretch = stretch_of(asked)
        if stretch is None:
            if asked.date is not None:
                await _require_known(books, asked.date)
            values = await values_of_day(books, asked.date, asked.capital)
        else:
            values = await _values_of_stretch(books, stretch, asked.capital)
        sessions = await sessions_of(books)
    folder = asked.out or settings.reports
    if asked.out is None:
        values["index"] = suffixed(NAME, language)
    try:
        written = await write(values, language, folder)
        index = None if asked.out else await _write_index(settings, language, sessions)
    except OSError as error:
        raise OperationError(f"{folder} cannot be written to ({error}); name another folder with --out") from None
    _say({"html": written.html, "json": written.json, "index": index}, as_json=asked.json)
    return await _shown(written.html, asked)


async def _without_a_day(asked: argparse.Namespace, settings: Settings, language: Language) -> int:
    """Write the index, or the page of a backtest and the index."""
    page = None
    if asked.backtest is not None:
        from cli.verbs.report_backtest import write_again  # noqa: PLC0415 - brings the simulator

        page, sessions = await asyncio.to_thread(write_again, asked, settings, language), None
    else:
        sessions = await _sessions_if_any(settings)
    index = await _write_index(settings, language, sessions)
    _say({"html": page, "index": index}, as_json=asked.json)
    return await _shown(page or index, asked)


async def _sessions_if_any(settings: Settings) -> list[dict[str, Any]] | None:
    """Return every session of the books; None in a data folder that has backtests or sweeps and no books."""
    try:
        async with open_books(settings) as books:
            return await sessions_of(books)
    except NoBooksError:
        if not any((settings.data_dir / name).is_dir() for name in (BACKTESTS, SWEEPS)):
            raise
        return None


async def _write_index(settings: Settings, language: Language, sessions: Sequence[Mapping[str, Any]] | None) -> Path:
    return await asyncio.to_thread(write_index, settings.reports, language, sessions)


def _open(page: Path) -> bool:
    return webbrowser.open(page.resolve().as_uri())


async def _shown(page: Path, asked: argparse.Namespace) -> int:
    if asked.open:
        await open_page(page)
    return 0


async def open_page(page: Path) -> None:
    """Show a page in a browser, or say that there is none."""
    if not await asyncio.to_thread(_open, page):
        sys.stderr.write(f"starter.py: {say('no browser could be opened; open the page yourself')}\n")


async def sessions_of(books: OpenBooks) -> list[dict[str, Any]]:
    """Return every session of the books as the index lists it."""
    database, account_id, rows = books.database, books.account_id, list[dict[str, Any]]()
    for date in await database.day_seen.dates(account_id):
        verdict = await database.day_seen.verdict_on(account_id, date)
        violations = None if verdict is None else verdict.verdict.get("violations")
        rows.append(session_row(f"{date}", await database.summaries.get(account_id, date, FLEET), violations))
    return rows


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
    day = await read_day(books.database, books.account_id, session)
    recorded, notes = await asyncio.to_thread(_recorded, books.settings, [day])
    costs = await asyncio.to_thread(_slippage, books.settings, day.trades)
    return day_values(day, capital, recorded) | notes | costs


async def _values_of_stretch(
    books: OpenBooks, ends: tuple[SessionDate, SessionDate], capital: Won | None
) -> dict[str, Any]:
    first, last = ends
    dates = [date for date in await books.database.day_seen.dates(books.account_id) if first <= date <= last]
    if not dates:
        raise OperationError(unknown_stretch(first, last))
    days = [await read_day(books.database, books.account_id, session) for session in _sessions(books, dates)]
    recorded, notes = await asyncio.to_thread(_recorded, books.settings, days)
    trades = [trade for day in days for trade in day.trades]
    costs = await asyncio.to_thread(_slippage, books.settings, trades)
    return stretch_values(days, capital, recorded) | notes | costs


def _slippage(settings: Settings, trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    """Return the realised slippage beside that of the fill model (won), if ``slippage`` has measured the model."""
    from lab.slippage import MODEL_FILE, extra_slippage, kept  # noqa: PLC0415 - most folders have none

    model = kept(settings.data_dir, MODEL_FILE)
    if model is None or not trades:
        return {}
    from lab.recorded_market import turnovers  # noqa: PLC0415 - brings the store of recorded bars

    before, realised = turnovers(settings.data_dir / "bars", trades), sum(trade.slippage for trade in trades)
    modelled = realised + sum(extra_slippage(trade, model, before) for trade in trades)
    return {"slippage": {"realised": realised, "modelled": modelled}}


def _recorded(settings: Settings, days: Sequence[DayBooks]) -> tuple[Recorded, dict[str, Any]]:
    """Return the recorded bars of the traded stocks, and a note for the page if the store cannot be read."""
    folder = settings.data_dir / "bars"
    if not folder.exists():
        return UNRECORDED, {}
    from history.errors import HistoryError  # noqa: PLC0415 - most days have no recorded bars
    from history.store import BarStore  # noqa: PLC0415
    from lab.recorded_market import Traded, read_market  # noqa: PLC0415

    traded: Traded = {day.date: sorted({position.symbol for position in day.positions}) for day in days}
    try:
        return read_market(BarStore(folder), traded), {}
    except HistoryError as error:
        return UNRECORDED, {"gaps": [unread(error)]}


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


def _say(written: Mapping[str, Path | None], *, as_json: bool) -> None:
    found = {name: str(path) for name, path in written.items() if path is not None}
    if as_json:
        text = json.dumps(found, ensure_ascii=False, indent=2)
    else:
        paths = {name: found.get(name, "") for name in ("html", "json", "index")}
        lines = (f"Report: {paths['html']}", f"Figures: {paths['json']}", f"All reports: {paths['index']}")
        text = "\n".join(say(line) for line, path in zip(lines, paths.values(), strict=True) if path)
    sys.stdout.write(text + "\n")
