"""News from one process's broker stream, sent to all other processes by LISTEN and NOTIFY."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from database.errors import DATABASE_FAULTS
from database.listening import arriving, listening
from database.pool import Pool
from domain.market import Quote, Side, Symbol
from domain.money import Price, Quantity, Won
from domain.stream import Covered, Gap, Garbled, News, NoticeKind, OrderNotice

logger = logging.getLogger("haru.stream")

_CHANNEL: Final = "haru_stream"
_LONGEST: Final = 7_500
"""Bytes of one payload; PostgreSQL accepts fewer than 8,000."""
_QUIET: Final = 10.0
"""Seconds without news after which the connection is tested; the session's owner sends news every second."""
_PAUSES: Final = (0.5, 1.0, 2.0, 5.0)


class StreamNews:
    """The channel of one database. Listening uses its own connection: the pool's are not reset between users."""

    def __init__(self, pool: Pool, url: str, quiet: float = _QUIET, pauses: Sequence[float] = _PAUSES) -> None:
        self._pool = pool
        self._url = url
        self._quiet = quiet
        self._pauses = pauses

    _NOTIFY = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"

    async def publish(self, sender: str, news: Sequence[News]) -> None:
        """Send news to the other processes, in as few payloads as possible."""
        payloads = list(_payloads(sender, news))
        if payloads:
            await self._pool.execute(self._NOTIFY, _CHANNEL, payloads)

    async def heard(self, listener: str) -> AsyncGenerator[News, None]:
        """Yield news of other processes forever; each new connection starts with a gap, since news may be lost."""
        failures = 0
        while True:
            try:
                async with listening(self._url, _CHANNEL) as (connection, waiting):
                    failures = 0
                    yield Gap()
                    async for payload in arriving(connection, waiting, self._quiet):
                        for each in _news_in(payload, listener):
                            yield each
            except DATABASE_FAULTS as fault:
                logger.warning("stream_news_lost", extra={"cause": f"{type(fault).__name__}: {fault}"})
                yield Gap()
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses) - 1)])
            failures += 1


def _payloads(sender: str, news: Iterable[News]) -> Iterator[str]:
    batch: list[str] = []
    size = 0
    for word in (json.dumps(_to_json(each), separators=(",", ":"), ensure_ascii=True) for each in news):
        if batch and size + len(word) + len(sender) > _LONGEST:
            yield _joined(sender, batch)
            batch, size = [], 0
        batch.append(word)
        size += len(word) + 1
    if batch:
        yield _joined(sender, batch)


def _joined(sender: str, words: Sequence[str]) -> str:
    return f"[{json.dumps(sender)},{','.join(words)}]"


def _news_in(payload: str, listener: str) -> list[News]:
    """Read a payload of another process; a payload of a newer or broken sender counts as a gap."""
    try:
        sender, *words = json.loads(payload)
        return [] if sender == listener else [_from_json(word) for word in words]
    except (ValueError, TypeError, KeyError, IndexError):
        logger.warning("stream_news_unreadable", extra={"length": len(payload)})
        return [Gap()]


def _to_json(news: News) -> list[Any]:
    match news:
        case Quote():
            sides = (news.bid, news.ask, news.bid_quantity, news.ask_quantity)
            day = (news.volume, news.turnover, news.open_price, news.high_price, news.low_price)
            return ["tick", news.symbol, round(news.observed_at.timestamp() * 1000), news.price, *sides, *day]
        case OrderNotice():
            size = (news.quantity, news.price)
            return ["notice", news.kind.value, news.symbol, news.side.value, news.number, news.original, *size]
        case Covered(symbols):
            return ["covered", *symbols]
        case Garbled(why):
            return ["garbled", why]
        case Gap():
            return ["gap"]


def _from_json(word: list[Any]) -> News:
    kind, *values = word
    match kind:
        case "tick":
            return _tick(values)
        case "notice":
            what, symbol, side, number, original, quantity, price = values
            return OrderNotice(NoticeKind(what), symbol, Side(side), number, original, quantity, price)
        case "covered":
            return Covered(tuple(Symbol(code) for code in values))
        case "garbled":
            return Garbled(str(values[0]))
        case _:
            return Gap()


def _tick(values: list[Any]) -> Quote:
    symbol, at, price, bid, ask, bid_quantity, ask_quantity, volume, turnover, *bar = values
    open_price, high_price, low_price = bar
    return Quote(
        symbol=Symbol(symbol),
        price=Price(price),
        observed_at=datetime.fromtimestamp(at / 1000, UTC),
        bid=Price(bid),
        ask=Price(ask),
        bid_quantity=Quantity(bid_quantity),
        ask_quantity=Quantity(ask_quantity),
        volume=Quantity(volume),
        turnover=Won(turnover),
        open_price=Price(open_price),
        high_price=Price(high_price),
        low_price=Price(low_price),
    )
