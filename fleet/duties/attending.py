"""Attend one open stream session: forward its events, and register the stocks that matter now."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from activities.market.stream_consumer import Ears
from broker.protocol import StreamSession
from database.database import Database
from database.errors import DATABASE_FAULTS
from domain.errors import StreamLostError
from domain.events.market import market_message
from domain.identity import AccountId
from domain.market import Quote, Symbol
from domain.market_phase import MarketMessage
from domain.stream import BESIDE_STOCKS, Covered, Garbled, Interest, News, OrderNotice, registrations
from fleet.together import first_to_end, unhurried

logger = logging.getLogger("haru.stream")

MOST_REGISTRATIONS: Final = 41
"""KIS's limit for one session, including the order notices and the market's phases."""
_COUNTS_EVERY: Final = 60.0
_COUNTED_AS: Final = {
    Quote: "ticks",
    OrderNotice: "order_notices",
    MarketMessage: "market_messages",
    Garbled: "garbled",
}
_PUBLISHES_EVERY: Final = 0.01


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """How much the process that streams may register, and how long it waits (real seconds)."""

    registrations: int = MOST_REGISTRATIONS
    round: float = 1.0
    """Between two checks of the registrations, and between two keep-alive notices of the stream."""
    renewal: float = 3.0
    """Between two renewals of the stream's lease."""
    hears_again_within: float = 10.0
    """When a re-registered stock still trades without stream events after this, the session is not trusted."""
    pause_when_in_use: float = 5.0
    """Before the second attempt to open a session that the broker reports as in use."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds the session."""

    name: str
    account_id: AccountId
    database: Database
    bounds: StreamBounds

    @property
    def most_stocks(self) -> int:
        """Return how many stocks fit beside the order notices and the market's phases."""
        return self.bounds.registrations - BESIDE_STOCKS


@dataclass(slots=True)
class Attendance:
    """All tasks that run while one session is open."""

    owner: Owner
    session: StreamSession
    ears: Ears
    _asked_again: dict[Symbol, float] = field(default_factory=dict)
    _reported: tuple[Symbol, ...] | None = None
    _counts: Counter[str] = field(default_factory=Counter)
    _ticks: dict[Symbol, Quote] = field(default_factory=dict)
    _others: list[News] = field(default_factory=list)
    _market_messages: list[tuple[MarketMessage, datetime]] = field(default_factory=list)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    async def attend(self) -> None:
        """Attend until the session is lost.

        Raises:
            StreamLostError: it is cut, silent or misses trades, or another process holds the lease now.
        """
        bounds = self.owner.bounds
        await first_to_end(
            self._hear(),
            self._deliver(),
            _every(bounds.round, self._vouch),
            _every(bounds.round, self._choose),
            _every(bounds.round, self._keep_market_messages),
            _every(bounds.renewal, self._keep_lease),
            _every(_COUNTS_EVERY, self._say_counts),
        )

    def deliver(self, news: News) -> bool:
        """Deliver an event to this process at once; queue it for the other processes."""
        was_news = self.ears.take(news)
        if isinstance(news, Quote):
            self._ticks[news.symbol] = news
        else:
            self._others.append(news)
        self._filled.set()
        return was_news

    async def _hear(self) -> None:
        async with aclosing(self.session.events()) as events:
            async for event in events:
                if isinstance(event, OrderNotice):
                    logger.info("order_noticed", extra={"symbol": event.symbol, "kind": event.kind})
                elif isinstance(event, Garbled):
                    logger.error("stream_garbled", extra={"cause": event.why})
                self._counts[_COUNTED_AS[type(event)]] += 1
                if isinstance(event, MarketMessage):
                    self._market_messages.append((event, self.ears.now()))
                    continue
                self._counts["ticks_taken"] += self.deliver(event) and isinstance(event, Quote)

    async def _deliver(self) -> None:
        """Send the latest tick of each stock and all other events to the other processes. Failed sends are dropped."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            news = [*self._others, *self._ticks.values()]
            self._others, self._ticks = [], {}
            try:
                await unhurried(self.owner.database.stream_news.publish(self.owner.name, news))
            except DATABASE_FAULTS as fault:
                logger.warning("stream_news_not_published", extra={"cause": f"{type(fault).__name__}: {fault}"})
            await asyncio.sleep(_PUBLISHES_EVERY)

    async def _vouch(self) -> None:
        self.deliver(Covered(self.session.registered))

    async def _keep_lease(self) -> None:
        if not await unhurried(self.owner.database.stream_leases.take(self.owner.account_id, self.owner.name)):
            raise StreamLostError("another process has taken the stream's lease")

    async def _choose(self) -> None:
        """Register stocks by priority: positions of the account first, then stocks this process is scanning."""
        held = await unhurried(self.owner.database.positions.held_stocks(self.owner.account_id))
        interest = Interest(held, self.ears.feed.of_interest())
        wanted = registrations(interest, self.session.registered, self.owner.most_stocks)
        await self.session.register(wanted)
        await self._ask_again(wanted)
        if self._reported != self.session.registered:
            self._reported = self.session.registered
            report = self.owner.database.stream_leases.report
            await unhurried(report(self.owner.account_id, self.owner.name, self._reported))

    async def _keep_market_messages(self) -> None:
        """Record messages of the exchange in order. Messages that the database cannot accept now wait."""
        while self._market_messages:
            message, at = self._market_messages[0]
            await unhurried(self._keep_market_message(message, at))
            del self._market_messages[0]

    async def _keep_market_message(self, message: MarketMessage, at: datetime) -> None:
        account_id, database, word = self.owner.account_id, self.owner.database, message.word
        if word.is_sidecar or await database.market_messages.keep(account_id, message, at):
            event = market_message(account_id, word, message.code, at)
            await database.events.append(event)

    async def _ask_again(self, wanted: Collection[Symbol]) -> None:
        """Register a stock again that trades without stream events. If that does not help, drop the session."""
        silent = [symbol for symbol in self.ears.feed.coverage.silent() if symbol in wanted]
        now = asyncio.get_running_loop().time()
        self._asked_again = {symbol: at for symbol, at in self._asked_again.items() if symbol in silent}
        for symbol in silent:
            if symbol not in self._asked_again:
                self._asked_again[symbol] = now
                logger.warning("stream_registered_again", extra={"symbol": symbol})
                await self.session.register_again(symbol)
            elif now - self._asked_again[symbol] > self.owner.bounds.hears_again_within:
                raise StreamLostError(f"the stream delivers no trades of {symbol}, which is trading")

    async def _say_counts(self) -> None:
        if self._counts:
            logger.info("stream_heard", extra=dict(self._counts))
            self._counts.clear()


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Run an action repeatedly. A database fault is retried in the next round."""
    while True:
        try:
            await act()
        except DATABASE_FAULTS as fault:
            logger.warning("stream_round_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
        await asyncio.sleep(seconds)
