"""The recorded market of one session: quotes, books and paths straight from the simulator's exchange."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, cast

from activities.market.left_out import StockFault
from activities.market.quote_feed import QuoteFeed
from activities.support.pace import Pace
from broker.protocol import Broker
from domain.lane import Lane
from domain.market import (
    NO_BOARD,
    BookLevel,
    IndexLevel,
    InstrumentStatus,
    Market,
    MarketView,
    OrderBook,
    PriceSample,
    Quote,
    Symbol,
    TradingFlag,
)
from domain.market import MinuteBar as SeenBar
from domain.money import Price, Quantity, Won
from domain.tick_size import PriceLimits
from lab.fills import BarLiquidity
from lab.recording import RecordedSession, RecordedStock, session_there
from lab.seen_day import SeenDay
from simulator.day_path import DayPath
from simulator.exchange import Snapshot, second_of
from simulator.index_levels import level_at
from simulator.krx.units import Market as Board
from simulator.liquidity import Level
from simulator.natural_day import MinuteBar
from simulator.quotes import flags_in, levels_of
from simulator.simulation import Simulation

_MINUTE: Final = 60
_REMEMBERED: Final = 30
"""Minutes of the path that a strategy sees, as in production."""


class LabMarket:
    """What the broker would show of the day's stocks at any instant."""

    def __init__(self, recorded: RecordedSession, simulation: Simulation) -> None:
        self.session = recorded.session
        self.session_there = session_there(recorded.session)
        """The same session, as the simulator takes it."""
        self.stocks = recorded.stocks
        self.symbols = tuple(recorded.stocks)
        self._simulation = simulation
        self._book = cast("BarLiquidity", simulation.engine.liquidity)
        self.minutes = int((self.session.auction_at - self.session.opens_at).total_seconds()) // _MINUTE
        """Minutes of continuous trading."""
        self._paths: dict[Symbol, DayPath] = {}
        self._starts = tuple(self.session.opens_at + timedelta(minutes=minute) for minute in range(self.minutes))
        self._days: dict[Symbol, SeenDay] = {}
        self._quotes: dict[Symbol, Quote] = {}
        self._views: dict[Symbol, MarketView] = {}
        self._quoted_at = recorded.session.opens_at - timedelta(days=1)
        self._indexed_at = self._quoted_at
        self._indices: dict[Market, tuple[IndexLevel | None, str]] = {}

    def path(self, symbol: Symbol) -> DayPath:
        """Return a stock's path of the session."""
        found = self._paths.get(symbol)
        if found is None:
            found = self._paths[symbol] = self._simulation.exchange.path(symbol, self.session_there)
        return found

    def bar(self, symbol: Symbol, minute: int) -> MinuteBar:
        """Return a minute's bar; without trades it repeats the last price."""
        return self.path(symbol).natural.bars[minute]

    def stock(self, symbol: Symbol) -> RecordedStock | None:
        """Return a stock of the universe."""
        return self.stocks.get(symbol)

    def quote(self, symbol: Symbol, at: datetime) -> Quote:
        """Return a stock's quote at a market instant."""
        if at != self._quoted_at:
            self._quoted_at, self._quotes, self._views = at, {}, {}
        found = self._quotes.get(symbol)
        if found is None:
            found = self._quotes[symbol] = self._fast_quote(symbol, at) or self._any_quote(symbol, at)
        return found

    def _any_quote(self, symbol: Symbol, at: datetime) -> Quote:
        seen = self._simulation.exchange.snapshot(symbol, at)
        return quote_of(seen, *levels_of(self._simulation, seen, 1))

    def _fast_quote(self, symbol: Symbol, at: datetime) -> Quote | None:
        """Return the same quote at the start of a minute of continuous trading, from the day's running totals."""
        minute, rest = divmod((at - self.session.opens_at).total_seconds(), _MINUTE)
        if rest or not 0 <= minute < self.minutes:
            return None
        minute, stock = int(minute), self.stocks[symbol]
        path = self.path(symbol)
        before, bar = self._seen_day(symbol).totals_before(minute), path.natural.bars[minute]
        begun = bar.volume // _MINUTE
        bid, ask = self._book.touches(symbol, path, self.session_there, minute)
        return Quote(
            symbol=symbol,
            price=Price(bar.open),
            observed_at=at,
            bid=Price(bid.price if bid else 0),
            ask=Price(ask.price if ask else 0),
            bid_quantity=Quantity(bid.quantity if bid else 0),
            ask_quantity=Quantity(ask.quantity if ask else 0),
            volume=Quantity(before.volume + begun),
            turnover=Won(before.turnover + begun * bar.open),
            open_price=before.open_price or Price(bar.open),
            high_price=Price(max(before.high, bar.open)),
            low_price=Price(min(before.low or bar.open, bar.open)),
            previous_close=Price(stock.bars.base),
            limits=stock.limits,
            name=stock.listing.name,
            market=Market(stock.listing.market),
        )

    def book(self, symbol: Symbol, at: datetime) -> OrderBook:
        """Return ten levels of each side."""
        asks, bids = levels_of(self._simulation, self._simulation.exchange.snapshot(symbol, at))
        return OrderBook(symbol, asks=_levels(asks), bids=_levels(bids))

    def status(self, symbol: Symbol, at: datetime) -> InstrumentStatus:
        """Return a stock's board and flags."""
        exchange = self._simulation.exchange
        listing, conditions = exchange.tapes[symbol].listing, exchange.conditions[symbol]
        flags = frozenset(map(TradingFlag, flags_in(listing, conditions, exchange.pause(symbol, at))))
        return InstrumentStatus(symbol, Market(listing.market), flags)

    def leaders(self, count: int, at: datetime) -> tuple[Symbol, ...]:
        """Return the stocks with the highest turnover so far."""
        return tuple(sorted(self.symbols, key=lambda symbol: (-self.quote(symbol, at).turnover, symbol))[:count])

    def view(self, quote: Quote) -> MarketView:
        """Return what a strategy sees of a stock."""
        found = self._views.get(quote.symbol)
        if found is None or found.quote is not quote:
            reference = self.stocks[quote.symbol].reference
            recent, minutes = self._recent(quote), self._minutes(quote)
            found = MarketView(quote, reference, recent, minutes, self.session, *self._index(quote))
            self._views[quote.symbol] = found
        return found

    def _index(self, quote: Quote) -> tuple[IndexLevel | None, str]:
        """Return the recorded index of the stock's board at the time of the quote, or None with the reason."""
        if quote.market is None:
            return None, NO_BOARD
        if quote.observed_at != self._indexed_at:
            self._indexed_at = quote.observed_at
            self._indices = {market: self._index_of(market) for market in Market}
        return self._indices[quote.market]

    def _index_of(self, market: Market) -> tuple[IndexLevel | None, str]:
        level = level_at(self._simulation.exchange, Board(market), self._indexed_at)
        if not level.now:
            return None, f"the recorded bars have no level of {market.name}"
        return IndexLevel(market, level.now, self._indexed_at, level.before), ""

    def _minutes(self, quote: Quote) -> tuple[SeenBar, ...]:
        """Return today's bars since the first trade; the last one is open during continuous trading."""
        symbol, opens_at = quote.symbol, self.session.opens_at
        if quote.observed_at < opens_at or not quote.volume:
            return ()
        day, second = self._seen_day(symbol), second_of(self.session_there, quote.observed_at)
        minute = second // _MINUTE
        if minute >= len(day):
            return day.bars_before(len(day))
        prices = [quote.price]
        if second % _MINUTE:
            path = self.path(symbol)
            prices = [*(Price(path.price_at(each)) for each in range(minute * _MINUTE, second)), quote.price]
        traded = Quantity(max(0, quote.volume - day.totals_before(minute).volume))
        last = SeenBar(self._starts[minute], prices[0], max(prices), min(prices), quote.price, traded)
        return (*day.bars_before(minute), last)

    def _seen_day(self, symbol: Symbol) -> SeenDay:
        day = self._days.get(symbol)
        if day is None:
            day = self._days[symbol] = SeenDay(self.path(symbol).natural.bars, self._starts)
        return day

    def _recent(self, quote: Quote) -> tuple[PriceSample, ...]:
        """Return one sample a minute of the last half hour, and the present price."""
        at = quote.observed_at
        if at < self.session.opens_at:
            return ()
        day = self._seen_day(quote.symbol)
        minute = min(second_of(self.session_there, at) // _MINUTE, len(day) - 1)
        seen = day.samples(max(0, minute - _REMEMBERED), minute)
        if seconds := self.stocks[quote.symbol].bars.seconds:
            seen = self._with_ticks(seen, seconds, quote)
        if seen[-1].at == at:
            return seen
        return (*seen, PriceSample(at, quote.price, quote.volume))

    def _with_ticks(
        self, seen: Sequence[PriceSample], seconds: Mapping[int, Sequence[int]], quote: Quote
    ) -> tuple[PriceSample, ...]:
        """Return samples with each change of a recorded price between them, as a host remembers them."""
        found = list[PriceSample]()
        for start in seen:
            found.append(start)
            minute = second_of(self.session_there, start.at) // _MINUTE
            until = min(_MINUTE, int((quote.observed_at - start.at).total_seconds()))
            prices = seconds.get(minute, ())[:until]
            traded = self.bar(quote.symbol, minute).volume
            found += [
                PriceSample(
                    start.at + timedelta(seconds=second),
                    Price(price),
                    Quantity(start.volume + traded * second // _MINUTE),
                )
                for second, (before, price) in enumerate(pairwise(prices), 1)
                if price != before
            ]
        return tuple(found)


def quote_of(seen: Snapshot, asks: list[Level], bids: list[Level]) -> Quote:
    """Return a snapshot as the KIS client reads it from intstock-multprice."""
    totals = seen.totals
    return Quote(
        symbol=Symbol(seen.listing.symbol),
        price=Price(0 if seen.conditions.halted else seen.price),
        observed_at=seen.at,
        bid=Price(bids[0].price if bids else 0),
        ask=Price(asks[0].price if asks else 0),
        bid_quantity=Quantity(bids[0].quantity if bids else 0),
        ask_quantity=Quantity(asks[0].quantity if asks else 0),
        volume=Quantity(totals.volume),
        turnover=Won(totals.turnover),
        open_price=Price(totals.open_price),
        high_price=Price(totals.high_price),
        low_price=Price(totals.low_price),
        previous_close=Price(seen.base),
        limits=PriceLimits(Price(seen.limits.lower), Price(seen.limits.upper)),
        name=seen.listing.name,
        market=Market(seen.listing.market),
    )


def _levels(levels: list[Level]) -> tuple[BookLevel, ...]:
    return tuple(BookLevel(Price(level.price), Quantity(level.quantity)) for level in levels if level.quantity)


class LabFeed(QuoteFeed):
    """The production feed's interface over the recorded market: every price is of the moment."""

    def __init__(self, market: LabMarket, broker: Broker, pace: Pace) -> None:
        super().__init__(broker, pace)
        self._market = market

    async def quotes(
        self,
        symbols: Iterable[Symbol],
        greatest_age: timedelta,
        lane: Lane,
        covered_age: timedelta = timedelta(0),
    ) -> dict[Symbol, Quote]:
        now = self._pace.now()
        found = (self._market.quote(symbol, now) for symbol in symbols if self._market.stock(symbol))
        return {quote.symbol: quote for quote in found if quote.price > 0}

    def has_fresh(self, symbols: Collection[Symbol], greatest_age: timedelta, covered_age: timedelta) -> bool:
        return True

    def known_quote(self, symbol: Symbol) -> Quote | None:
        return self._market.quote(symbol, self._pace.now()) if self._market.stock(symbol) else None

    async def seen_in_book(self, quote: Quote, lane: Lane) -> Quote:
        return quote

    def view_of(self, quote: Quote) -> MarketView:
        return self._market.view(quote)

    async def learn_references(self, symbols: Iterable[Symbol], lane: Lane) -> dict[Symbol, StockFault]:
        return {}

    async def status(self, symbol: Symbol, greatest_age: timedelta, lane: Lane) -> InstrumentStatus:
        return self._market.status(symbol, self._pace.now())

    def known_status(self, symbol: Symbol, greatest_age: timedelta) -> InstrumentStatus | None:
        return self._market.status(symbol, self._pace.now()) if self._market.stock(symbol) else None
