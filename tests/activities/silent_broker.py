"""A broker that accepts connections and answers no request; the real client waits over real HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.kis.sockets import kis_transport
from broker.protocol import AccessToken
from database.database import Database
from domain.identity import SIMULATED_ACCOUNT, Environment
from tests.activities.desk import HandPace
from tests.broker.parts import APP_KEY, APP_SECRET, Budget
from tests.fleet.duties.hearing import LivePace
from tests.support.stepping import FINGERPRINT

PRICES = "intstock-multprice"
BALANCE = "inquire-balance"
ORDERS = "inquire-daily-ccld"


@dataclass
class SilentServer:
    """Reads requests without answering; ``asked`` counts them by the last part of their path."""

    asked: Counter[str] = field(default_factory=Counter)
    port: int = 0
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        while line := await reader.readline():
            if line.startswith((b"GET ", b"POST ")):
                path = line.split()[1].decode().split("?")[0]
                self.asked[path.rsplit("/", 1)[-1]] += 1

    def close(self) -> None:
        for writer in self._open:
            writer.close()


@asynccontextmanager
async def a_silent_broker(
    database: Database, pace: LivePace | HandPace, hangs_for: float
) -> AsyncIterator[tuple[SilentServer, KisBroker]]:
    """Run the server, and a client that gives up each call after so many seconds."""
    silent = SilentServer()
    server = await asyncio.start_server(silent.hear, "127.0.0.1", 0)
    silent.port = server.sockets[0].getsockname()[1]
    number, product = SIMULATED_ACCOUNT.split("-")
    connection = KisConnection(
        environment=Environment.SIMULATED,
        trading_url=f"http://127.0.0.1:{silent.port}",
        app_key=SecretStr(APP_KEY),
        app_secret=SecretStr(APP_SECRET[:180].ljust(180, "s")),
        account_number=SecretStr(number),
        product_code=product,
        timeout=hangs_for,
    )
    tokens = database.tokens(FINGERPRINT, AccessToken)
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # noqa: TID251 - tokens expire in real time
    await tokens.store(AccessToken("a-token", tomorrow))
    try:
        async with KisBroker(connection, Budget(), tokens, pace.now, kis_transport()) as broker:
            yield silent, broker
    finally:
        silent.close()
        server.close()
