"""Open the configured fleet, otherwise the one that ``worker.py`` runs here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio.service import RPCError

from database.database import open_database, open_when_back
from database.errors import DATABASE_FAULTS, database_cause
from domain.errors import TradingError, with_remedy
from domain.masking import Masking
from fleet.errors import NothingRunsError, OperationError
from fleet.fleet import Fleet
from runtime.account_names import account_in
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.finding import find_endpoints
from runtime.place import calendar_of, leads_of, place_of
from runtime.price_supply import supply_of
from runtime.settings import Settings, SettingsError
from runtime.temporal_connection import USUAL_REMEDY, TemporalAwayError, check_keys, connect_temporal
from security.backup_file import BackupFileError

_POOL_SIZE: Final = 2
BOOKS_WITHIN: Final = 15.0
"""Real seconds after which the kill switch continues without PostgreSQL."""
_START_FIRST: Final = "start `python worker.py` first"
EXPECTED_ERRORS: Final = (
    *(SettingsError, EmbeddedError, OperationError, TradingError, BackupFileError, RPCError),
    *DATABASE_FAULTS,
)
"""Errors reported in one line, without a traceback."""


@asynccontextmanager
async def open_fleet(settings: Settings, *, without_books: bool = False, lazy: bool = False) -> AsyncIterator[Fleet]:
    """Connect to the configured fleet, otherwise to the one that ``worker.py`` runs here.

    ``without_books`` continues while PostgreSQL is away. ``lazy`` connects to Temporal at the first call.

    Raises:
        NothingRunsError: no fleet is configured and none runs here.
    """
    endpoints = await find_endpoints(settings)
    if endpoints is None:
        raise NothingRunsError(f"nothing runs in {settings.data_dir}; {_START_FIRST}")
    place, mask = place_of(settings, endpoints), Masking(settings.secrets())
    try:
        client = await connect_temporal(settings, place, lazy=lazy)
    except TemporalAwayError as error:
        raise NothingRunsError(str(error).replace(USUAL_REMEDY, f"{USUAL_REMEDY}, or {_START_FIRST}")) from None
    try:
        async with asyncio.timeout(BOOKS_WITHIN if without_books else None):
            database = await open_database(place.database_url, _POOL_SIZE, mask=mask)
    except DATABASE_FAULTS as error:
        if without_books:
            database = await open_when_back(place.database_url, _POOL_SIZE, mask)
        else:
            raise NothingRunsError(f"PostgreSQL: {with_remedy(database_cause(error), _START_FIRST)}") from None
    try:
        if not without_books:  # the kill switch shuts the gate first, regardless of the keys
            await check_keys(settings, database, account_in(settings, database))
        yield Fleet(
            client=client,
            database=database,
            account_id=account_in(settings, database),
            environment=settings.broker.environment,
            clock=place.clock,
            calendar=calendar_of(settings, place.clock),
            web_ui=place.temporal_ui_url,
            leads=leads_of(settings),
            supply=supply_of(settings),
        )
    finally:
        await database.aclose()
