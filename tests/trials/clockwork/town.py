"""Parts that outlast the days: one database and one connection to the broker, shared by one day after the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import httpx
from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.protocol import AccessToken
from database.database import Database
from database.pool import Pool, open_pool
from database.reports import Reports
from domain.identity import SIMULATED_ACCOUNT, Environment
from lab.emptying import EMPTY_EVERYTHING
from runtime.composition import Collaborators
from tests.broker.parts import APP_KEY, APP_SECRET, Budget
from tests.support.stepping import ACCOUNT, CALENDAR, FINGERPRINT, SteppingPace
from tests.trials.clockwork.host import Host, Process, activities_of
from tests.trials.clockwork.mortal import Life, MortalPool, MortalTransport

_NIGHT: Final = "UPDATE stock_locks SET expires_at = clock_timestamp() WHERE expires_at > clock_timestamp()"

_WRITES_WITHIN: Final = 120.0
"""Real seconds. A report delayed by a slow disk must not change its process's path from the day before."""


class Town:
    """A database that many days share, one after the other."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.database = Database(pool)

    async def clear(self) -> None:
        """Start with empty books."""
        await self.pool.execute(EMPTY_EVERYTHING)
        await self.database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)

    async def let_leases_lapse(self) -> None:
        """Expire the leases as a night does: they use database time, which stands still in these tests."""
        await self.pool.execute(_NIGHT)

    def host_on(self, street: httpx.AsyncBaseTransport, pace: SteppingPace, ends_at: int | str = 0) -> Host:
        """Return a host whose processes use this transport; the first of them dies at a crossing, 0 for never."""
        return Host(lambda life: Process(life, activities_of(self._collaborators(life, street, pace))), ends_at)

    def _collaborators(self, life: Life, street: httpx.AsyncBaseTransport, pace: SteppingPace) -> Collaborators:
        database = Database(MortalPool(self.pool, life))  # type: ignore[arg-type]
        database.reports = Reports(_WRITES_WITHIN)
        number, product = SIMULATED_ACCOUNT.split("-")
        began = pace.clock.market_anchor
        connection = KisConnection(
            environment=Environment.SIMULATED,
            trading_url="http://simulator",
            app_key=SecretStr(APP_KEY),
            app_secret=SecretStr(APP_SECRET[:180].ljust(180, "s")),
            account_number=SecretStr(number),
            product_code=product,
            real_time=lambda: datetime.now(UTC) + (pace.now() - began),  # noqa: TID251 - tokens expire in real time
        )
        tokens = database.tokens(FINGERPRINT, AccessToken)
        broker = KisBroker(connection, Budget(), tokens, pace.now, MortalTransport(street, life))
        return Collaborators(broker, database, pace, CALENDAR)


@asynccontextmanager
async def a_town(database_url: str) -> AsyncIterator[Town]:
    """Open the book of record for a series of days."""
    pool = await open_pool(database_url, 5)
    try:
        yield Town(pool)
    finally:
        await pool.close()
