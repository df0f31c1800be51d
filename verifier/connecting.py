"""Connect to the sources of the three books, using the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from activities.support.pace import RealPace
from broker.protocol import Broker
from database.database import open_database
from domain.close_plan import plan_session
from domain.identity import SIMULATED_ACCOUNT, Environment
from domain.session import SessionDate, SessionPlan, session_date_of
from runtime.account_names import account_in
from runtime.audit_keys import audit_key
from runtime.composition import broker_for
from runtime.embedded.audit_folder import AuditFolder
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.finding import find_endpoints
from runtime.place import calendar_of, leads_of, place_of
from runtime.settings import Settings
from runtime.temporal_connection import connect_temporal
from verifier.broker_truth import Simulated
from verifier.reading import Sources

_POOL_SIZE = 2


class NothingToVerifyError(EmbeddedError):
    """No system runs here, or the date has no session."""


@asynccontextmanager
async def open_sources(settings: Settings) -> AsyncIterator[Sources]:
    """Connect to the books of the configured account.

    Raises:
        NothingToVerifyError: nothing is configured, and nothing runs here.
    """
    endpoints = await find_endpoints(settings)
    if endpoints is None:
        raise NothingToVerifyError(f"nothing runs in {settings.data_dir}; start `python worker.py` first")
    place = place_of(settings, endpoints)
    client = await connect_temporal(settings, place)
    database = await open_database(place.database_url, _POOL_SIZE)
    account, account_id = settings.broker.account or SIMULATED_ACCOUNT, account_in(settings, database)
    last_row = partial(AuditFolder(settings.data_dir).anchor, account_id)
    try:
        if settings.broker.environment is Environment.SIMULATED:
            simulated: Simulated | Broker = Simulated(place.broker_url, account, endpoints.control_headers)
            yield Sources(client, database, simulated, account_id, place.clock, audit_key(settings), last_row)
            return
        async with broker_for(settings, place, database, RealPace(place.clock)) as broker:
            yield Sources(client, database, broker, account_id, place.clock, audit_key(settings), last_row)
    finally:
        await database.aclose()


def plan_of(sources: Sources, settings: Settings, date: SessionDate | None) -> SessionPlan:
    """Return the session of a KST date, by default today's; its cut-off is the latest of any fleet size.

    Raises:
        NothingToVerifyError: the exchange is closed on that date.
    """
    now = sources.clock.market_time(datetime.now(UTC))  # noqa: TID251 - operators work in real time
    day = date or session_date_of(now)
    session = calendar_of(settings, sources.clock).session_on(day)
    if session is None:
        raise NothingToVerifyError(f"{day} has no session")
    return plan_session(session, leads_of(settings), sources.clock.speed)
