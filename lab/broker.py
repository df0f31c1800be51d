"""The broker of a backtest: the recorded market and the simulator's books, asked directly.

What is asked once a day goes through the production KIS client; ``tests/lab/test_broker.py`` compares both.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date, datetime
from typing import Final

import httpx
from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from broker.protocol import Balance, BuyingPower, Holding, MayLeave, RateSlot, TokenStore, always
from domain.errors import BrokerRefusedError
from domain.hosts import SIMULATED_KEY, SIMULATED_SECRET
from domain.identity import SIMULATED_ACCOUNT, Environment
from domain.lane import Crowding, Lane
from domain.market import DailyReference, IndexLevel, InstrumentStatus, Market, OrderBook, Quote, Side, Symbol
from domain.money import NO_SHARES, NO_WON, Price, Quantity, Won
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent, SubmitOutcome
from domain.session import SessionDate
from domain.unreadable import Rows
from lab import counter
from lab.counter import LAB_ACCOUNT
from lab.market import LabMarket
from simulator.app import create_app
from simulator.index_levels import level_at
from simulator.krx.units import Market as Board
from simulator.orders import Account
from simulator.orders import Holding as HeldThere
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


def follow(simulation: Simulation, instant: datetime) -> None:
    """Let the market reach an instant."""
    if instant > simulation.market_now():
        simulation.move_clock(instant)


class InProcess(httpx.AsyncBaseTransport):
    """A transport to a simulator in this process, whose clock follows another one."""

    def __init__(self, simulation: Simulation, now: Callable[[], datetime]) -> None:
        self._simulation = simulation
        self._now = now
        self._inside = httpx.ASGITransport(create_app(simulation))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the market reach the present, then pass the request on."""
        follow(self._simulation, self._now())
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
        self._simulation = simulation
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

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:
        found = level_at(self._simulation.exchange, Board(market), self._instant())
        return IndexLevel(market, found.now, self._instant(), found.before) if found.now else None

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        account = self._account_now()
        quantity = self._simulation.engine.buyable(account, price, symbol)
        return BuyingPower(Won(account.free_cash), Quantity(quantity)) if quantity else BuyingPower(NO_WON, NO_SHARES)

    async def balance(self, lane: Lane) -> Balance:
        account = self._account_now()
        held = [holding for holding in account.holdings.values() if holding.quantity]
        return Balance(
            cash=Won(account.cash),
            holdings=tuple(self._holding(account, holding) for holding in held),
            sold_out=frozenset(Symbol(symbol) for symbol, holding in account.holdings.items() if not holding.quantity),
        )

    def _account_now(self) -> Account:
        """Return the broker's own books once the market has reached the present."""
        follow(self._simulation, self._instant())
        return self._simulation.engine.account(LAB_ACCOUNT)

    def _holding(self, account: Account, holding: HeldThere) -> Holding:
        at = min(self._instant(), self._market.session.ends_at)
        symbol = Symbol(holding.symbol)
        quote = self._market.quote(symbol, at)
        return Holding(
            symbol=symbol,
            name=quote.name,
            quantity=Quantity(holding.quantity),
            sellable=Quantity(account.sellable(symbol)),
            cost=Won(holding.cost),
            price=quote.price,
        )

    async def submit(self, intent: OrderIntent, lane: Lane, may_leave: MayLeave = always) -> SubmitOutcome:
        follow(self._simulation, self._instant())
        return counter.place(self._simulation, intent)

    async def cancel(self, order: BrokerOrderRef, intent: OrderIntent, lane: Lane) -> SubmitOutcome:
        follow(self._simulation, self._instant())
        return counter.cancel(self._simulation, order)

    async def orders_on(
        self, session_date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> Rows[BrokerOrder]:
        follow(self._simulation, self._instant())
        return counter.listed(self._simulation, session_date, symbol, side)

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        return day == self._market.session.date
