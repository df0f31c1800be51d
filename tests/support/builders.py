"""Values with defaults for tests: state only what the test needs. Numbers are won, shares and market time (UTC)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.close_plan import CloseLeads, plan_session
from domain.costs import Costs
from domain.host_limits import HostLimits, ceiling_of
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lock import Lease
from domain.market import (
    DailyReference,
    InstrumentStatus,
    Market,
    MarketView,
    PriceSample,
    Quote,
    Side,
    Symbol,
    TradingFlag,
)
from domain.money import Price, Quantity, Won
from domain.order import BrokerOrder, BrokerOrderRef, OrderIntent, OrderPurpose, OrderRecord, OrderStatus, OrderType
from domain.position import ClosedTrade, ExitReason, OpenPosition, StrategyStamp
from domain.risk import EntryProposal, RiskSnapshot
from domain.rules import ExitRules, RiskRules, TradingRules
from domain.screening import ScreenedStock
from domain.session import Session, SessionDate, SessionPlan, TradingCalendar, session_date_of
from domain.tick_size import next_above, price_limits, round_down

MONDAY = SessionDate(date(2026, 11, 23))
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""10:00 in Seoul on ``MONDAY``, an hour into the session."""

SAMSUNG = Symbol("005930")
HYNIX = Symbol("000660")
ACCOUNT = AccountId("simulated-test")
WORKER = WorkerId("worker-1")
POSITION = PositionId("run-1/1")


def a_quote(price: int = 70_000, **changes: Any) -> Quote:
    """Return a healthy quote, 1 % above the open and about 3 % above the previous close."""
    previous_close = round_down(max(price * 97 // 100, 1))
    quote = Quote(
        symbol=SAMSUNG,
        price=Price(price),
        observed_at=NOW,
        bid=Price(price),
        ask=next_above(Price(price)),
        bid_quantity=Quantity(500),
        ask_quantity=Quantity(500),
        volume=Quantity(1_000_000),
        turnover=Won(70_000_000_000),
        open_price=round_down(price * 99 // 100),
        high_price=Price(price),
        low_price=round_down(price * 98 // 100),
        previous_close=previous_close,
        limits=price_limits(previous_close),
        name="Samsung Electronics",
    )
    return replace(quote, **changes)


def a_reference(previous_close: int = 67_900, **changes: Any) -> DailyReference:
    """Return yesterday's bar with a range of 2,000 won."""
    reference = DailyReference(
        symbol=SAMSUNG,
        previous_close=Price(previous_close),
        previous_high=Price(previous_close + 1_000),
        previous_low=Price(previous_close - 1_000),
        previous_volume=Quantity(1_000_000),
        limits=price_limits(Price(previous_close)),
    )
    return replace(reference, **changes)


def some_samples(
    prices: Sequence[int], every: timedelta = timedelta(minutes=1), until: datetime = NOW, shares_each: int = 1_000
) -> tuple[PriceSample, ...]:
    """Return a path of prices at a constant slope that ends at an instant."""
    first = until - every * (len(prices) - 1)
    return tuple(
        PriceSample(first + every * step, Price(price), Quantity(shares_each * (step + 1)))
        for step, price in enumerate(prices)
    )


def a_view(
    quote: Quote | None = None, reference: DailyReference | None = None, recent: tuple[PriceSample, ...] = ()
) -> MarketView:
    """Return the input of an exit rule, without a price history unless given one."""
    return MarketView(quote or a_quote(), reference, recent)


def a_status(*flags: TradingFlag, symbol: Symbol = SAMSUNG, market: Market = Market.KOSPI) -> InstrumentStatus:
    """Return a stock's board and flags."""
    return InstrumentStatus(symbol, market, frozenset(flags))


def a_stock(quote: Quote | None = None, **changes: Any) -> ScreenedStock:
    """Return a stock that passes every filter."""
    stock = ScreenedStock(view=a_view(quote), status=a_status(), locked=False, cooling_down=False)
    return replace(stock, **changes)


def some_rules(**groups: Any) -> TradingRules:
    """Return the default rules with whole groups replaced, such as ``risk=RiskRules(…)``."""
    return replace(TradingRules(), **groups)


def host_limits(risk: RiskRules | None = None, **changes: Any) -> HostLimits:
    """Return the limits of a host with default settings, with its risk rules and others replaced."""
    ceiling = ceiling_of(some_rules(risk=risk or RiskRules()))
    return replace(HostLimits(ceiling, False, frozenset(), timedelta(minutes=15)), **changes)


def a_session(day: date = MONDAY) -> Session:
    """Return the regular session of a weekday."""
    session = TradingCalendar(frozenset()).session_on(day)
    assert session is not None
    return session


def a_plan(session: Session | None = None, speed: int = 1) -> SessionPlan:
    """Return a session with the usual deadlines: entries until 15:00, liquidation at 15:15."""
    return plan_session(session or a_session(), CloseLeads(), speed)


def a_snapshot(**changes: Any) -> RiskSnapshot:
    """Return a ledger without trades or losses."""
    snapshot = RiskSnapshot(
        account_id=ACCOUNT,
        worker_id=WORKER,
        kill_switch_on=False,
        entries_closed_because="",
        worker_pnl=Won(0),
        fleet_pnl=Won(0),
        worker_trades=0,
        last_loss_at=None,
    )
    return replace(snapshot, **changes)


def a_proposal(quantity: int = 10, price: int = 70_000, **changes: Any) -> EntryProposal:
    """Return a buy that asks for approval."""
    proposal = EntryProposal(SAMSUNG, Quantity(quantity), Won(quantity * price), NOW)
    return replace(proposal, **changes)


def a_lease(fencing_token: int = 1, **changes: Any) -> Lease:
    """Return a new lease."""
    lease = Lease(ACCOUNT, SAMSUNG, WORKER, fencing_token, NOW, NOW + timedelta(seconds=30))
    return replace(lease, **changes)


def an_intent(side: Side = Side.BUY, quantity: int = 10, price: int | None = 70_000, **changes: Any) -> OrderIntent:
    """Return an order intent; without a price it is a market order."""
    intent = OrderIntent(
        intent_id=IntentId("run-1/1"),
        account_id=ACCOUNT,
        worker_id=WORKER,
        position_id=POSITION,
        session_date=MONDAY,
        symbol=SAMSUNG,
        side=side,
        quantity=Quantity(quantity),
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        limit_price=None if price is None else Price(price),
        purpose=OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT,
        reason="momentum",
        fencing_token=1,
        decision_price=Price(price or 70_000),
        decided_at=NOW,
    )
    return replace(intent, **changes)


def a_ref(number: int = 1, day: SessionDate = MONDAY) -> BrokerOrderRef:
    """Return a broker's order number."""
    return BrokerOrderRef(day, "06010", f"{number:010}")


def an_order(
    intent: OrderIntent | None = None, filled: int | None = None, price: int = 70_000, **changes: Any
) -> OrderRecord:
    """Return an order of the ledger, completely filled at a price by default."""
    intent = intent or an_intent()
    quantity = intent.quantity if filled is None else filled
    status = {0: OrderStatus.ACCEPTED, intent.quantity: OrderStatus.FILLED}.get(quantity, OrderStatus.PARTIALLY_FILLED)
    record = OrderRecord(intent, status, a_ref(), Quantity(quantity), Won(quantity * price))
    return replace(record, **changes)


def a_broker_order(
    side: Side = Side.BUY, quantity: int = 10, price: int | None = 70_000, filled: int = 0, **changes: Any
) -> BrokerOrder:
    """Return a row of the broker's list: open, with its filled shares."""
    order = BrokerOrder(
        ref=a_ref(),
        symbol=SAMSUNG,
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Quantity(quantity),
        limit_price=None if price is None else Price(price),
        ordered_at=NOW,
        filled_quantity=Quantity(filled),
        filled_amount=Won(filled * (price or 70_000)),
        remaining_quantity=Quantity(quantity - filled),
        rejected_quantity=Quantity(0),
    )
    return replace(order, **changes)


def an_open_position(quantity: int = 10, price: int = 70_000, **changes: Any) -> OpenPosition:
    """Return shares held for ten minutes, bought at a price that is still the best and the latest."""
    position = OpenPosition(
        position_id=POSITION,
        account_id=ACCOUNT,
        worker_id=WORKER,
        session_date=MONDAY,
        symbol=SAMSUNG,
        name="Samsung Electronics",
        market=Market.KOSPI,
        quantity=Quantity(quantity),
        cost=Won(quantity * price),
        opened_at=NOW - timedelta(minutes=10),
        high_water_mark=Price(price),
        last_price=Price(price),
        decision_price=Price(price),
        strategy=StrategyStamp("momentum", "1"),
        exit_rules=ExitRules(),
    )
    return replace(position, **changes)


def a_closed_trade(bought_at: int = 70_000, sold_at: int = 71_000, quantity: int = 10, **changes: Any) -> ClosedTrade:
    """Return a trade without costs, ten minutes long and filled at the decided prices."""
    closed_at = changes.get("closed_at", NOW)
    trade = ClosedTrade(
        position_id=POSITION,
        account_id=ACCOUNT,
        worker_id=WORKER,
        session_date=session_date_of(closed_at),
        symbol=SAMSUNG,
        name="Samsung Electronics",
        market=Market.KOSPI,
        quantity=Quantity(quantity),
        entry_amount=Won(bought_at * quantity),
        exit_amount=Won(sold_at * quantity),
        entry_costs=Costs(),
        exit_costs=Costs(),
        opened_at=closed_at - timedelta(minutes=10),
        closed_at=closed_at,
        exit_reason=ExitReason.TAKE_PROFIT,
        strategy=StrategyStamp("momentum", "1"),
        entry_decision_price=Price(bought_at),
        exit_decision_price=Price(sold_at),
    )
    return replace(trade, **changes)
