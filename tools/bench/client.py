"""The real client in the benchmark's own process, with the account's token and rate budget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from activities.support.pace import RealPace
from broker.kis.broker import KisBroker
from database.database import Database, open_database
from runtime.composition import broker_for
from runtime.place import place_of
from runtime.settings import load_settings
from tools.bench.stack import Stack


@dataclass(frozen=True, slots=True)
class Client:
    """The dependencies that an activity gets injected."""

    broker: KisBroker
    database: Database
    pace: RealPace


@asynccontextmanager
async def open_client(stack: Stack) -> AsyncIterator[Client]:
    """Connect to the simulator and the database."""
    settings = load_settings()
    place = place_of(settings, stack.endpoints)
    pace = RealPace(place.clock)
    database = await open_database(place.database_url)
    try:
        async with broker_for(settings, place, database, pace) as broker:
            yield Client(broker, database, pace)
    finally:
        await database.aclose()
