"""Time from a price fall to the decision to sell: on the stream's own process, by NOTIFY, and by polling.

All listeners run in this process, each with its own feed, database pool and client. An ordinary fall decides at once; a
jump waits for the broker's confirmation. One feed accepts every jump unconfirmed, to show the cost of the confirmation.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from activities.market.quote_feed import QuoteFeed
from domain.exits import ExitContext, decide_exit
from domain.identity import PositionId, WorkerId
from domain.jump import JumpBound
from domain.lane import Lane
from domain.market import Market, Quote, Symbol
from domain.money import Price, Quantity, Rate, Won
from domain.position import OpenPosition, StrategyStamp
from domain.session import session_date_of
from fleet.duties.streaming import Streaming
from runtime.composition import Collaborators
from runtime.place import calendar_of, place_of
from runtime.settings import load_settings
from runtime.stream import streaming_for
from tools.bench.client import Client, open_client
from tools.bench.figures import Figure
from tools.bench.market import real_now
from tools.bench.stack import RULES, NothingHappenedError, Stack, until

_STOCK: Final = Symbol("034020")
_ROUNDS: Final = 60
_ROUNDS_QUICKLY: Final = 2
_AIM: Final = 100.0
_DEADLINE: Final = timedelta(hours=6)
_EXECUTION: Final = RULES.execution
_LONGEST: Final = 20.0


class _StampingFeed(QuoteFeed):
    """Records when the first tick below a price arrives."""

    below = Price(0)
    heard_at: datetime | None = None

    def take(self, tick: Quote) -> bool:
        if self.heard_at is None and tick.price <= self.below:
            self.heard_at = real_now()
        return super().take(tick)


@dataclass(slots=True)
class _Listener:
    """One way to receive prices."""

    client: Client
    feed: _StampingFeed

    async def knows(self, price: Price) -> None:
        """Wait until the feed has a price that is not below this one, so that it is watched from now on."""

        async def seen() -> bool:
            quote = (await self.feed.quotes([_STOCK], timedelta(seconds=0.2), Lane.WATCH)).get(_STOCK)
            return quote is not None and quote.price >= price

        await until(seen, f"{_STOCK} at {price}", _LONGEST)

    async def decides(self, position: OpenPosition) -> datetime:
        """Check as a watch does, on news or at its interval, until a rule says sell; return the real instant."""
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


@dataclass(frozen=True, slots=True)
class _Fall:
    """A fall to a share of the price, and the stop that it crosses."""

    name: str
    to: float
    stop: Rate
    aim: float | None = None


_FALLS: Final = (
    _Fall("price falls 0.8 %", 0.992, Rate("0.005"), _AIM),
    _Fall("price jumps down 3.8 %", 0.962, Rate("0.03")),
)
_UNCHECKED: Final = JumpBound(Rate(1), 10**6)


@dataclass(slots=True)
class _Times:
    """Milliseconds from just before the price change."""

    heard: list[float] = field(default_factory=list)
    owner: list[float] = field(default_factory=list)
    notified: list[float] = field(default_factory=list)
    unchecked: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)


async def measure(stack: Stack) -> list[Figure]:
    """Make one stock fall repeatedly while four listeners watch it."""
    times = {fall: _Times() for fall in _FALLS}
    async with AsyncExitStack() as exits:
        bounds = (JumpBound(), JumpBound(), _UNCHECKED)
        hearing = [await exits.enter_async_context(_hearing(stack, bound)) for bound in bounds]
        asking = await exits.enter_async_context(_listening(stack))
        for _ in range(_ROUNDS_QUICKLY if stack.quick else _ROUNDS):
            for fall in _FALLS:
                await _one_fall(stack, (*hearing, asking), times[fall], fall)
    return [figure for fall in _FALLS for figure in _figures(fall, times[fall])]


def _figures(fall: _Fall, times: _Times) -> list[Figure]:
    floor = median(times.heard)
    by_way = (
        ("the session's own process", times.owner, fall.aim),
        ("reported by NOTIFY", times.notified, fall.aim),
        ("reported by NOTIFY, jumps not confirmed", times.unchecked, None),
        ("asking every 0.5 s", times.asked, None),
    )
    return [
        Figure("stream", f"{fall.name}: floor, the tick is heard on the session", "ms", tuple(times.heard)),
        *(Figure("stream", f"{fall.name} → decision, {way}", "ms", tuple(ms), floor, aim) for way, ms, aim in by_way),
    ]


async def _one_fall(stack: Stack, listeners: Sequence[_Listener], times: _Times, fall: _Fall) -> None:
    await stack.market.rises(_STOCK)
    await asyncio.sleep(0.2)
    price = (await listeners[-1].feed.quotes([_STOCK], timedelta(0), Lane.WATCH))[_STOCK].price
    for each in listeners:
        await each.knows(Price(price * 999 // 1000))
    position = _held_at(price, stack, fall.stop)
    for each in listeners:
        each.feed.below, each.feed.heard_at = Price(int(price * (1 - fall.stop))), None
    watches = [asyncio.create_task(each.decides(position)) for each in listeners]
    await asyncio.sleep(0.1 + len(times.owner) % 7 * 0.08)
    fell_at = await stack.market.falls(_STOCK, fall.to)
    try:
        async with asyncio.timeout(_LONGEST):
            decided = await asyncio.gather(*watches)
    except TimeoutError:
        raise NothingHappenedError(f"{_STOCK} has fallen and no listener has decided to sell it") from None
    for into, at in zip((times.owner, times.notified, times.unchecked, times.asked), decided, strict=True):
        into.append((at - fell_at).total_seconds() * 1000)
    heard_at = listeners[0].feed.heard_at
    if heard_at is not None:
        times.heard.append((heard_at - fell_at).total_seconds() * 1000)


@asynccontextmanager
async def _listening(stack: Stack, bound: JumpBound | None = None) -> AsyncIterator[_Listener]:
    async with open_client(stack) as client:
        yield _Listener(client, _StampingFeed(client.broker, client.pace, bound))


@asynccontextmanager
async def _hearing(stack: Stack, bound: JumpBound) -> AsyncIterator[_Listener]:
    """Listen beside a streaming duty. The first duty holds the session; later ones get prices by NOTIFY."""
    async with _listening(stack, bound) as listener:
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


def _held_at(price: Price, stack: Stack, stop: Rate) -> OpenPosition:
    """Return one share bought now at a price, with the benchmark's exit rules except for the stop."""
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
        exit_rules=replace(RULES.exits, stop_loss=stop),
    )
