"""The pure core: accounts and their orders on the simulated exchange, driven by market time and commands only."""

from datetime import datetime, timedelta
from typing import Final

from simulator.exchange import Exchange, second_of
from simulator.krx.costs import most_commission
from simulator.krx.prices import DailyLimits
from simulator.krx.sessions import Session, SessionPhase, in_seoul
from simulator.krx.units import Price, Quantity, Side, Symbol, TradingFlag, Won
from simulator.liquidity import Liquidity, MakeLiquidity
from simulator.matching import Matching, orders_of
from simulator.off_hours import OffHours
from simulator.order_events import Listener, OrderEvent, OrderEventKind
from simulator.order_types import (
    AUCTION_TYPES,
    BEST_TYPES,
    LIMIT_TYPES,
    MARKET_TYPES,
    MID_TYPES,
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
)
from simulator.pauses import Pause
from simulator.refusals import OrderRefusedError, Refusal
from simulator.trading_hours import single_price_limits, window_of

_AUCTIONS: Final = (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)
_OTHER_CUSTOMERS: Final = 23
_UNBOUNDED_TYPES: Final = MARKET_TYPES | MID_TYPES | {OrderType.CONDITIONAL_LIMIT}
"""Types whose price is unknown in advance. A buy reserves cash at the upper limit."""


class Engine:
    """The broker's whole state. The same commands at the same market times produce the same books."""

    def __init__(self, exchange: Exchange, opening_cash: Won, liquidity: MakeLiquidity = Liquidity) -> None:
        self.exchange = exchange
        self.liquidity = liquidity(exchange)
        self.accounts: dict[AccountId, Account] = {}
        self.listeners: list[Listener] = []
        self._opening_cash = opening_cash
        self._matching = Matching(exchange, self.liquidity, self._book)
        self.off_hours = OffHours(exchange, self.liquidity, self._book)
        self._live: list[Order] = []
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

    def place(self, request: OrderRequest, at: datetime, *, by_hand: bool = False, rejected: bool = False) -> Order:
        """Accept an order or raise ``OrderRefusedError``. With ``rejected`` the exchange rejects it afterwards."""
        self.advance(at)
        session, phase = self._open_market(request.kind, at)
        self._check_stock(request, phase, at)
        order = self._order(request, session, at)
        order.by_hand = by_hand
        self._check_account(order)
        order.number = self._next_number(session)
        order.rejected = order.quantity if rejected else 0
        self._enter(order, session, phase, at)
        return order

    def change(self, request: ChangeRequest, at: datetime) -> Order:
        """Amend or cancel a live order and return the new row, or raise ``OrderRefusedError``."""
        self.advance(at)
        account = self.account(request.account)
        original = _live_order(account, request.original)
        session, phase = self._open_market(original.kind if original else OrderType.LIMIT, at)
        if original is None:
            raise OrderRefusedError(Refusal.NOTHING_TO_CHANGE)
        quantity = Quantity(min(request.quantity or original.remaining, original.remaining))
        if request.action is OrderAction.CANCEL:
            return self._cancel(account, original, quantity, self._next_number(session), at)
        return self._amend(original, request, quantity, (session, phase, at))

    def rematch(self, symbol: Symbol, at: datetime) -> None:
        """Match a stock's resting orders again in the current second, after its price was forced."""
        session = self.exchange.shown_session(at)
        if self.exchange.phase_at(at) is SessionPhase.CONTINUOUS:
            self._matching.match_second(orders_of(self._live, symbol), session, second_of(session, at))

    def buyable(self, account: Account, price: Price, symbol: Symbol | None) -> Quantity:
        """Return how many shares the free cash buys at a price, commission included."""
        if price <= 0 or symbol is None:
            return Quantity(0)
        cash = account.free_cash
        quantity = max(cash, 0) // price
        while quantity and quantity * price + most_commission(quantity * price) > cash:
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

    def _open_market(self, kind: OrderType, at: datetime) -> tuple[Session, SessionPhase]:
        """Return the session and phase if the order type's market accepts orders, else raise ``OrderRefusedError``."""
        if board_of(kind) is Board.REGULAR:
            return self._open_session(at)
        session = self.exchange.calendar.session_on(in_seoul(at).date())
        if session is None:
            raise OrderRefusedError(Refusal.MARKET_NOT_OPEN_TODAY)
        window = window_of(board_of(kind), session)
        if window is None:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        if not window.orders_from <= at < window.until:
            raise OrderRefusedError(Refusal.BEFORE_OPEN if at < window.orders_from else Refusal.AFTER_CLOSE)
        return session, session.phase_at(at)

    def _open_session(self, at: datetime) -> tuple[Session, SessionPhase]:
        session = self.exchange.shown_session(at)
        phase = session.phase_at(at)
        if phase is not SessionPhase.CLOSED:
            return session, phase
        today = self.exchange.calendar.session_on(in_seoul(at).date())
        if today is None:
            raise OrderRefusedError(Refusal.MARKET_NOT_OPEN_TODAY)
        raise OrderRefusedError(Refusal.BEFORE_OPEN if at < today.opens_at else Refusal.AFTER_CLOSE)

    def _pause(self, symbol: Symbol, phase: SessionPhase, at: datetime) -> Pause | None:
        session = self.exchange.shown_session(at)
        path = self.exchange.path(symbol, session)
        return path.ended_by if phase in _AUCTIONS else path.pause_at(second_of(session, at))

    def _check_stock(self, request: OrderRequest, phase: SessionPhase, at: datetime) -> None:
        conditions = self.exchange.conditions[request.symbol]
        if conditions.halted:
            raise OrderRefusedError(Refusal.HALTED)
        pause = self._pause(request.symbol, phase, at)
        if pause and second_of(self.exchange.shown_session(at), at) < pause.orders_from:
            raise OrderRefusedError(Refusal.MARKET_HALTED)
        only_auction = phase in _AUCTIONS or conditions.interrupted or pause
        if board_of(request.kind) is Board.REGULAR and only_auction and request.kind not in AUCTION_TYPES:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        flags = self.exchange.tapes[request.symbol].listing.flags | conditions.flags
        if TradingFlag.OVERHEATED in flags and request.kind in MARKET_TYPES:
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        if request.quantity <= 0:
            raise OrderRefusedError(Refusal.QUANTITY)

    def _order(self, request: OrderRequest, session: Session, at: datetime) -> Order:
        snapshot = self.exchange.snapshot(request.symbol, at)
        price = self._order_price(request, session, at)
        stop = request.trigger if request.kind is OrderType.STOP_LIMIT else None
        for asked in (price, stop):
            if asked is None or request.kind in MARKET_TYPES | MID_TYPES:
                continue
            if not self._limits(request, session, snapshot.limits).contains(asked):
                raise OrderRefusedError(Refusal.OUTSIDE_LIMITS)
            if not snapshot.limits.grid.is_on_grid(asked):
                raise OrderRefusedError(Refusal.OFF_GRID)
        return Order(
            number="",
            day=session.date,
            account=request.account,
            symbol=request.symbol,
            market=snapshot.listing.market,
            product=snapshot.listing.product,
            side=Side(request.side),
            kind=request.kind,
            quantity=request.quantity,
            price=price,
            reserve_price=snapshot.limits.upper if request.kind in _UNBOUNDED_TYPES else price,
            placed_at=at,
            trigger=stop or Price(0),
        )

    def _limits(self, request: OrderRequest, session: Session, limits: DailyLimits) -> DailyLimits:
        """Return a price's bounds. The single-price session also limits it to ten percent around the close."""
        if board_of(request.kind) is not Board.SINGLE_PRICE:
            return limits
        close = self.exchange.path(request.symbol, session).close_price
        lower, upper = single_price_limits(close, limits.grid)
        return DailyLimits(limits.clamp(lower), limits.clamp(upper), limits.grid)

    def _order_price(self, request: OrderRequest, session: Session, at: datetime) -> Price:
        if request.kind in LIMIT_TYPES:
            return request.price
        if request.kind in MARKET_TYPES | MID_TYPES:
            return Price(0)
        if request.kind is OrderType.PRE_OPEN_CLOSE:
            return self.exchange.snapshot(request.symbol, at).base
        if request.kind is OrderType.POST_CLOSE:
            return self.exchange.path(request.symbol, session).close_price
        own = Side(request.side)
        opposite = Side.SELL if own is Side.BUY else Side.BUY
        side = opposite if request.kind in BEST_TYPES else own
        levels = self.liquidity.levels(request.symbol, side, session, second_of(session, at))
        if not levels:
            raise OrderRefusedError(Refusal.NO_OPPOSITE_SIDE)
        return levels[0].price

    def _check_account(self, order: Order) -> None:
        account = self.account(order.account)
        if order.side is Side.BUY and order.reserved > account.free_cash:
            raise OrderRefusedError(Refusal.NO_FUNDS)
        if order.side is Side.SELL and order.quantity > account.sellable(order.symbol):
            raise OrderRefusedError(Refusal.NO_HOLDING)

    def _next_number(self, session: Session) -> str:
        day, last = self._numbered
        last = last if day == session.date else 0
        self._numbered = (session.date, last + 1 + last * 7 % _OTHER_CUSTOMERS)
        return f"{self._numbered[1]:010d}"

    def _enter(self, order: Order, session: Session, phase: SessionPhase, at: datetime) -> None:
        self.account(order.account).add(order)
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
        if order.cancelled:
            self._notify(OrderEventKind.DROPPED, order, order.cancelled, (order.price, at))
        if order.remaining:
            self._live.append(order)

    def _cancel(self, account: Account, original: Order, quantity: Quantity, number: str, at: datetime) -> Order:
        original.cancelled += quantity
        row = _row_after(original, number, at)
        row.action, row.quantity, row.price = OrderAction.CANCEL, quantity, Price(0)
        account.add(row)
        self._notify(OrderEventKind.CONFIRMED, row, quantity, (Price(0), at))
        return row

    def _amend(
        self,
        original: Order,
        request: ChangeRequest,
        quantity: Quantity,
        moment: tuple[Session, SessionPhase, datetime],
    ) -> Order:
        session, phase, at = moment
        if board_of(request.kind) is not board_of(original.kind):
            raise OrderRefusedError(Refusal.ORDER_TYPE)
        wanted = OrderRequest(
            original.account, original.symbol, original.side, request.kind, quantity, request.price, request.trigger
        )
        self._check_stock(wanted, phase, at)
        row = self._order(wanted, session, at)
        original.cancelled += quantity
        try:
            self._check_account(row)
        except OrderRefusedError:
            original.cancelled -= quantity
            raise
        row.number, row.action, row.original = self._next_number(session), OrderAction.AMEND, original.number
        row.by_hand = original.by_hand
        self._enter(row, session, phase, at)
        return row


def _live_order(account: Account, number: str) -> Order | None:
    for order in reversed(account.live_orders):
        if order.number.lstrip("0") == number.strip().lstrip("0"):
            return order
    return None


def _row_after(original: Order, number: str, at: datetime) -> Order:
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
