"""The KIS implementation of the broker protocol: one object per account and process."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Final, Self

import httpx

from broker.kis.account import KisAccount
from broker.kis.approval import ApprovalKeeper
from broker.kis.auth import TokenKeeper
from broker.kis.charts import KisCharts
from broker.kis.client import KisClient
from broker.kis.clock import read_clock
from broker.kis.connection import KisConnection
from broker.kis.orders import KisOrders
from broker.kis.profits import KisProfits
from broker.kis.queries import KisQueries
from broker.kis.quotes import KisQuotes
from broker.kis.readings import ReadingLog
from broker.kis.stream import KisStream, StreamAddress
from broker.kis.wire import Wire
from broker.protocol import Balance, BuyingPower, MayLeave, RateBudget, TokenStore, always
from broker.statement import DayProfit, ProfitToday, StockProfit
from domain.clock import ClockReading
from domain.errors import EnvironmentMismatchError
from domain.identity import Environment
from domain.lane import Lane
from domain.market import DailyReference, IndexLevel, InstrumentStatus, Market, OrderBook, Quote, Side, Symbol
from domain.money import Price
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent, OrderType, SubmitOutcome
from domain.session import SessionDate, session_date_of
from domain.unreadable import AccountList, Readings, Rows

_ANY_STOCK: Final = Symbol("005930")


@dataclass(frozen=True, slots=True)
class MarketAccess:
    """A second key for quotations: real prices beside paper orders. It cannot place orders."""

    connection: KisConnection
    budget: RateBudget
    tokens: TokenStore
    transport: httpx.AsyncBaseTransport | None = None


class KisBroker:
    """``broker.protocol.Broker`` for KIS, its paper service, or the simulator.

    ``clock`` returns market time (UTC); ``transport`` replaces the network in in-process tests.
    """

    def __init__(
        self,
        connection: KisConnection,
        budget: RateBudget,
        tokens: TokenStore,
        clock: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._environment = connection.environment
        self._wires = [Wire(connection, transport)]
        self._keepers = [TokenKeeper(self._wires[0], budget, tokens)]
        client = KisClient(self._wires[0], budget, self._keepers[0])
        self._budget = budget
        self._clock = clock
        self._readings = ReadingLog()
        self._quotes = KisQuotes(client, clock, self._readings)
        self._charts = KisCharts(client)
        self._orders = KisOrders(client, clock)
        self._account = KisAccount(client)
        self._profits = KisProfits(client)

    def with_quotations_of(self, market: MarketAccess) -> Self:
        """Use the real service for quotations from now on, while orders and the account stay on paper.

        Raises:
            EnvironmentMismatchError: the combination is not paper orders with real quotations.
        """
        theirs = market.connection.environment
        if (self._environment, theirs) != (Environment.PAPER, Environment.LIVE):
            raise EnvironmentMismatchError(f"{theirs} quotations beside {self._environment} orders")
        wire = Wire(market.connection, market.transport)
        self._wires.append(wire)
        keeper = TokenKeeper(wire, market.budget, market.tokens)
        self._keepers.append(keeper)
        client = KisQueries(wire, market.budget, keeper)
        self._quotes = KisQuotes(client, self._clock, self._readings)
        self._charts = KisCharts(client)
        return self

    def traced(self, span: Callable[[str], AbstractContextManager[object]]) -> Self:
        """Make a span around each request from now on, named by its call."""
        for wire in self._wires:
            wire.span = span
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        for wire in self._wires:
            await wire.aclose()

    def stream(self, address: StreamAddress, keys: TokenStore) -> KisStream:
        """Return the account's stream; ``keys`` is the store of the fleet's shared approval key.

        Raises:
            EnvironmentMismatchError: the address belongs to another environment.
        """
        wire = self._wires[0]
        return KisStream(wire.connection, address, ApprovalKeeper(wire, self._budget, keys), self._clock)

    @property
    def charts(self) -> KisCharts:
        """Return past bars, which are asked for after everything that trading needs."""
        return self._charts

    @property
    def environment(self) -> Environment:
        """Return the environment."""
        return self._environment

    @property
    def refusal(self) -> str:
        """Return KIS's message if it refuses one of our keys or tokens now; empty otherwise."""
        return next((keeper.refusal for keeper in self._keepers if keeper.refusal), "")

    @property
    def silent_for(self) -> float:
        """Return for how many seconds (real time) KIS has answered none of our calls; zero while it answers."""
        return max(wire.reach.silent_for for wire in self._wires)

    def take_unreadable(self) -> Readings:
        return self._readings.take()

    @property
    def trouble(self) -> str:
        """Return why KIS did not answer our last query about the account or an order; empty while it answers."""
        return self._wires[0].reach.trouble

    async def check_access(self, lane: Lane) -> None:
        for wire in self._wires:
            await wire.check_simulator()
        await self.balance(lane)
        if len(self._wires) > 1:
            await self._quotes.quotes([_ANY_STOCK], lane)

    @property
    def most_stocks_per_scan(self) -> int | None:
        return self._quotes.most_stocks_per_scan

    @property
    def stocks_per_call(self) -> int:
        return self._quotes.stocks_per_call

    @property
    def evening_orders(self) -> frozenset[OrderType]:
        return self._orders.evening_orders

    @property
    def clock_skew(self) -> timedelta:
        """Return the least amount by which this machine's clock is ahead of KIS's; see ``SkewMeter``."""
        return self._wires[0].clocks.skew

    async def read_clock(self) -> ClockReading:
        """Return a reading of KIS's own clock (real time)."""
        return await read_clock(self._wires[0])

    async def quotes(self, symbols: Sequence[Symbol], lane: Lane) -> dict[Symbol, Quote]:
        return await self._quotes.quotes(symbols, lane)

    async def instrument_status(self, symbol: Symbol, lane: Lane) -> InstrumentStatus:
        return await self._quotes.instrument_status(symbol, lane)

    async def daily_reference(self, symbol: Symbol, session_date: SessionDate, lane: Lane) -> DailyReference:
        return await self._quotes.daily_reference(symbol, session_date, lane)

    async def volume_leaders(self, count: int, lane: Lane) -> tuple[Symbol, ...]:
        return await self._quotes.volume_leaders(count, lane)

    async def order_book(self, symbol: Symbol, lane: Lane) -> OrderBook:
        return await self._quotes.order_book(symbol, lane)

    async def index_level(self, market: Market, lane: Lane) -> IndexLevel | None:
        return await self._quotes.index_level(market, lane)

    async def buying_power(self, symbol: Symbol, price: Price, lane: Lane) -> BuyingPower:
        return await self._account.buying_power(symbol, price, lane)

    async def submit(self, intent: OrderIntent, lane: Lane, may_leave: MayLeave = always) -> SubmitOutcome:
        return await self._orders.submit(intent, lane, may_leave)

    async def cancel(self, order: BrokerOrderRef, intent: OrderIntent, lane: Lane) -> SubmitOutcome:
        return await self._orders.cancel(order, intent, lane)

    @property
    def orders_per_call(self) -> int:
        return self._orders.orders_per_call

    async def orders_on(
        self, session_date: SessionDate, lane: Lane, symbol: Symbol | None = None, side: Side | None = None
    ) -> Rows[BrokerOrder]:
        rows = await self._orders.orders_on(session_date, lane, symbol, side)
        is_whole = symbol is None and side is None and session_date == session_date_of(self._clock())
        self._readings.note(rows.unreadable, *([AccountList.ORDERS] if is_whole else []))
        return rows

    async def open_orders(self, side: Side, lane: Lane) -> Rows[BrokerOrder] | None:
        rows = await self._orders.open_orders(side, lane)
        self._readings.note(rows.unreadable if rows is not None else ())
        return rows

    async def profits_by_day(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[DayProfit] | None:
        rows = await self._profits.by_day(first, last, lane)
        self._readings.note(rows.unreadable if rows is not None else (), AccountList.DAY_PROFITS)
        return rows

    async def profits_by_stock(self, first: SessionDate, last: SessionDate, lane: Lane) -> Rows[StockProfit] | None:
        rows = await self._profits.by_stock(first, last, lane)
        self._readings.note(rows.unreadable if rows is not None else (), AccountList.STOCK_PROFITS)
        return rows

    async def profit_today(self, lane: Lane) -> ProfitToday | None:
        return await self._profits.today(lane)

    async def balance(self, lane: Lane) -> Balance:
        balance = await self._account.balance(lane)
        self._readings.note(balance.unreadable, AccountList.HOLDINGS, AccountList.CASH)
        return balance

    async def is_session_day(self, day: date, lane: Lane) -> bool | None:
        return await self._quotes.is_session_day(day, lane)
