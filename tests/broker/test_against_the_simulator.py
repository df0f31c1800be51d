"""The client against the project's own KIS simulator: real TR ids, real reply formats, its faults."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from broker.kis import KisBroker, KisConnection
from domain.errors import BrokerRefusedError
from domain.hosts import REST_URLS
from domain.identity import Environment
from domain.lane import Lane
from domain.market import Market, Side, Symbol, TradingFlag
from domain.money import Price
from domain.order import Accepted, Rejected, Unknown
from simulator.app import create_app, create_simulation
from simulator.clock import ManualClock
from simulator.krx.sessions import krx_calendar
from simulator.settings import PAPER, REAL, SimulationSettings
from simulator.simulation import Simulation
from tests.broker.parts import ACCOUNT, APP_KEY, DAY, SAMSUNG, Budget, Tokens, an_intent

TEN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
APP_SECRET = "s" * 180
UNKNOWN_STOCK = Symbol("999999")


class World:
    """A simulated market at ten o'clock, and a broker connected to it."""

    def __init__(self, personality: str, environment: Environment) -> None:
        settings = SimulationSettings(
            clock=ManualClock(TEN),
            calendar=krx_calendar(2025, 2027),
            environment=personality,
            rate_limit=0,
            token_interval=0,
        )
        self.simulation: Simulation = create_simulation(settings)
        connection = KisConnection(
            environment=environment,
            trading_url=REST_URLS[Environment.PAPER] if environment is Environment.PAPER else "http://simulator",
            app_key=SecretStr(APP_KEY),
            app_secret=SecretStr(APP_SECRET),
            account_number=SecretStr(ACCOUNT),
        )
        transport = httpx.ASGITransport(create_app(self.simulation))
        self.tokens = Tokens(now=_real_now)
        self.broker = KisBroker(connection, Budget(), self.tokens, self.simulation.market_now, transport)

    def passes(self, seconds: float) -> None:
        self.simulation.move_clock(self.simulation.market_now() + timedelta(seconds=seconds))

    async def last_price(self) -> Price:
        return (await self.broker.quotes([SAMSUNG], Lane.WATCH))[SAMSUNG].price

    def orders_placed(self) -> int:
        return sum(len(account.orders) for account in self.simulation.engine.accounts.values())


def _real_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - tokens expire in real time


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(REAL, Environment.SIMULATED)
    async with world.broker:
        yield world


@pytest.fixture
async def paper() -> AsyncIterator[World]:
    world = World(PAPER, Environment.PAPER)
    async with world.broker:
        yield world


async def test_a_purchase_and_a_sale_leave_cash_and_no_shares(world: World) -> None:
    broker = world.broker
    power = await broker.buying_power(SAMSUNG, await world.last_price(), Lane.ENTRY)

    bought = await broker.submit(an_intent(Side.BUY, limit_price=None, quantity=10), Lane.ENTRY)
    world.passes(60)
    held = (await broker.balance(Lane.RESOLVE)).holdings
    sold = await broker.submit(an_intent(Side.SELL, limit_price=None, quantity=10), Lane.EXIT)
    world.passes(60)
    after = await broker.balance(Lane.RESOLVE)

    assert isinstance(bought, Accepted)
    assert isinstance(sold, Accepted)
    assert [(holding.symbol, holding.quantity, holding.sellable) for holding in held] == [(SAMSUNG, 10, 10)]
    assert after.holdings == ()
    assert after.cash is not None
    assert 0 < after.cash < power.cash + 1_000_000
    orders = await broker.orders_on(DAY, Lane.RESOLVE)
    assert [(order.ref, order.side, order.filled_quantity) for order in orders] == [
        (bought.ref, Side.BUY, 10),
        (sold.ref, Side.SELL, 10),
    ]


async def test_holdings_are_the_same_when_the_balance_by_symbol_is_refused(world: World) -> None:
    await world.broker.submit(an_intent(Side.BUY, limit_price=None, quantity=10), Lane.ENTRY)
    world.passes(60)
    by_symbol = await world.broker.balance(Lane.RESOLVE)
    world.simulation.add_fault(kind="refuse_by_symbol", path="inquire-balance", count=0)

    by_loan_date = await world.broker.balance(Lane.RESOLVE)

    assert by_loan_date == by_symbol
    assert by_loan_date.quantities() == {SAMSUNG: 10}


async def test_a_resting_order_can_be_withdrawn_and_the_list_shows_it(world: World) -> None:
    reference = await world.broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)
    intent = an_intent(Side.BUY, limit_price=reference.limits.lower, quantity=10)
    placed = await world.broker.submit(intent, Lane.ENTRY)
    assert isinstance(placed, Accepted)

    cancelled = await world.broker.cancel(placed.ref, intent, Lane.EXIT)

    assert isinstance(cancelled, Accepted)
    orders = await world.broker.orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.BUY)
    original = next(order for order in orders if order.ref == placed.ref)
    withdrawal = next(order for order in orders if order.ref == cancelled.ref)
    assert (original.is_over, original.filled_quantity) == (True, 0)
    assert (withdrawal.original, withdrawal.filled_quantity) == (placed.ref.number, 0)
    again = await world.broker.cancel(placed.ref, intent, Lane.EXIT)
    assert isinstance(again, Rejected)


async def test_the_order_list_of_a_busy_day_is_complete(world: World) -> None:
    reference = await world.broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)
    placed = [
        await world.broker.submit(an_intent(Side.BUY, limit_price=reference.limits.lower, quantity=1), Lane.ENTRY)
        for _ in range(215)
    ]

    orders = await world.broker.orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.BUY)

    assert [order.ref for order in orders] == [outcome.ref for outcome in placed if isinstance(outcome, Accepted)]
    assert len(orders) == 215


@pytest.mark.parametrize("kind", ["drop_reply_after", "error_after", "garbage"])
async def test_an_order_taken_without_a_word_is_unknown_and_in_the_list(world: World, kind: str) -> None:
    world.simulation.add_fault(kind=kind, path="order-cash")

    outcome = await world.broker.submit(an_intent(limit_price=None), Lane.ENTRY)

    assert isinstance(outcome, Unknown)
    assert len(await world.broker.orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.BUY)) == world.orders_placed() == 1


@pytest.mark.parametrize("kind", ["drop_before", "http_error", "rate_storm"])
async def test_an_order_lost_on_the_way_is_unknown_and_not_in_the_list(world: World, kind: str) -> None:
    world.simulation.add_fault(kind=kind, path="order-cash")

    outcome = await world.broker.submit(an_intent(limit_price=None), Lane.ENTRY)

    assert isinstance(outcome, Unknown)
    assert await world.broker.orders_on(DAY, Lane.RESOLVE) == ()
    assert world.orders_placed() == 0


async def test_a_refusal_is_proven(world: World) -> None:
    outcome = await world.broker.submit(an_intent(Side.SELL, limit_price=None), Lane.EXIT)

    assert isinstance(outcome, Rejected)
    assert outcome.code
    assert outcome.message == outcome.message.strip()
    assert world.orders_placed() == 0


async def test_queries_ride_out_a_short_storm(world: World) -> None:
    world.simulation.add_fault(kind="rate_storm", path="intstock-multprice", count=2)

    assert await world.last_price() > 0


async def test_quotes_books_and_references_agree(world: World) -> None:
    broker = world.broker
    quote = (await broker.quotes([SAMSUNG, UNKNOWN_STOCK], Lane.SCAN))[SAMSUNG]
    book = await broker.order_book(SAMSUNG, Lane.EXIT)
    reference = await broker.daily_reference(SAMSUNG, DAY, Lane.SCAN)

    assert (quote.bid, quote.ask) == (book.bids[0].price, book.asks[0].price)
    assert (quote.limits, quote.previous_close) == (reference.limits, reference.previous_close)
    assert quote.observed_at == TEN
    assert quote.name


async def test_an_unknown_stock_has_no_quote_no_status_and_no_reference(world: World) -> None:
    assert await world.broker.quotes([UNKNOWN_STOCK], Lane.SCAN) == {}
    with pytest.raises(BrokerRefusedError):
        await world.broker.instrument_status(UNKNOWN_STOCK, Lane.SCAN)
    with pytest.raises(BrokerRefusedError):
        await world.broker.daily_reference(UNKNOWN_STOCK, DAY, Lane.SCAN)


async def test_flags_come_and_go(world: World) -> None:
    healthy = await world.broker.instrument_status(SAMSUNG, Lane.SCAN)
    world.simulation.set_conditions(SAMSUNG, halted=True, interrupted=True)

    troubled = await world.broker.instrument_status(SAMSUNG, Lane.SCAN)

    assert healthy.market is Market.KOSPI
    assert {TradingFlag.HALTED, TradingFlag.VOLATILITY_INTERRUPTION} <= troubled.flags
    assert TradingFlag.HALTED not in healthy.flags


async def test_leaders_are_stocks_that_have_quotes(world: World) -> None:
    leaders = await world.broker.volume_leaders(30, Lane.SCAN)

    assert 0 < len(leaders) <= 30
    assert set(await world.broker.quotes(leaders, Lane.SCAN)) == set(leaders)


async def test_the_exchange_is_open_on_a_monday_and_closed_on_a_sunday(world: World) -> None:
    assert await world.broker.is_session_day(DAY, Lane.SCAN) is True
    assert await world.broker.is_session_day(DAY - timedelta(days=1), Lane.SCAN) is False


async def test_a_token_that_died_is_renewed_on_the_way(world: World) -> None:
    await world.last_price()
    world.tokens.attempts.clear()
    world.simulation.add_fault(kind="expire_token", path="intstock-multprice")

    assert await world.last_price() > 0


async def test_the_paper_service_trades_with_its_own_ids(paper: World) -> None:
    quote = (await paper.broker.quotes([SAMSUNG], Lane.SCAN))[SAMSUNG]
    assert await paper.broker.orders_on(DAY, Lane.RESOLVE) == ()

    bought = await paper.broker.submit(an_intent(limit_price=None), Lane.ENTRY)
    paper.passes(60)

    assert isinstance(bought, Accepted)
    (order,) = await paper.broker.orders_on(DAY, Lane.RESOLVE, SAMSUNG, Side.BUY)
    assert (order.ref, order.filled_quantity) == (bought.ref, 10)
    assert [held.quantity for held in (await paper.broker.balance(Lane.RESOLVE)).holdings] == [10]
    assert (quote.bid, quote.previous_close > 0) == (0, True)


async def test_real_ids_do_not_work_on_the_paper_service() -> None:
    world = World(PAPER, Environment.SIMULATED)

    outcome = await world.broker.submit(an_intent(limit_price=None), Lane.ENTRY)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "EGW02006"
