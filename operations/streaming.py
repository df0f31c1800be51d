"""The market heard by every hosting process: one of them holds the session and tells the others.

Nothing here decides or books: without a stream the same prices and fills come by asking.
"""

import asyncio
import logging
import os
import socket
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from activities.bells import Bells
from activities.quote_feed import QuoteFeed
from broker.protocol import MarketStream, StreamSession
from database.database import Database
from database.errors import DATABASE_FAULTS
from domain.errors import CredentialsRefusedError, StreamInUseError, StreamLostError, TradingError
from domain.identity import AccountId
from domain.market import Quote, Symbol
from domain.stream import Covered, Gap, Garbled, Interest, News, OrderNotice, registrations
from operations.together import first_to_end

logger = logging.getLogger("haru.stream")

MOST_REGISTRATIONS: Final = 41
"""KIS's limit for one session, the order notices included."""
_ROUND: Final = 1.0
_RENEWAL: Final = 3.0
_SHORTEST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_PAUSE_WHEN_IN_USE: Final = 5.0
_PAUSE_WHEN_REFUSED: Final = 60.0
_LASTED_WELL: Final = 30.0
_GIVES_WAY_AFTER: Final = 3
_TELLS_EVERY: Final = 0.01
_COUNTS_EVERY: Final = 60.0
_COUNTED_AS: Final = {Quote: "ticks", OrderNotice: "order_notices", Garbled: "garbled"}
_HEARS_AGAIN_WITHIN: Final = 10.0
"""Seconds after which a stock that was asked for anew, and still trades untold, costs the session its trust."""


@dataclass(frozen=True, slots=True)
class Ears:
    """What this process does with news: prices go into the feed, notices wake those who follow orders."""

    feed: QuoteFeed
    notices: Bells

    def take(self, news: News) -> None:
        """Hand news to whoever waits for it."""
        match news:
            case Quote():
                self.feed.take(news)
            case OrderNotice():
                self.notices.ring(news.symbol)
            case Covered(symbols):
                self.feed.cover(symbols)
            case Garbled():
                self.notices.ring_all()
            case Gap():
                self.feed.forget_stream()
                self.notices.ring_all()


class Streaming:
    """Keeps this process hearing, whichever process holds the session; run it with ``keep``."""

    def __init__(
        self,
        account_id: AccountId,
        database: Database,
        stream: MarketStream,
        ears: Ears,
        most: int = MOST_REGISTRATIONS,
    ) -> None:
        self._account_id = account_id
        self._database = database
        self._stream = stream
        self._ears = ears
        self._most_stocks = most - 1
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:4]}"
        self._is_connected = False
        self._failures = 0
        self._outbox = _Outbox(database, self._owner)
        self._asked_again: dict[Symbol, float] = {}
        self._reported: tuple[Symbol, ...] | None = None
        self._counts: Counter[str] = Counter()

    async def keep(self) -> None:
        """Hear for as long as this process lives: as the session's owner, or through whoever that is."""
        await first_to_end(self._listen(), self._own())

    async def _listen(self) -> None:
        async with aclosing(self._database.stream_news.heard(self._owner)) as heard:
            async for news in heard:
                if not self._is_connected:
                    self._ears.take(news)

    async def _own(self) -> None:
        """Open the session whenever it is ours to open; what goes wrong costs the stream, never the process."""
        try:
            while True:
                pause = _ROUND
                try:
                    if await self._database.stream_leases.take(self._account_id, self._owner):
                        pause = await self._one_session()
                except DATABASE_FAULTS as fault:
                    logger.warning("stream_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
                except Exception:  # a bug here must not take the watchers down with it
                    logger.exception("stream_failed")
                    pause = _LONGEST_PAUSE
                await asyncio.sleep(pause)
        finally:
            with suppress(*DATABASE_FAULTS):
                await self._database.stream_leases.release(self._account_id, self._owner)

    async def _one_session(self) -> float:
        """Hear one session to its end and return how long (seconds) to wait before the next."""
        opened_at = _now()
        try:
            async with self._stream.session() as session:
                logger.info("stream_connected", extra={"owner": self._owner})
                self._tell(Gap())
                self._is_connected = True
                opened_at = _now()
                await first_to_end(
                    self._hear(session),
                    self._outbox.deliver(),
                    _every(_ROUND, lambda: self._vouch(session)),
                    _every(_ROUND, lambda: self._choose(session)),
                    _every(_RENEWAL, self._keep_lease),
                    _every(_COUNTS_EVERY, self._say_counts),
                )
        except TradingError as fault:
            trouble = fault
        else:
            return _SHORTEST_PAUSE
        finally:
            if self._is_connected:
                self._is_connected = False
                self._reported = None
                self._asked_again.clear()
                self._ears.take(Gap())
        self._failures = 1 if _now() - opened_at > _LASTED_WELL else self._failures + 1
        pause = self._pause_after(trouble)
        logger.warning("stream_lost", extra={"cause": str(trouble), "again_in": pause})
        await self._report_lost(trouble)
        return pause

    def _pause_after(self, trouble: TradingError) -> float:
        match trouble:
            case CredentialsRefusedError():
                return _PAUSE_WHEN_REFUSED
            case StreamInUseError():
                return min(_PAUSE_WHEN_IN_USE * 2.0 ** min(self._failures - 1, 5), _LONGEST_PAUSE)
            case _:
                return min(_SHORTEST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    async def _report_lost(self, trouble: TradingError) -> None:
        leases = self._database.stream_leases
        await leases.report_lost(self._account_id, self._owner, str(trouble))
        with suppress(*DATABASE_FAULTS):
            await self._database.stream_news.tell(self._owner, [Gap()])
        if self._failures >= _GIVES_WAY_AFTER:
            await leases.release(self._account_id, self._owner)

    async def _hear(self, session: StreamSession) -> None:
        async with aclosing(session.events()) as events:
            async for event in events:
                if isinstance(event, OrderNotice):
                    logger.info("order_noticed", extra={"symbol": event.symbol, "kind": event.kind})
                elif isinstance(event, Garbled):
                    logger.error("stream_garbled", extra={"cause": event.why})
                self._counts[_COUNTED_AS[type(event)]] += 1
                self._tell(event)

    async def _vouch(self, session: StreamSession) -> None:
        self._tell(Covered(session.registered))

    async def _keep_lease(self) -> None:
        if not await self._database.stream_leases.take(self._account_id, self._owner):
            raise StreamLostError("another process has taken the stream's lease")

    async def _choose(self, session: StreamSession) -> None:
        """Register for what matters now: what is held by anybody of the account, then what is looked at here."""
        held = await self._database.positions.held_in(self._account_id)
        interest = Interest(tuple(position.symbol for position in held), self._ears.feed.of_interest())
        await session.register(registrations(interest, session.registered, self._most_stocks))
        await self._ask_again(session)
        if self._reported != session.registered:
            self._reported = session.registered
            await self._database.stream_leases.report(self._account_id, self._owner, session.registered)

    async def _say_counts(self) -> None:
        """Log what was heard since the last time."""
        if self._counts:
            logger.info("stream_heard", extra=dict(self._counts))
            self._counts.clear()

    async def _ask_again(self, session: StreamSession) -> None:
        """Register a stock anew that trades untold; if that does not help, the whole session is not to be trusted."""
        silent = self._ears.feed.coverage.silent()
        self._asked_again = {symbol: at for symbol, at in self._asked_again.items() if symbol in silent}
        for symbol in silent:
            if symbol not in self._asked_again:
                self._asked_again[symbol] = _now()
                logger.warning("stream_registered_again", extra={"symbol": symbol})
                await session.register_again(symbol)
            elif _now() - self._asked_again[symbol] > _HEARS_AGAIN_WITHIN:
                raise StreamLostError(f"the stream is deaf to {symbol}, which trades")

    def _tell(self, news: News) -> None:
        self._ears.take(news)
        self._outbox.put(news)


class _Outbox:
    """What the others are to be told: the latest tick of each stock, all else in sequence."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._ticks: dict[Symbol, Quote] = {}
        self._others: list[News] = []
        self._filled = asyncio.Event()

    def put(self, news: News) -> None:
        if isinstance(news, Quote):
            self._ticks[news.symbol] = news
        else:
            self._others.append(news)
        self._filled.set()

    async def deliver(self) -> None:
        """Tell what has gathered, as soon as the last telling is done; what cannot be told is forgotten."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            news = [*self._others, *self._ticks.values()]
            self._others, self._ticks = [], {}
            try:
                await self._database.stream_news.tell(self._owner, news)
            except DATABASE_FAULTS as fault:
                logger.warning("stream_news_untold", extra={"cause": f"{type(fault).__name__}: {fault}"})
            await asyncio.sleep(_TELLS_EVERY)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Act again and again; what the database cannot do now is tried again next time."""
    while True:
        try:
            await act()
        except DATABASE_FAULTS as fault:
            logger.warning("stream_round_postponed", extra={"cause": f"{type(fault).__name__}: {fault}"})
        await asyncio.sleep(seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
