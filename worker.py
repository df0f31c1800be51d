"""Host the trading: ``python worker.py`` starts what is not configured and runs workflows and activities until told."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from activities.pace import RealPace
from composition import (
    Collaborators,
    account_of,
    broker_for,
    calendar_of,
    connect_temporal,
    hosting,
    key_fingerprint,
    place_of,
    secrets_of,
    workers_for,
)
from database.database import open_database
from database.migrations import apply
from domain.errors import TradingError
from embedded.errors import EmbeddedError
from embedded.parts import EmbeddedParts
from embedded.search_attributes import ensure_search_attributes
from settings import Settings, SettingsError, load_settings
from telemetry import start_logging, temporal_runtime
from workflows import attributes

logger = logging.getLogger("haru.worker")


async def host(settings: Settings, told_to_stop: asyncio.Event) -> None:
    """Bring everything up, trade until told to stop, drain, and take everything down in reverse."""
    async with EmbeddedParts(settings, attributes.ALL) as parts:
        place = place_of(settings, parts.endpoints)
        applied = await asyncio.to_thread(apply, place.database_url)
        database = await open_database(place.database_url)
        try:
            pace = RealPace(place.clock)
            client = await connect_temporal(settings, place, temporal_runtime(settings.telemetry))
            await ensure_search_attributes(client, attributes.ALL)
            account = account_of(settings)
            async with broker_for(settings, place, database, pace) as broker:
                await database.accounts.pin(account, settings.broker.environment, key_fingerprint(settings))
                with_ = Collaborators(broker, database, pace, calendar_of(settings, place.clock))
                async with hosting(workers_for(client, account, with_)):
                    _announce(settings, str(parts.endpoints), applied)
                    await _until_told_or_broken(parts, told_to_stop)
        finally:
            await database.aclose()


async def _until_told_or_broken(parts: EmbeddedParts, told_to_stop: asyncio.Event) -> None:
    told = asyncio.create_task(told_to_stop.wait())
    broken = asyncio.create_task(parts.first_failure())
    done, waiting = await asyncio.wait({told, broken}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if broken in done:
        raise broken.result()


def _announce(settings: Settings, where: str, migrations: int) -> None:
    logger.info("worker_ready", extra={"environment": settings.broker.environment, "migrations": migrations})
    print(f"haru worker ready: {settings.broker.environment.upper()} account. {where}", flush=True)
    print("Next: python starter.py --workers 5   (Ctrl-C here drains and stops)", flush=True)


async def _main() -> int:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    try:
        settings = load_settings()
        start_logging(settings.telemetry, secrets_of(settings))
        await host(settings, told_to_stop)
    except (SettingsError, EmbeddedError, TradingError) as error:
        print(f"worker.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_main()))
