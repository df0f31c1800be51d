"""The orders of one variant in one session: filled by the matching and the fill rule of a backtest."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from domain.clock import MarketClock
from domain.ladder import Ladder, Rung, Tries
from domain.market import Quote, Symbol
from domain.money import Price, Quantity
from domain.position import ExitReason
from domain.pricing import exit_limit
from domain.rules import TradingRules
from lab.counter import LAB_ACCOUNT
from lab.fills import BarLiquidity
from lab.market import quote_of
from lab.sweep.scene import Scene
from simulator.exchange import second_of
from simulator.krx.units import Market, Side
from simulator.matching import Matching
from simulator.order_types import OrderType
from simulator.orders import Fill, Order

_MOST_DELAY: Final = 5
"""Seconds between two looks at an order: 1, 2, 3, 4, then 5, as a backtest follows it."""

_MINUTE: Final = 60
_FORGETS: Final = 30
"""Seconds after which the fill rule's book shows nothing of an order; its minute must be over too."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """What an order, or the orders of a sale, have traded: shares, won, and the seconds since the open.

    ``first_at`` and ``ended_at`` are when a worker sees the first fill and the end; the market is faster.
    """

    quantity: int
    amount: int
    first_at: int
    ended_at: int
    orders: int = 1


class Dealing:
    """The orders of one variant. Its book remembers what the variant has taken, and nothing of other variants."""

    def __init__(self, scene: Scene, rules: TradingRules) -> None:
        self._scene, self._rules = scene, rules
        self._memory: dict[Hashable, Dealt | None] = scene.dealt.setdefault(rules.execution, {})
        self._touched: dict[Symbol, int] = {}
        self._session = scene.market.session_there
        self._book = BarLiquidity(scene.exchange)
        self._matching = Matching(scene.exchange, self._book, _take)
        self._auction = second_of(self._session, self._session.auction_at)
        self._end = second_of(self._session, self._session.ends_at)

    def buy(self, symbol: Symbol, quantity: Quantity, limit: Price, second: int) -> Dealt:
        """Send a buy and follow it until it is filled or its time is over."""
        key = (symbol, quantity, limit, second)
        found = self._memory.get(key) if self._is_untouched(symbol, second) else None
        if found is None:
            found = self._bought(symbol, quantity, limit, second)
            if self._is_untouched(symbol, second):
                self._memory[key] = found
        self._touched[symbol] = found.ended_at
        return found

    def sell(self, symbol: Symbol, quantity: Quantity, quote: Quote, second: int, reason: ExitReason) -> Dealt | None:
        """Sell on the rungs of the ladder; None if the session ends before all shares are sold."""
        key = (symbol, quantity, second, reason is ExitReason.DEADLINE)
        if not self._is_untouched(symbol, second):
            return self._sold(symbol, quantity, quote, second, reason)
        if key not in self._memory:
            self._memory[key] = self._sold(symbol, quantity, quote, second, reason)
        found = self._memory[key]
        self._touched[symbol] = self._end if found is None else found.ended_at
        return found

    def _is_untouched(self, symbol: Symbol, second: int) -> bool:
        """Return whether the book has forgotten the variant's last order of a stock: then all variants fill alike."""
        touched = self._touched.get(symbol)
        return touched is None or (second // _MINUTE > touched // _MINUTE and second - touched > _FORGETS)

    def _bought(self, symbol: Symbol, quantity: Quantity, limit: Price, second: int) -> Dealt:
        order = self._order(symbol, Side.BUY, OrderType.LIMIT, quantity, limit)
        patience = int(self._rules.execution.entry_timeout.total_seconds())
        return self._followed(order, second, patience)

    def _sold(self, symbol: Symbol, quantity: Quantity, quote: Quote, second: int, reason: ExitReason) -> Dealt | None:
        plan = self._scene.plan
        unhurried = plan.liquidation_at if reason is ExitReason.DEADLINE else None
        clock = MarketClock(plan.session.opens_at, plan.session.opens_at)
        ladder = Ladder(plan.session, self._rules.execution, clock, unhurried)
        tries, left, amount, first = Tries(), int(quantity), 0, -1
        while True:
            now = self._scene.instant(second)
            rung = ladder.next_rung(now, tries, frozenset())
            if not isinstance(rung, Rung):
                return None
            if tries.orders:
                quote = self._quote(symbol, second)
            at_the_bid = rung is Rung.BEST_BID
            kind, price = (OrderType.LIMIT, exit_limit(quote, self._rules.execution)) if at_the_bid else _AT_MARKET
            order = self._order(symbol, Side.SELL, kind, Quantity(left), price)
            patience = int(ladder.patience(rung, now, tries).total_seconds())
            dealt = self._followed(order, second, patience)
            left, amount, second = left - dealt.quantity, amount + dealt.amount, dealt.ended_at
            first = dealt.first_at if first < 0 and dealt.quantity else first
            tries = tries.after(rung, refused=False)
            if not left:
                return Dealt(int(quantity), amount, first, second, tries.orders)
            if second >= self._end:
                return None

    def _quote(self, symbol: Symbol, second: int) -> Quote:
        """Return a quote in which the shares that this variant has just taken are missing."""
        seen = self._scene.exchange.snapshot(symbol, self._scene.instant(second))
        asks = self._book.levels(symbol, Side.SELL, self._session, second, 1)
        return quote_of(seen, asks, self._book.levels(symbol, Side.BUY, self._session, second, 1))

    def _order(self, symbol: Symbol, side: Side, kind: OrderType, quantity: Quantity, price: Price) -> Order:
        return Order(
            number="",
            day=self._session.date,
            account=LAB_ACCOUNT,
            symbol=symbol,
            market=Market.KOSPI,
            side=side,
            kind=kind,
            quantity=quantity,
            price=price,
            reserve_price=price,
            placed_at=self._session.opens_at,
        )

    def _followed(self, order: Order, second: int, patience: int) -> Dealt:
        """Let time pass from look to look until the order is filled, withdrawn, or the session is over."""
        began, looks, first = second, 1, -1
        if second < self._auction:
            self._matching.arrive(order, self._session, second)
        while True:
            first = second if first < 0 and order.filled else first
            if not order.remaining or second - began >= patience or second >= self._end:
                return Dealt(order.filled, order.amount, first, second)
            after = second + min(looks, _MOST_DELAY)
            self._pass(order, second, after)
            second, looks = after, looks + 1

    def _pass(self, order: Order, second: int, until: int) -> None:
        last = min(until, self._auction - 1)
        if last > second:
            self._matching.pass_time([order], self._session, range(second + 1, last + 1))
        if second < self._end <= until and order.remaining:
            self._matching.closing_auction([order], self._session)


_AT_MARKET: Final = (OrderType.MARKET, Price(0))


def _take(order: Order, fill: Fill) -> None:
    order.take(fill)
