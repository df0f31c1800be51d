"""How soon a fall becomes the decision to sell: heard on the session itself, from its owner by NOTIFY, and by asking.

The three stand side by side in this process, each with a feed, a database pool and a client of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from activities.quote_feed import QuoteFeed
from bench.client import Client, open_client
from bench.figures import Figure
from bench.market import real_now
from bench.stack import RULES, NothingHappenedError, Stack, until
from composition import Collaborators, calendar_of, place_of, streaming_for
from domain.exits import ExitContext, decide_exit
from domain.identity import PositionId, WorkerId
from domain.lane import Lane
from domain.market import Market, Quote, Symbol
from domain.money import Price, Quantity, Won
from domain.position import OpenPosition, StrategyStamp
from domain.session import session_date_of
from operations.streaming import Streaming
from settings import load_settings

_STOCK: Final = Symbol("034020")
_ROUNDS: Final = 60
_ROUNDS_QUICKLY: Final = 2
_AIM: Final = 100.0
_DEADLINE: Final = timedelta(hours=6)
_EXECUTION: Final = RULES.execution
_LONGEST: Final = 20.0


class _StampingFeed(QuoteFeed):
    """Remembers when a tick below a price was heard first."""

    below = Price(0)
    heard_at: datetime | None = None

    def take(self, tick: Quote) -> bool:
        if self.heard_at is None and tick.price <= self.below:
            self.heard_at = real_now()
        return super().take(tick)


@dataclass(slots=True)
class _Listener:
    """One way to learn of a price."""

    client: Client
    feed: _StampingFeed

    async def knows(self, price: Price) -> None:
        """Wait until a price that is not below this one is known, and sure to be watched from now on."""

        async def seen() -> bool:
            quote = (await self.feed.quotes([_STOCK], timedelta(seconds=0.2), Lane.WATCH)).get(_STOCK)
            return quote is not None and quote.price >= price

        await until(seen, f"{_STOCK} at {price}", _LONGEST)

    async def decides(self, position: OpenPosition) -> datetime:
        """Look as a watch does, woken by news or by its interval, until a rule says sell; return when that was."""
        clock = self.client.pace.clock
        age = clock.market_duration(_EXECUTION.greatest_quote_age)
        fresh = clock.market_duration(_EXECUTION.price_interval)
        with self.feed.watching(_STOCK) as news:
            while True:
                news.clear()
                view = await self.feed.view(_STOCK, fresh, Lane.WATCH, age / 2)
                now = self.client.pace.now()
                if view and decide_exit(ExitContext(position, view, now, now + _DEADLINE, greatest_age=age)):
                    return real_now()
                try:
                    async with asyncio.timeout(_EXECUTION.price_interval.total_seconds()):
                        await news.wait()
                except TimeoutError:
                    continue


@dataclass(slots=True)
class _Times:
    """Milliseconds from just before the price was changed."""

    heard: list[float]
    owner: list[float]
    told: list[float]
    asked: list[float]


async def measure(stack: Stack) -> list[Figure]:
    """Let one stock fall again and again while three watch it."""
    times = _Times([], [], [], [])
    async with AsyncExitStack() as exits:
        owner, told = [await exits.enter_async_context(_hearing(stack)) for _ in range(2)]
        asking = await exits.enter_async_context(_listening(stack))
        for _ in range(_ROUNDS_QUICKLY if stack.quick else _ROUNDS):
            await _one_fall(stack, (owner, told, asking), times)
    floor = median(times.heard)
    return [
        Figure("stream", "floor: the tick is heard on the session", "ms", tuple(times.heard)),
        Figure("stream", "price falls → decision, the session's own process", "ms", tuple(times.owner), floor, _AIM),
        Figure("stream", "price falls → decision, told by NOTIFY", "ms", tuple(times.told), floor, _AIM),
        Figure("stream", "price falls → decision, asking every 0.5 s", "ms", tuple(times.asked), floor),
    ]


async def _one_fall(stack: Stack, listeners: tuple[_Listener, _Listener, _Listener], times: _Times) -> None:
    await stack.market.rises(_STOCK)
    await asyncio.sleep(0.2)
    price = (await listeners[2].feed.quotes([_STOCK], timedelta(0), Lane.WATCH))[_STOCK].price
    for each in listeners:
        await each.knows(Price(price * 99 // 100))
    position = _held_at(price, stack)
    for each in listeners:
        each.feed.below, each.feed.heard_at = Price(price * 97 // 100), None
    watches = [asyncio.create_task(each.decides(position)) for each in listeners]
    await asyncio.sleep(0.1 + len(times.owner) % 7 * 0.08)
    fell_at = await stack.market.falls(_STOCK)
    try:
        async with asyncio.timeout(_LONGEST):
            decided = await asyncio.gather(*watches)
    except TimeoutError:
        raise NothingHappenedError(f"{_STOCK} has fallen and nobody has decided to sell it") from None
    for into, at in zip((times.owner, times.told, times.asked), decided, strict=True):
        into.append((at - fell_at).total_seconds() * 1000)
    heard_at = listeners[0].feed.heard_at
    if heard_at is not None:
        times.heard.append((heard_at - fell_at).total_seconds() * 1000)


@asynccontextmanager
async def _listening(stack: Stack) -> AsyncIterator[_Listener]:
    async with open_client(stack) as client:
        yield _Listener(client, _StampingFeed(client.broker, client.pace))


@asynccontextmanager
async def _hearing(stack: Stack) -> AsyncIterator[_Listener]:
    """Listen beside a streaming duty; the one that comes first holds the session, the next is told."""
    async with _listening(stack) as listener:
        duty = asyncio.create_task(_streaming(stack, listener).keep())
        try:
            await until(lambda: _covers(listener), f"the stream speaks for {_STOCK}", _LONGEST)
            yield listener
        finally:
            duty.cancel()
            await asyncio.gather(duty, return_exceptions=True)


def _streaming(stack: Stack, listener: _Listener) -> Streaming:
    settings, client = load_settings(), listener.client
    place = place_of(settings, stack.endpoints)
    with_ = Collaborators(
        client.broker, client.database, client.pace, calendar_of(settings, place.clock), feed=listener.feed
    )
    streaming = streaming_for(settings, place, client.broker, with_)
    if streaming is None:
        raise NothingHappenedError("the stream is switched off")
    return streaming


async def _covers(listener: _Listener) -> bool:
    await listener.feed.quotes([_STOCK], timedelta(seconds=1), Lane.WATCH)
    return listener.feed.coverage.covers(_STOCK)


def _held_at(price: Price, stack: Stack) -> OpenPosition:
    """Return a share bought now at a price, by the bench's exit rules."""
    now = stack.fleet.market_now()
    return OpenPosition(
        position_id=PositionId("bench"),
        account_id=stack.fleet.account_id,
        worker_id=WorkerId("bench"),
        session_date=session_date_of(now),
        symbol=_STOCK,
        name="",
        market=Market.KOSPI,
        quantity=Quantity(1),
        cost=Won(price),
        opened_at=now,
        high_water_mark=price,
        last_price=price,
        decision_price=price,
        strategy=StrategyStamp("momentum", "1"),
        exit_rules=RULES.exits,
    )
