"""The pure core: accounts and their orders on the simulated exchange, driven by market time and commands only."""

from datetime import datetime, timedelta
from typing import Final

from simulator.admission import Admission
from simulator.day_path import Edit
from simulator.exchange import Exchange, second_of
from simulator.krx.costs import most_commission
from simulator.krx.sessions import Session, SessionPhase
from simulator.krx.units import Price, Quantity, Side, Symbol, Won
from simulator.liquidity import Liquidity, MakeLiquidity
from simulator.matching import Matching, orders_of
from simulator.off_hours import OffHours
from simulator.order_events import Listener, OrderEvent, OrderEventKind
from simulator.order_types import (
    Board,
    OrderType,
    board_of,
)
from simulator.orders import (
    Account,
    AccountId,
    ChangeRequest,
    Fill,
    Order,
    OrderAction,
    OrderRequest,
    row_after,
)
from simulator.refusals import OrderRefusedError, Refusal
from simulator.trading_hours import window_of
from simulator.underway import STRAIGHT, Passage, Underway, Way

_OTHER_CUSTOMERS: Final = 23
_MARGIN_FACTOR: Final = 2.5
"""What an account with an unpaid margin of 40 percent may buy, in multiples of its cash."""


class Engine:
    """The broker's whole state. The same commands at the same market times produce the same books."""

    def __init__(self, exchange: Exchange, opening_cash: Won, liquidity: MakeLiquidity = Liquidity) -> None:
        self.exchange = exchange
        self.liquidity = liquidity(exchange)
        self.accounts: dict[AccountId, Account] = {}
        self.listeners: list[Listener] = []
        self._opening_cash = opening_cash
        self._admission = Admission(exchange, self.liquidity)
        self._matching = Matching(exchange, self.liquidity, self._book)
        self.off_hours = OffHours(exchange, self.liquidity, self._book)
        self._live: list[Order] = []
        self._underway = Underway()
        self._matched_until: datetime | None = None
        self._numbered: tuple[object, int] = (None, 0)

    def account(self, account_id: AccountId) -> Account:
        """Return an account. An unknown one is opened with the opening cash."""
        if account_id not in self.accounts:
            self.accounts[account_id] = Account(account_id, self._opening_cash, self._opening_cash)
        return self.accounts[account_id]

    def advance(self, at: datetime) -> None:
        """Match all orders due by a market instant. Only whole seconds count, so the call frequency does not matter."""
        at = at.replace(microsecond=0)
        for passage in self._underway.take_due(at):
            self._match_until(passage.due)
            self._reach(passage)
        self._match_until(at)

    def is_underway(self, order: Order) -> bool:
        """Return whether the broker has accepted an order, or its cancel, and the exchange has not yet."""
        return self._underway.concerns(order)

    def _match_until(self, at: datetime) -> None:
        start = self._matched_until
        self._matched_until = at if start is None else max(start, at)
        if start is None or not self._live or at <= start:
            return
        session = self.exchange.calendar.session_on(self._live[0].day)
        if session is None:
            return
        for symbol in dict.fromkeys(order.symbol for order in self._live):
            orders = orders_of(self._live, symbol)
            regular = [order for order in orders if board_of(order.kind) is Board.REGULAR]
            self._advance_symbol(regular, session, start, at)
            self.off_hours.pass_time([order for order in orders if order not in regular], session, start, at)
        self._expire(session, at)
        self._live = [order for order in self._live if order.remaining]

    def place(self, request: OrderRequest, at: datetime, *, by_hand: bool = False, way: Way = STRAIGHT) -> Order:
        """Accept an order or raise ``OrderRefusedError``; ``way`` is how it reaches the exchange."""
        self.advance(at)
        session, phase = self._admission.open_market(request.kind, at)
        self._admission.check_stock(request, phase, at)
        order = self._admission.order(request, session, at)
        order.by_hand = by_hand
        self._check_account(order, on_margin=way.on_margin)
        order.number = self._next_number(session)
        order.is_queued, order.moves_price = way.queued, way.moves_price
        if not way.is_direct:
            self.account(order.account).add(order)
            self._underway.add(Passage(way.due(at), order, way))
            return order
        order.rejected = order.quantity if way.rejected else 0
        self._enter(order, session, phase, at)
        return order

    def change(self, request: ChangeRequest, at: datetime, way: Way = STRAIGHT) -> Order:
        """Amend or cancel a live order and return the new row, or raise ``OrderRefusedError``.

        What has not reached the exchange yet can be neither amended nor cancelled.
        """
        self.advance(at)
        account = self.account(request.account)
        original = _live_order(account, request.original)
        session, phase = self._admission.open_market(original.kind if original else OrderType.LIMIT, at)
        if original is None or self.is_underway(original):
            raise OrderRefusedError(Refusal.NOTHING_TO_CHANGE)
        quantity = Quantity(min(request.quantity or original.remaining, original.remaining))
        if request.action is OrderAction.CANCEL:
            row = row_after(original, self._next_number(session), at)
            row.action, row.quantity, row.price = OrderAction.CANCEL, quantity, Price(0)
            account.add(row)
            passage = Passage(way.due(at), row, way, original)
            if way.is_direct:
                self._cancel(passage)
            else:
                self._underway.add(passage)
            return row
        return self._amend(original, request._replace(quantity=quantity), (session, phase, at), way)

    def restate(self, symbol: Symbol, ratio: float) -> None:
        """Multiply the shares of a stock in every account; a fraction of a share is lost until it is paid out."""
        for account in self.accounts.values():
            holding = account.holdings.get(symbol)
            if holding:
                holding.quantity = int(holding.quantity * ratio)

    def rematch(self, symbol: Symbol, at: datetime) -> None:
        """Match a stock's resting orders again in the current second, after its price was forced."""
        session = self.exchange.shown_session(at)
        if self.exchange.phase_at(at) is SessionPhase.CONTINUOUS:
            self._matching.match_second(orders_of(self._live, symbol), session, second_of(session, at))

    def buyable(self, account: Account, price: Price, symbol: Symbol | None, cash: Won | None = None) -> Quantity:
        """Return how many shares the cash (by default the free cash) buys at a price, commission included."""
        if price <= 0 or symbol is None:
            return Quantity(0)
        cash = account.free_cash if cash is None else cash
        product = self.exchange.tapes[symbol].listing.product
        quantity = max(cash, 0) // price
        while quantity and quantity * price + most_commission(quantity * price, product) > cash:
            quantity -= 1
        return Quantity(quantity)

    def _advance_symbol(self, orders: list[Order], session: Session, start: datetime, at: datetime) -> None:
        if start < session.opens_at <= at:
            self._matching.opening_auction(orders, session)
        first = second_of(session, start) + 1 if start >= session.opens_at else 1
        last = second_of(session, min(at, session.auction_at - timedelta(seconds=1)))
        if at >= session.opens_at and last >= first:
            self._matching.pass_time(orders, session, range(first, last + 1))
        if start < session.ends_at <= at:
            self._matching.closing_auction(orders, session)

    def _expire(self, session: Session, at: datetime) -> None:
        for order in self._live:
            window = window_of(board_of(order.kind), session)
            if window is None or at >= window.until:
                order.cancelled += order.remaining

    def _book(self, order: Order, fill: Fill) -> None:
        self.account(order.account).take(order, fill)
        self._notify(OrderEventKind.FILLED, order, fill.quantity, (fill.price, fill.at))

    def _notify(self, kind: OrderEventKind, order: Order, quantity: int, happened: tuple[Price, datetime]) -> None:
        for listener in self.listeners:
            listener(OrderEvent(kind, order, quantity, *happened))

    def _check_account(self, order: Order, *, on_margin: bool = False) -> None:
        account = self.account(order.account)
        power = account.cash * _MARGIN_FACTOR if on_margin else account.free_cash
        if order.side is Side.BUY and order.reserved > power:
            raise OrderRefusedError(Refusal.NO_FUNDS)
        if order.side is Side.SELL and order.quantity > account.sellable(order.symbol):
            raise OrderRefusedError(Refusal.NO_HOLDING)

    def _next_number(self, session: Session) -> str:
        day, last = self._numbered
        last = last if day == session.date else 0
        self._numbered = (session.date, last + 1 + last * 7 % _OTHER_CUSTOMERS)
        return f"{self._numbered[1]:010d}"

    def _reach(self, passage: Passage) -> None:
        """Let a new order or a cancel reach the exchange."""
        order, at = passage.row, passage.due
        if passage.original is not None:
            self._cancel(passage)
            return
        session = self.exchange.calendar.session_on(order.day)
        window = window_of(board_of(order.kind), session) if session else None
        is_shut = window is None or at >= window.until or self.exchange.conditions[order.symbol].halted
        order.rejected = order.quantity if passage.way.rejected or is_shut else 0
        if session:
            self._arrive(order, session, session.phase_at(at), at)

    def _enter(self, order: Order, session: Session, phase: SessionPhase, at: datetime) -> None:
        self.account(order.account).add(order)
        self._arrive(order, session, phase, at)

    def _arrive(self, order: Order, session: Session, phase: SessionPhase, at: datetime) -> None:
        accepted = order.action is OrderAction.NEW
        kind = OrderEventKind.ACCEPTED if accepted else OrderEventKind.CONFIRMED
        self._notify(kind, order, order.quantity, (order.price, at))
        if order.rejected:
            self._notify(OrderEventKind.REJECTED, order, order.rejected, (order.price, at))
            return
        if board_of(order.kind) is not Board.REGULAR:
            self.off_hours.arrive(order, session, at)
        elif phase is SessionPhase.CONTINUOUS:
            self._matching.arrive(order, session, second_of(session, at))
            if order.moves_price and order.fills:
                self._move_price(order, session, at)
        if order.cancelled:
            self._notify(OrderEventKind.DROPPED, order, order.cancelled, (order.price, at))
        if order.remaining:
            self._live.append(order)

    def _move_price(self, order: Order, session: Session, at: datetime) -> None:
        """Let the price go on from an order's last fill, and the depth of its stock return slowly."""
        self.liquidity.slow.add(order.symbol)
        price = order.fills[-1].price
        if price != self.exchange.price_at(order.symbol, session, second_of(session, at)):
            self.exchange.edit(order.symbol, at, Edit(0, price, natural=True))

    def _cancel(self, passage: Passage) -> None:
        """Cancel at the exchange what a fill has not taken before; reject the rest of the cancel."""
        original, row, at = passage.original, passage.row, passage.due
        if original is None:
            return
        if passage.way.beaten and original.remaining:
            self._fill_first(original, passage.way.beaten, at)
        quantity = min(row.quantity, original.remaining)
        original.cancelled += quantity
        row.rejected = row.quantity - quantity
        kind = OrderEventKind.CONFIRMED if quantity else OrderEventKind.REJECTED
        self._notify(kind, row, quantity or row.rejected, (Price(0), at))

    def _fill_first(self, order: Order, shares: int, at: datetime) -> None:
        """Fill an order at the last price, or at its own, if anybody could trade with it."""
        session = self.exchange.shown_session(at)
        conditions = self.exchange.conditions[order.symbol]
        locked = conditions.no_asks if order.side is Side.BUY else conditions.no_bids
        if session.phase_at(at) is not SessionPhase.CONTINUOUS or conditions.frozen or locked:
            return
        price = order.price or self.exchange.price_at(order.symbol, session, second_of(session, at))
        self._book(order, Fill(at, price, Quantity(min(shares, order.remaining))))

    def _amend(
        self, original: Order, request: ChangeRequest, moment: tuple[Session, SessionPhase, datetime], way: Way
    ) -> Order:
        session, phase, at = moment
        quantity = request.quantity or original.remaining
        if board_of(request.kind) is not board_of(original.kind):
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        wanted = OrderRequest(
            original.account, original.symbol, original.side, request.kind, quantity, request.price, request.trigger
        )
        self._admission.check_stock(wanted, phase, at)
        row = self._admission.order(wanted, session, at)
        original.cancelled += quantity
        try:
            self._check_account(row, on_margin=way.on_margin)
        except OrderRefusedError:
            original.cancelled -= quantity
            raise
        row.number, row.action, row.original = self._next_number(session), OrderAction.AMEND, original.number
        row.by_hand, row.is_queued, row.moves_price = original.by_hand, original.is_queued, original.moves_price
        self._enter(row, session, phase, at)
        return row


def _live_order(account: Account, number: str) -> Order | None:
    for order in reversed(account.live_orders):
        if order.number.lstrip("0") == number.strip().lstrip("0"):
            return order
    return None
