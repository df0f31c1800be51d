"""``bars download``: minute and daily bars from KIS, through the fleet's rate budget in its last lane."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Final

from activities.support.pace import RealPace
from broker.kis.broker import KisBroker
from cli.verbs.bars_terminal import answer, calendar_of_bars, history_errors, progress_bar, store_of
from database.database import open_database
from database.migrations import apply
from domain.clock import MarketClock
from domain.errors import TradingError
from domain.identity import Environment
from domain.masking import Masking
from domain.session import Session, TradingCalendar
from fleet.errors import NothingRunsError, OperationError
from history.downloading import Downloaded, Downloader
from history.provenance import Source
from history.rows import RowError, symbol_of
from reporting.spoken import say
from runtime.composition import broker_for
from runtime.embedded.books import database_alone
from runtime.embedded.endpoints import Endpoints
from runtime.embedded.finding import find_endpoints, with_configured_market
from runtime.place import place_of
from runtime.settings import Settings, load_settings

_POOL_SIZE: Final = 4
_SETTLED: Final = timedelta(minutes=15)
"""After the end of a session, until its bars are complete."""


async def download_bars(asked: argparse.Namespace) -> int:
    """Download what is missing; return 1 if something failed.

    Raises:
        OperationError: a symbol is no stock code, no session lies between the dates, or the broker is away.
    """
    settings = load_settings()
    try:
        symbols = list(dict.fromkeys(map(symbol_of, asked.symbols)))
    except RowError as error:
        raise OperationError(str(error)) from None
    with history_errors():
        store = store_of(settings, asked)
        async with _opened(settings) as (broker, clock):
            calendar = calendar_of_bars(settings)
            now = datetime.now(UTC)  # noqa: TID251 - operators work in real time
            sessions = _sessions(asked.first, asked.last, calendar, clock.market_time(now))
            origin = f"KIS {settings.broker.environment}"
            source = Source(f"download-{now:%Y%m%d-%H%M%S}", origin, now, {"prices": "as traded"})
            with store.writing(), progress_bar() as bars:
                task = bars.add_task(say("Downloading"), total=len(symbols) * len(sessions))
                downloader = Downloader(store, broker.charts, source, lambda: bars.advance(task))
                try:
                    await downloader.run(symbols, sessions, calendar)
                except TradingError as error:
                    raise OperationError(
                        f"{error}; {_stored(downloader.done)}. Run the same command again to go on"
                    ) from error
    done = downloader.done
    value = {**asdict(done), "folder": str(store.folder), "sessions": len(sessions), "symbols": symbols}
    answer(asked, lambda: value, lambda: _lines(done, str(store.folder)))
    return 1 if done.failed else 0


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[KisBroker, MarketClock]]:
    """Open the account's broker with the fleet's token and rate budget, whether a fleet runs or not."""
    endpoints = await find_endpoints(settings) or await with_configured_market(settings, Endpoints())
    if endpoints.market is None and settings.broker.environment is Environment.SIMULATED:
        raise NothingRunsError(f"no simulator runs in {settings.data_dir}; start `python worker.py` first")
    async with database_alone(settings) as found:
        if found.started_here:
            await asyncio.to_thread(apply, found.migration_url or found.url, found.url)
        database = await open_database(found.url, _POOL_SIZE, mask=Masking(settings.secrets()))
        try:
            place = place_of(settings, endpoints)
            async with broker_for(settings, place, database, RealPace(place.clock)) as broker:
                yield broker, place.clock
        finally:
            await database.aclose()


def _sessions(first: date, last: date | None, calendar: TradingCalendar, now: datetime) -> list[Session]:
    """Return the sessions between two dates that are complete.

    Raises:
        OperationError: there are none.
    """
    end = min(last or now.date(), now.date() + timedelta(days=1))
    days = (date.fromordinal(ordinal) for ordinal in range(first.toordinal(), end.toordinal() + 1))
    sessions = [session for day in days if (session := calendar.session_on(day)) and session.ends_at + _SETTLED <= now]
    if not sessions:
        raise OperationError(f"no complete session lies between {first} and {end}; choose an earlier --from")
    return sessions


def _lines(done: Downloaded, folder: str) -> Iterator[str]:
    yield f"{_stored(done)} in {folder}; {done.skipped:,} were there already"
    if done.empty:
        yield f"{done.empty:,} stock-days without bars at KIS: no trades, not listed, or longer ago than KIS keeps them"
    yield from (f"failed: {each}" for each in done.failed)


def _stored(done: Downloaded) -> str:
    return f"{done.stored:,} stock-days and {done.daily:,} daily bars stored"
