"""Hanging calls delay no other position: ten watchers and ten sales at a broker that never answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

import activities.support.leases
from activities.orders import FollowRequest
from activities.selling import ExitRequest, PreparedExit
from activities.watch.messages import WatchRequest
from database.database import Database
from domain.clock import MarketClock
from domain.errors import StaleFencingTokenError
from domain.exits import ExitSignal
from domain.identity import IntentId, WorkerId
from domain.ladder import Tries
from domain.lock import Lease
from domain.market import Quote, Symbol
from domain.money import Price
from domain.order import OrderIntent
from domain.position import ExitReason
from domain.tick_size import price_limits
from simulator.simulation import Simulation
from tests.activities.desk import OPENS_AT, PLAN, Desk
from tests.activities.silent_broker import BALANCE, ORDERS, PRICES, SilentServer, a_silent_broker
from tests.database.books import Books
from tests.fleet.duties.hearing import LivePace
from tests.support.builders import a_quote
from tests.support.stepping import ACCOUNT, RULES, a_simulation, kst, pinned_database

BOUGHT_AT = 70_000
BELOW_THE_STOP = 66_000
FALLING = 69_500
"""Close enough to the last confirmed price to be trusted at once."""
SYMBOLS = tuple(Symbol(f"{400_000 + 10 * number}") for number in range(1, 11))
HANGS_FOR = 60.0
"""Seconds before the client gives up a call; nothing here may wait for it."""
AT_ONCE = 20.0
"""Seconds, for the slowest machine: far less than one hanging call."""


class PastMinute(LivePace):
    """Real time in an activity that has run for a long time, so that all periodic work is due."""

    def waited(self) -> timedelta:
        return timedelta(minutes=5) + super().waited()


@dataclass
class Floor:
    """Ten recorded positions with known prices, at a broker that has stopped answering."""

    desk: Desk
    silent: SilentServer
    bought: dict[Symbol, tuple[OrderIntent, Lease]]

    def knows(self, price: int, volume: int = 2_000_000, *symbols: Symbol) -> None:
        """Send a streamed price of each stock."""
        for symbol in symbols or SYMBOLS:
            assert self._hears(symbol, price, volume)

    async def trades_at(self, price: int) -> None:
        """Send one streamed trade of each stock after the other."""
        for volume in range(2_000_000, 3_000_000):
            for symbol in SYMBOLS:
                self._hears(symbol, price, volume)
            await asyncio.sleep(0.1)

    def _hears(self, symbol: Symbol, price: int, volume: int) -> bool:
        return self.desk.feed.take(replace(self.quote(symbol, price, volume), limits=None, name=""))

    def quote(self, symbol: Symbol, price: int, volume: int = 1_000_000) -> Quote:
        at = self.desk.pace.now()
        limits = price_limits(Price(BOUGHT_AT))
        return a_quote(price, symbol=symbol, observed_at=at, limits=limits, volume=volume)

    def was_answered(self) -> None:
        """Give the feed a price of each stock, from before the broker stopped answering."""
        answers = {symbol: self.quote(symbol, BOUGHT_AT) for symbol in SYMBOLS}
        self.desk.feed._prices.take_answers(SYMBOLS, answers, self.desk.pace.now())

    def watches(self) -> "list[asyncio.Task[ExitSignal]]":
        return [asyncio.create_task(self._watch(*each)) for each in self.bought.values()]

    async def _watch(self, intent: OrderIntent, lease: Lease) -> ExitSignal:
        request = WatchRequest(intent.position_id, intent.symbol, lease, RULES, PLAN.liquidation_at)
        return await ActivityEnvironment().run(self.desk.watching.watch_position, request)

    async def sells(self, symbol: Symbol) -> PreparedExit:
        intent, lease = self.bought[symbol]
        sale = IntentId(f"sale of {symbol}")
        request = ExitRequest(sale, intent.position_id, lease, ExitReason.OPERATOR, RULES, PLAN.session, Tries())
        decision = await ActivityEnvironment().run(self.desk.selling.prepare_exit, request)
        assert isinstance(decision, PreparedExit), decision
        return decision

    async def lapses(self) -> None:
        """Expire every lease now."""
        for _, lease in self.bought.values():
            await self.desk.database.locks.renew(lease, timedelta(0))

    async def orphans(self) -> int:
        return len(await self.desk.database.locks.orphans(ACCOUNT))


@asynccontextmanager
async def a_floor(database: Database, simulation: Simulation, hangs_for: float = HANGS_FOR) -> AsyncIterator[Floor]:
    pace = PastMinute(MarketClock(datetime.now(UTC), kst(OPENS_AT)))  # noqa: TID251 - the market begins now
    async with a_silent_broker(database, pace, hangs_for) as (silent, broker):
        books = Books(database, ACCOUNT)
        bought = {}
        for number, symbol in enumerate(SYMBOLS, 1):
            worker = WorkerId(f"worker-{number}")
            await database.workers.register(ACCOUNT, worker, f"workflow-{number}")
            intent = (await books.held(worker, symbol)).intent
            bought[symbol] = (intent, await books.locked(worker, symbol))
        floor = Floor(Desk(simulation, database, broker, pace), silent, bought)  # type: ignore[arg-type]
        floor.was_answered()
        yield floor


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with pinned_database(database_url) as database, a_floor(database, a_simulation(OPENS_AT)) as floor:
        yield floor


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(AT_ONCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_ten_stops_fire_at_the_streamed_price_while_price_and_balance_hang(floor: Floor) -> None:
    watches = floor.watches()
    await until(lambda: floor.silent.asked[PRICES] > 0 and floor.silent.asked[BALANCE] > 0)

    trading = asyncio.create_task(floor.trades_at(BELOW_THE_STOP))
    async with asyncio.timeout(AT_ONCE):
        signals = await asyncio.gather(*watches)
    trading.cancel()

    assert {signal.reason for signal in signals} == {ExitReason.STOP_LOSS}
    assert {signal.price for signal in signals} == {BELOW_THE_STOP}
    assert floor.silent.asked == {PRICES: 1, BALANCE: 1}, "all share the one call"


async def test_leases_are_renewed_while_a_call_hangs(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.support.leases, "RENEWAL", timedelta(seconds=0.2))
    watches = floor.watches()
    await until(lambda: floor.silent.asked[PRICES] > 0)

    await floor.lapses()
    async with asyncio.timeout(AT_ONCE):
        while await floor.orphans():
            await asyncio.sleep(0.05)

    await given_up(*watches)


async def test_a_lease_that_another_takes_while_a_call_hangs_ends_the_watch(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.support.leases, "RENEWAL", timedelta(seconds=0.2))
    watches = floor.watches()
    await until(lambda: floor.silent.asked[PRICES] > 0)

    await floor.desk.database.locks.take_over(ACCOUNT, SYMBOLS[0], WorkerId("another"))
    async with asyncio.timeout(AT_ONCE):
        with pytest.raises(StaleFencingTokenError):
            await watches[0]

    await given_up(*watches[1:])


async def test_the_lease_of_an_order_is_kept_while_its_list_hangs(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.support.leases, "RENEWAL", timedelta(seconds=0.2))
    monkeypatch.setattr(activities.support.leases, "_AGAIN_AFTER", 0.05)
    intent, lease = floor.bought[SYMBOLS[0]]
    books = Books(floor.desk.database, ACCOUNT)
    sale = books.a_sale(lease, intent.position_id, intent_id=IntentId("a sale"))
    await books.accepted(sale, number=99)
    following = asyncio.create_task(
        ActivityEnvironment().run(
            floor.desk.orders.follow_order, FollowRequest(sale.intent_id, timedelta(hours=1), lease)
        )
    )
    await until(lambda: floor.silent.asked[ORDERS] > 0)

    await floor.desk.database.locks.renew(lease, timedelta(0))
    async with asyncio.timeout(AT_ONCE):
        while SYMBOLS[0] not in await floor.desk.database.locks.locked_symbols(ACCOUNT):
            await asyncio.sleep(0.05)

    await given_up(following)


async def test_a_watch_is_handed_over_at_once_while_a_call_hangs(floor: Floor) -> None:
    intent, lease = floor.bought[SYMBOLS[0]]
    request = WatchRequest(intent.position_id, intent.symbol, lease, RULES, PLAN.liquidation_at)
    env = ActivityEnvironment()
    watching = asyncio.create_task(env.run(floor.desk.watching.watch_position, request))
    await until(lambda: floor.silent.asked[PRICES] > 0)

    env.worker_shutdown()
    async with asyncio.timeout(AT_ONCE):
        with pytest.raises(ApplicationError, match="handed over"):
            await watching


async def test_a_sale_whose_price_has_just_been_heard_waits_for_no_call_of_another(floor: Floor) -> None:
    floor.desk.feed.forget_stream()
    hanging = asyncio.create_task(floor.sells(SYMBOLS[0]))
    await until(lambda: floor.silent.asked[PRICES] > 0)

    floor.knows(FALLING, 2_000_000, SYMBOLS[1])
    async with asyncio.timeout(AT_ONCE):
        decision = await floor.sells(SYMBOLS[1])

    assert f"{FALLING:,}" in decision.description
    assert not hanging.done()
    await given_up(hanging)


async def test_ten_sales_without_a_price_share_one_failure(database_url: str) -> None:
    async with pinned_database(database_url) as database, a_floor(database, a_simulation(OPENS_AT), 3.0) as floor:
        floor.desk.feed.forget_stream()

        decisions = await asyncio.gather(*(floor.sells(symbol) for symbol in SYMBOLS))

        assert all("at market" in each.description for each in decisions)
        assert floor.silent.asked[PRICES] <= 3, "one time-out each would be ten calls"


async def given_up(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
