"""Orders, fills and one account's books, as the broker keeps them."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from simulator.day_trades import DayTrade
from simulator.krx.costs import Costs, added_costs, most_commission
from simulator.krx.units import Market, Price, Product, Quantity, Side, Symbol, Won
from simulator.order_types import MARKET_TYPES, OrderType


class OrderAction(StrEnum):
    """Kinds of rows in the order list."""

    NEW = "new"
    AMEND = "amend"
    CANCEL = "cancel"


class AccountId(NamedTuple):
    """``CANO`` (8 digits) and ``ACNT_PRDT_CD`` (2 digits)."""

    number: str
    product: str


class OrderRequest(NamedTuple):
    """A new order; ``side`` as in `Side`; ``price`` in won, 0 for types without one; ``trigger`` for a stop-limit."""

    account: AccountId
    symbol: Symbol
    side: str
    kind: OrderType
    quantity: Quantity
    price: Price
    trigger: Price = 0


class ChangeRequest(NamedTuple):
    """An amendment or a cancellation; ``quantity`` None means all remaining shares."""

    account: AccountId
    original: str
    action: OrderAction
    kind: OrderType
    quantity: Quantity | None
    price: Price
    trigger: Price = 0


@dataclass(frozen=True, slots=True)
class Fill:
    """Shares traded at one price (won) at a market instant, with the costs they add to the day."""

    at: datetime
    price: Price
    quantity: Quantity
    costs: Costs = field(default_factory=Costs)


@dataclass(slots=True)
class Order:
    """One row of the broker's order list. ``price`` is 0 for a market order; ``reserve_price`` bounds its cost."""

    number: str
    day: date
    account: AccountId
    symbol: Symbol
    market: Market
    side: Side
    kind: OrderType
    quantity: Quantity
    price: Price
    reserve_price: Price
    placed_at: datetime
    action: OrderAction = OrderAction.NEW
    original: str = ""
    by_hand: bool = False
    trigger: Price = 0
    triggered: bool = False
    turned_market: bool = False
    cancelled: int = 0
    rejected: int = 0
    filled: int = 0
    amount: Won = 0
    costs: Costs = field(default_factory=Costs)
    fills: list[Fill] = field(default_factory=list)
    product: Product | None = None
    """Whether it is an ETF or ETN, which cost other fees than a stock."""
    is_queued: bool = False
    """Whether the order waits behind the shares that rest at its price; ``ahead`` of it, None before the first look."""
    ahead: int | None = None
    moves_price: bool = False
    hidden: int = 0
    """The largest number of filled shares that a fault has hidden from a list."""

    @property
    def remaining(self) -> Quantity:
        """Return the shares that can still trade; 0 for a cancel row."""
        if self.action is OrderAction.CANCEL:
            return Quantity(0)
        return Quantity(self.quantity - self.filled - self.cancelled - self.rejected)

    @property
    def is_market(self) -> bool:
        """Return whether the order accepts any price: a market order, or a conditional limit in the closing auction."""
        return self.turned_market or self.kind in MARKET_TYPES

    @property
    def is_dormant(self) -> bool:
        """Return whether a stop-limit order still waits for its trigger."""
        return self.kind is OrderType.STOP_LIMIT and not self.triggered

    def accepts(self, price: Price) -> bool:
        """Return whether the order may trade at a price now."""
        if self.is_dormant:
            return False
        return self.is_market or (price <= self.price if self.side is Side.BUY else price >= self.price)

    def within_reach(self, low: int, high: int) -> bool:
        """Return whether a price between two bounds could fill or trigger the order."""
        if self.is_dormant:
            return high >= self.trigger if self.side is Side.BUY else low <= self.trigger
        return self.is_market or (low <= self.price if self.side is Side.BUY else high >= self.price)

    @property
    def reserved(self) -> Won:
        """Return the cash (won) reserved for the unfilled part of a buy, costs included."""
        if self.side is Side.SELL or not self.remaining:
            return Won(0)
        rest = self.reserve_price * self.remaining
        return Won(rest + most_commission(rest, self.product))

    def take(self, fill: Fill) -> Won:
        """Book a fill and return the change of the account's cash (won)."""
        self.fills.append(fill)
        self.filled += fill.quantity
        traded = fill.price * fill.quantity
        self.amount = Won(self.amount + traded)
        self.costs = self.costs.plus(fill.costs)
        return Won((traded if self.side is Side.SELL else -traded) - fill.costs.total)


@dataclass(slots=True)
class Holding:
    """Shares of one stock in an account; ``cost`` is the moving-average purchase amount in won."""

    symbol: Symbol
    quantity: int = 0
    cost: Won = 0
    last_sold: date | None = None

    def take(self, side: Side, fill: Fill) -> None:
        """Add bought shares or remove sold ones."""
        if side is Side.BUY:
            self.quantity += fill.quantity
            self.cost = Won(self.cost + fill.price * fill.quantity)
            return
        self.cost = Won(self.cost - self.cost * fill.quantity // self.quantity)
        self.quantity -= fill.quantity


@dataclass(slots=True)
class Account:
    """Cash, holdings and orders of one account. Cash is trade-date cash: sale proceeds count immediately."""

    id: AccountId
    opening_cash: Won
    cash: Won
    holdings: dict[Symbol, Holding] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    cash_flows: dict[date, int] = field(default_factory=dict)
    day_trades: dict[tuple[date, Symbol], DayTrade] = field(default_factory=dict)
    _working: list[Order] = field(default_factory=list)

    @property
    def live_orders(self) -> list[Order]:
        """Return the orders that can still trade, oldest first."""
        self._working = [order for order in self._working if order.remaining]
        return self._working

    def add(self, order: Order) -> None:
        """Append an order to the account's list."""
        self.orders.append(order)
        self._working.append(order)

    @property
    def free_cash(self) -> Won:
        """Return the cash that is not reserved by live buy orders."""
        return Won(self.cash - sum(order.reserved for order in self.live_orders))

    def sellable(self, symbol: Symbol) -> Quantity:
        """Return the shares that are not reserved by live sell orders."""
        holding = self.holdings.get(symbol)
        held = holding.quantity if holding else 0
        offered = sum(o.remaining for o in self.live_orders if o.symbol == symbol and o.side is Side.SELL)
        return Quantity(held - offered)

    def take(self, order: Order, fill: Fill) -> None:
        """Book a fill of one of the account's orders. Costs count per stock, side and day, as at KIS."""
        trade = self.day_trades.setdefault((order.day, order.symbol), DayTrade(order.day, order.symbol))
        traded = Won(fill.price * fill.quantity)
        before = trade.amount_of(order.side)
        added = added_costs(order.side, order.product or order.market, order.day, before, traded)
        change = order.take(replace(fill, costs=added))
        self.cash = Won(self.cash + change)
        self.cash_flows[order.day] = self.cash_flows.get(order.day, 0) + change
        holding = self.holdings.setdefault(order.symbol, Holding(order.symbol))
        cost_before = holding.cost
        holding.take(order.side, fill)
        trade.add(order.side, fill.quantity, traded, added, cost_before - holding.cost)
        if order.side is Side.SELL:
            holding.last_sold = order.day

    def traded_on(self, day: date, symbol: Symbol) -> DayTrade:
        """Return the trades of a stock on a date."""
        return self.day_trades.get((day, symbol), DayTrade(day, symbol))

    def settled_cash(self, until: date) -> Won:
        """Return the cash including trades up to and including a date."""
        return Won(self.opening_cash + sum(flow for day, flow in self.cash_flows.items() if day <= until))


def row_after(original: Order, number: str, at: datetime) -> Order:
    """Return the empty row of a request about another order."""
    return Order(
        number=number,
        day=original.day,
        account=original.account,
        symbol=original.symbol,
        market=original.market,
        side=original.side,
        kind=OrderType.LIMIT,
        quantity=Quantity(0),
        price=Price(0),
        reserve_price=Price(0),
        placed_at=at,
        original=original.number,
        by_hand=original.by_hand,
    )
