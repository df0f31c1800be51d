"""The production KIS client in this process: orders and their lists by its own requests, quotations directly."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date, datetime
from typing import Final

import httpx
from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.protocol import RateSlot, TokenStore
from domain.errors import BrokerRefusedError
from domain.hosts import SIMULATED_KEY, SIMULATED_SECRET
from domain.identity import SIMULATED_ACCOUNT, Environment
from domain.lane import Crowding, Lane
from domain.market import DailyReference, InstrumentStatus, OrderBook, Quote, Symbol
from domain.session import SessionDate
from lab.market import LabMarket
from simulator.app import create_app
from simulator.simulation import Simulation

URL: Final = "http://simulator"
FINGERPRINT: Final = "lab"


class _Slot:
    def learn(self, crowding: Crowding) -> None:
        """Ignore it: nothing is shared."""


class NoBudget:
    """A rate budget without a limit: a backtest does not model KIS's calls per second."""

    def slot(self, lane: Lane, weight: int = 0) -> AbstractAsyncContextManager[RateSlot]:
        """Grant every call at once."""
        return nullcontext(_Slot())


class InProcess(httpx.AsyncBaseTransport):
    """A transport to a simulator in this process, whose clock follows another one."""

    def __init__(self, simulation: Simulation, now: Callable[[], datetime]) -> None:
        self._simulation = simulation
        self._now = now
        self._inside = httpx.ASGITransport(create_app(simulation))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the market reach the present, then pass the request on."""
        instant = self._now()
        if instant > self._simulation.market_now():
            self._simulation.move_clock(instant)
        return await self._inside.handle_async_request(request)


class LabBroker(KisBroker):
    """The KIS client with its quotations taken from the recorded market."""

    def __init__(
        self, market: LabMarket, simulation: Simulation, tokens: TokenStore, now: Callable[[], datetime]
    ) -> None:
        number, product = SIMULATED_ACCOUNT.split("-")
        connection = KisConnection(
            environment=Environment.SIMULATED,
            trading_url=URL,
            app_key=SecretStr(SIMULATED_KEY),
            app_secret=SecretStr(SIMULATED_SECRET),
            account_number=SecretStr(number),
            product_code=product,
            real_time=simulation.real_now,
        )
        super().__init__(connection, NoBudget(), tokens, now, InProcess(simulation, now))
        self._market = market
        self._instant = now

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        now = self._instant()
        found = (self._market.quote(symbol, now) for symbol in symbols if self._market.stock(symbol))
        return {quote.symbol: quote for quote in found if quote.price > 0}

    async def instrument_status(self, symbol: Symbol, lane: Lane) -> InstrumentStatus:
        return self._market.status(symbol, self._instant())

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:
        stock = self._market.stock(symbol)
        if stock is None:
            raise BrokerRefusedError("NO_SUCH_STOCK", f"{symbol} has no bars on {session_date}")
        return stock.reference

    async def volume_leaders(self, count: int, lane: Lane) -> tuple[Symbol, ...]:
        return self._market.leaders(count, self._instant())

    async def order_book(self, symbol: Symbol, lane: Lane) -> OrderBook:
        return self._market.book(symbol, self._instant())

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        return day == self._market.session.date
