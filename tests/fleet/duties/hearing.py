"""Minimal hosting processes that stream from a simulator over real sockets, at the market's own speed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from activities.entries import PreparedEntry
from activities.market.coverage import Coverage
from activities.market.stream_consumer import Ears
from activities.support.pace import RealPace
from broker.kis import KisBroker, KisConnection
from broker.kis.stream import StreamAddress
from broker.protocol import AccessToken
from domain.clock import MarketClock
from domain.identity import SIMULATED_ACCOUNT, Environment
from domain.lane import Lane
from domain.market import Symbol
from domain.money import Price
from fleet.duties.attending import StreamBounds
from fleet.duties.streaming import Streaming
from simulator.clock import MarketClock as ExchangeClock
from simulator.simulation import Simulation
from tests.activities.desk import OPENS_AT, Desk
from tests.broker.parts import APP_KEY, APP_SECRET, Budget
from tests.simulator.streaming import Venue, a_venue
from tests.support.builders import SAMSUNG
from tests.support.stepping import ACCOUNT, EXCHANGE_CALENDAR, FINGERPRINT, kst, pinned_database

AN_HOUR: Final = timedelta(hours=1)
BOUNDS: Final = StreamBounds(round=0.2, hears_again_within=1.0, pause_when_in_use=0.4)
"""Shorter than with a real broker."""
DEAF_AFTER: Final = timedelta(seconds=0.5)
_PRICES: Final = "/uapi/domestic-stock/v1/quotations/intstock-multprice"


class LivePace(RealPace):
    """Real time; ``waited`` counts from the start of the latest activity."""

    def __init__(self, clock: MarketClock) -> None:
        super().__init__(clock)
        self.begin()

    def begin(self) -> None:
        self._begun_at = asyncio.get_running_loop().time()

    def waited(self) -> timedelta:
        return timedelta(seconds=asyncio.get_running_loop().time() - self._begun_at)


@dataclass
class Process:
    """One hosting process: its desk, its streaming, and methods to observe them."""

    desk: Desk
    streaming: Streaming
    keeping: "asyncio.Task[None]"

    @property
    def simulation(self) -> Simulation:
        return self.desk.simulation

    @property
    def owns_session(self) -> bool:
        return self.streaming._is_connected

    def asked(self) -> int:
        """Return the number of price requests at the broker."""
        return self.simulation.calls.by_path[_PRICES]

    async def price(self, symbol: Symbol = SAMSUNG, age: timedelta = AN_HOUR) -> Price:
        return (await self.desk.feed.quotes([symbol], age, Lane.WATCH))[symbol].price

    async def hears_of(self, symbol: Symbol = SAMSUNG) -> None:
        """Subscribe to a stock and wait until the stream delivers its price."""
        await self.price(symbol)
        await until(lambda: self.desk.feed.coverage.covers(symbol), f"the stream covers {symbol}")
        await self.price(symbol)

    async def knows_price(self, price: int, symbol: Symbol = SAMSUNG) -> None:
        await until(lambda: self.desk.feed._prices.known[symbol].price == price, f"{symbol} at {price}")

    async def rests(self) -> PreparedEntry:
        """Place a buy, and move the market above its limit."""
        entry = await self.desk.prepared()
        self.moves(1.05, volume=0)
        await self.desk.submits(entry)
        return entry

    def moves(self, factor: float, **path: Any) -> int:
        """Let the price jump and stay there; return the new price."""
        price = round(self.desk.price() * factor / 100) * 100
        self.simulation.force_price(SAMSUNG, price, natural=False, **path)
        return price


async def until(condition: Callable[[], bool], what: str, limit: float = 12.0) -> None:
    """Wait until a condition holds."""
    try:
        async with asyncio.timeout(limit):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {limit} s: {what}") from None


@asynccontextmanager
async def a_market(**settings: Any) -> AsyncIterator[Venue]:
    """Run a simulator whose market starts at ten o'clock and runs at its own speed."""
    clock = ExchangeClock(datetime.now(UTC), kst(OPENS_AT))  # noqa: TID251 - the market begins now
    async with a_venue(clock=clock, calendar=EXCHANGE_CALENDAR, **settings) as venue:
        venue.simulation.force_price(SAMSUNG, 70_000, natural=False)
        yield venue


@asynccontextmanager
async def a_process(
    venue: Venue, database_url: str, silence: float = 8.0, bounds: StreamBounds = BOUNDS
) -> AsyncIterator[Process]:
    """Run one process's streaming beside its activities."""
    clock = venue.simulation.settings.clock
    assert isinstance(clock, ExchangeClock)
    pace = LivePace(MarketClock(clock.real_anchor, clock.market_anchor, clock.speed))
    number, product = SIMULATED_ACCOUNT.split("-")
    connection = KisConnection(
        environment=Environment.SIMULATED,
        trading_url=venue.url(),
        app_key=SecretStr(APP_KEY),
        app_secret=SecretStr(APP_SECRET[:180].ljust(180, "s")),
        account_number=SecretStr(number),
        product_code=product,
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(pinned_database(database_url))
        tokens = database.tokens(FINGERPRINT, AccessToken)
        broker = await stack.enter_async_context(KisBroker(connection, Budget(), tokens, pace.now))
        desk = Desk(venue.simulation, database, broker, pace, Coverage(pace, DEAF_AFTER))  # type: ignore[arg-type]
        keys = database.tokens(f"{FINGERPRINT}/stream", AccessToken)
        stream = broker.stream(StreamAddress(venue.url("ws"), "haru", silence), keys)
        streaming = Streaming(ACCOUNT, database, stream, Ears(desk.feed, desk.notices, pace.now), bounds)
        keeping = asyncio.create_task(streaming.keep())
        try:
            yield Process(desk, streaming, keeping)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
