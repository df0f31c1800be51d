"""What is new of a stock since the last look: trades and the book, from the same snapshots that REST shows."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Final

from domain.market import Side, Symbol
from domain.money import Price
from domain.session import Session, SessionPhase
from simulator.exchange import Snapshot, second_of
from simulator.settings import StreamSettings
from simulator.simulation import Simulation
from simulator.stream.records import Background, Book, book_record, trade_record
from simulator.stream.topics import BOOK

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = 60
_NO_MATCH: Final = (0, 0)


class Feed(ABC):
    """One stock's side of one TR id, moved on by looks."""

    @abstractmethod
    def look(self, at: datetime) -> list[str]:
        """Return the records that are new at a market instant (whole seconds), oldest first."""


def feed_of(tr_id: str, symbol: Symbol, simulation: Simulation, settings: StreamSettings, at: datetime) -> Feed:
    """Return the feed of a TR id that begins at a market instant."""
    if tr_id == BOOK:
        return BookFeed(simulation, symbol)
    return TradeFeed(simulation, symbol, settings, at)


def book_of(simulation: Simulation, seen: Snapshot) -> Book:
    """Return asks and bids; empty when nothing can trade."""
    if seen.phase is SessionPhase.CLOSED or seen.conditions.halted:
        return (), ()
    second, levels = second_of(seen.session, seen.at), simulation.engine.liquidity.levels
    symbol = seen.listing.symbol
    return levels(symbol, Side.SELL, seen.session, second), levels(symbol, Side.BUY, seen.session, second)


class BookFeed(Feed):
    """H0STASP0: the whole book whenever it has changed."""

    def __init__(self, simulation: Simulation, symbol: Symbol) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._shown: tuple[object, ...] = ()

    def look(self, at: datetime) -> list[str]:
        """Return the book unless it is the one shown last."""
        seen = self._simulation.exchange.snapshot(self._symbol, at)
        book = book_of(self._simulation, seen)
        shown = (*book, seen.phase)
        if shown == self._shown:
            return []
        self._shown = shown
        return [book_record(seen, book, _NO_MATCH)]


class TradeFeed(Feed):
    """H0STCNT0: at most one trade a market second, at the price and volume that REST shows for that second."""

    def __init__(self, simulation: Simulation, symbol: Symbol, settings: StreamSettings, at: datetime) -> None:
        self._simulation = simulation
        self._symbol = symbol
        self._settings = settings
        self._last = simulation.exchange.snapshot(symbol, at)
        self._extremes: dict[Price, datetime] = {}
        self._minute: tuple[Session, int] | None = None
        self._previous_volume = 0

    def look(self, at: datetime) -> list[str]:
        """Return the trades since the last look; where there are too many, some stand for those between them."""
        exchange = self._simulation.exchange
        session = exchange.shown_session(at)
        records = []
        for instant in self._instants(session, at):
            seen = exchange.snapshot(self._symbol, instant)
            last, self._last = self._last, seen
            before = last.totals.volume if last.session.date == seen.session.date else 0
            grown = seen.totals.volume - before
            if grown > 0 or (seen.price != last.price and seen.totals.volume):
                records.append(self._record(seen, max(grown, 1)))
        return records

    def _instants(self, session: Session, at: datetime) -> list[datetime]:
        """Return the market seconds to look at: those of continuous trading and the closing auction's last one."""
        after = max(self._last.at, session.opens_at - _SECOND)
        end = min(at, session.auction_at - _SECOND)
        count = int((end - after).total_seconds())
        instants = [after + _SECOND * step for step in _steps(count, self._settings.records)]
        if self._last.at < session.ends_at <= at:
            instants.append(session.ends_at)
        elif self._last.at == at and session.opens_at <= at:
            instants.append(at)
        return instants

    def _record(self, seen: Snapshot, size: int) -> str:
        book = book_of(self._simulation, seen)
        return trade_record(seen, size, book, self._background(seen), seen.totals.open_price)

    def _background(self, seen: Snapshot) -> Background:
        exchange = self._simulation.exchange
        opened_at = seen.session.opens_at
        minute = (seen.session, second_of(seen.session, seen.at) // _MINUTE)
        if minute != self._minute:
            if self._minute is None or self._minute[0] != seen.session:
                self._extremes.clear()
            self._minute = minute
            position = exchange.sessions.position(seen.session) - 1
            path = exchange.tapes[self._symbol].path(position)
            self._previous_volume = path.totals_at(minute[1] * _MINUTE).volume
        return Background(
            opened_at,
            self._reached_at(seen, seen.totals.high_price, highest=True),
            self._reached_at(seen, seen.totals.low_price, highest=False),
            exchange.previous_day(self._symbol, seen.session),
            self._previous_volume,
        )

    def _reached_at(self, seen: Snapshot, price: Price, *, highest: bool) -> datetime:
        """Return when the day's extreme was first reached, to the minute where nobody was looking."""
        if price not in self._extremes:
            path = self._simulation.exchange.path(self._symbol, seen.session)
            last = min(second_of(seen.session, seen.at) // _MINUTE, path.minutes - 1)
            bars = (path.bar(minute) for minute in range(last))
            found = (place for place, bar in enumerate(bars) if price == (bar.high if highest else bar.low))
            minute = next(found, None)
            self._extremes[price] = seen.at if minute is None else seen.session.opens_at + timedelta(minutes=minute)
        return self._extremes[price]


def _steps(count: int, most: int) -> list[int]:
    """Return 1…count, or as many of them as may be, evenly spread and with the last one."""
    if count <= most:
        return list(range(1, count + 1))
    return [count * step // most for step in range(1, most + 1)]
