"""The level of an index at any second of a day: recorded, or the market value of the seeded stocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

from simulator.day_path import DayPath
from simulator.exchange import Exchange, second_of
from simulator.index_days import Level
from simulator.krx.sessions import Session
from simulator.krx.units import Market
from simulator.listings import Listing

_STEP: Final = Decimal("0.01")
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Index:
    """An index of the largest stocks of a market; ``reference`` is its level at the reference prices (points)."""

    code: str
    name: str
    market: Market
    reference: Decimal
    most: int | None = None


INDICES: Final = {
    index.code: index
    for index in (
        Index("0001", "코스피", Market.KOSPI, Decimal("2600.00")),
        Index("1001", "코스닥", Market.KOSDAQ, Decimal("850.00")),
        Index("2001", "코스피200", Market.KOSPI, Decimal("350.00"), most=200),
    )
}
WHOLE_MARKETS: Final = {index.market: index for index in INDICES.values() if index.most is None}


class IndexBar(NamedTuple):
    """Levels of a span (points), and shares and won traded up to its end and in it."""

    opened: Decimal
    high: Decimal
    low: Decimal
    closed: Decimal
    volume: int
    turnover: int
    traded: int


@dataclass(frozen=True)
class IndexDay:
    """An index on one session's day. Seconds count from the open; before it the index shows the previous close."""

    exchange: Exchange
    index: Index
    session: Session

    @cached_property
    def listings(self) -> list[Listing]:
        """Return the stocks of the index, the largest first where it has not all."""
        listed = (tape.listing for tape in self.exchange.tapes.values())
        members = [one for one in listed if one.market is self.index.market and not one.etf]
        if self.index.most is not None:
            members.sort(key=lambda one: one.price * one.listed_shares, reverse=True)
        return members[: self.index.most]

    @cached_property
    def members(self) -> list[tuple[DayPath, int]]:
        """Return the day's path and the listed shares of each stock."""
        return [(self.exchange.path(one.symbol, self.session), one.listed_shares) for one in self.listings]

    @cached_property
    def before(self) -> Decimal:
        """Return the previous close."""
        if self.exchange.indices is not None:
            return self._recorded(self.session.opens_at).before
        position = self.exchange.sessions.position(self.session)
        return self.scaled([self.exchange.tapes[one.symbol].base_price(position) for one in self.listings])

    @property
    def last_second(self) -> int:
        """Return the second of the close."""
        return second_of(self.session, self.session.ends_at)

    def scaled(self, prices: Sequence[float]) -> Decimal:
        """Return the level at a price of each stock."""
        shares = [one.listed_shares for one in self.listings]
        reference = sum(one.price * count for one, count in zip(self.listings, shares, strict=True))
        if not reference:
            return Decimal(0)
        value = sum(price * count for price, count in zip(prices, shares, strict=True))
        return (Decimal(value) * self.index.reference / reference).quantize(_STEP)

    def level(self, second: int) -> Decimal:
        """Return the level at a second; zero if it is not known."""
        if self.exchange.indices is not None:
            return self._recorded(self.session.opens_at + timedelta(seconds=min(second, self.last_second))).now
        if second >= self.last_second:
            return self.scaled([path.close_price for path, _ in self.members])
        return self.scaled([path.price_at(second) for path, _ in self.members])

    def traded(self, second: int) -> tuple[int, int]:
        """Return the shares and the won that all stocks have traded up to a second."""
        whole = second >= self.last_second
        totals = [path.whole_day() if whole else path.totals_at(second) for path, _ in self.members]
        return sum(each.volume for each in totals), sum(each.turnover for each in totals)

    def bar(self, first: int, last: int) -> IndexBar:
        """Return the bar from one second to another, both included; the levels between are sampled three times."""
        levels = [self.level(first + (last - first) * third // 3) for third in range(4)]
        volume, turnover = self.traded(last)
        before = self.traded(first - 1)[0] if first else 0
        return IndexBar(levels[0], max(levels), min(levels), levels[-1], volume, turnover, volume - before)

    def _recorded(self, instant: datetime) -> Level:
        found = (self.exchange.indices or {}).get(self.session.date, {}).get(self.index.market)
        return found.at(instant) if found and self.index.most is None else Level()


def level_at(exchange: Exchange, market: Market, at: datetime) -> Level:
    """Return a market's index at an instant; an exchange that plays a recording has only the recorded levels."""
    return level_of(exchange, WHOLE_MARKETS[market], at)


def level_of(exchange: Exchange, index: Index, at: datetime) -> Level:
    """Return an index at a market instant. After the close it stands still until the next session is shown."""
    session = exchange.shown_session(at)
    day = IndexDay(exchange, index, session)
    if exchange.indices is not None:
        found = exchange.indices.get(session.date, {}).get(index.market)
        return found.at(min(at, session.ends_at)) if found and index.most is None else Level()
    if at < session.opens_at:
        return Level(day.before, day.before)
    return Level(day.level(second_of(session, at)), day.before)
