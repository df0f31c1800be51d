"""A trading desk for activity tests: real ledger, real client, an in-process exchange, and a clock that tests move."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.account.day_start import DayStart
from activities.account.foreign_sales import ForeignSales
from activities.account.late_fills import LateFills
from activities.account.shares_left import SharesLeft
from activities.account.short_sales import ShortSales
from activities.closing import ClosingActivities
from activities.cycles import CycleActivities
from activities.entries import EntryActivities, EntryDecision, EntryRequest, PreparedEntry
from activities.flatness import FlatnessActivities
from activities.market.coverage import Coverage
from activities.market.order_notices import OrderNotices
from activities.market.quote_feed import QuoteFeed
from activities.market_data import MarketDataActivities, ScanRequest
from activities.market_watch import MarketWatchActivities
from activities.orders import FollowRequest, OrderActivities, SubmitRequest
from activities.reconciling import ReconcilingActivities
from activities.resolving import ProofRules, ResolvingActivities
from activities.scanning import ScanningActivities
from activities.selling import ExitRequest, PreparedExit, SellingActivities
from activities.settling import CloseRequest, SettlingActivities, TradeResult
from activities.statement import StatementActivities
from activities.summarising import SummaryActivities
from activities.support.host_gate import HostGate
from activities.support.recorder import DayRecorder
from activities.support.strategy_guard import StrategyGuard
from activities.watch.first_exit import FirstExit
from activities.watch.messages import FirstOrder, ShardRequest, WatchRequest
from activities.watching import WatchingActivities
from broker.kis import KisBroker
from database.database import Database
from domain.capacity import PriceSupply
from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.costs import BANKIS_COMMISSION
from domain.errors import StaleFencingTokenError
from domain.exits import ExitSignal
from domain.host_limits import HostLimits
from domain.identity import IntentId, PositionId, WorkerId
from domain.ladder import Tries
from domain.lock import Lease
from domain.market import MarketView, Side, Symbol
from domain.money import Price
from domain.order import OrderPurpose, OrderRecord
from domain.position import ExitReason, OpenPosition
from domain.rules import RiskRules, StrategyRules
from domain.screening import Candidate
from domain.session import SessionPlan
from domain.strategy import EntrySignal, Strategy
from simulator.orders import Account, Order
from simulator.simulation import Simulation
from strategies import KNOWN_STRATEGIES
from tests.activities.post import Post
from tests.support.builders import SAMSUNG, WORKER
from tests.support.stepping import ACCOUNT, CALENDAR, RULES, broker_account, kst

T = TypeVar("T")
OPENS_AT: Final = "2026-11-23 10:00"
PLAN: Final = plan_session(CALENDAR.session_at_or_after(kst(OPENS_AT)), CloseLeads(), 1)
SHARD: Final = ShardRequest(ACCOUNT, 0)
_MOST_PAUSES: Final = 130


@dataclass(frozen=True, slots=True)
class Eager:
    """Strategy that buys every candidate and never exits, so that the test decides what is bought."""

    name: str = "eager"
    version: str = "1"

    def parameters(self, rules: StrategyRules) -> dict[str, str]:
        return {"window": "600"}

    def entry(self, view: MarketView, rules: StrategyRules) -> EntrySignal | None:
        return EntrySignal(self.name, self.version, Decimal("0.5"), "it rises")

    def wants_out(self, view: MarketView, position: OpenPosition, rules: StrategyRules) -> bool:
        return False


class HandPace:
    """Clock that only pauses move: market time advances by exactly the time that an activity waits."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waited = timedelta(0)
        self.pauses = 0
        self.earlier_attempts = timedelta(0)
        self.meanwhile: deque[Callable[[], object]] = deque()
        """Events that happen during the next pauses, one per pause."""

    @property
    def clock(self) -> MarketClock:
        """Return a clock at real speed."""
        return MarketClock(real_anchor=kst(OPENS_AT), market_anchor=kst(OPENS_AT))

    def now(self) -> datetime:
        """Return the market time."""
        return self._simulation.market_now()

    def waited(self) -> timedelta:
        """Return how long the running activity has paused, earlier attempts included."""
        return self.earlier_attempts + self._waited

    async def pause(self, real: timedelta, news: asyncio.Event | None = None) -> None:
        """Advance the market and run the next planned event."""
        self.pauses += 1
        assert self.pauses <= _MOST_PAUSES, "the activity waits for something that does not come"
        self._waited += real
        self._simulation.move_clock(self.now() + self.clock.market_duration(real))
        if self.meanwhile:
            happening = self.meanwhile.popleft()()
            if inspect.isawaitable(happening):
                await happening

    def begin(self) -> None:
        """Reset the counters."""
        self._waited, self.pauses = timedelta(0), 0


@dataclass
class Desk:
    """Every activity of one process, and methods for what a worker does with them."""

    simulation: Simulation
    database: Database
    broker: KisBroker
    pace: HandPace
    coverage: Coverage | None = None
    """The stocks that a stream covers; None: with the limits of the product."""

    def __post_init__(self) -> None:
        self.heartbeats: list[tuple[Any, ...]] = []
        self.temporal = Post(self.pace)
        self.by_shard = False
        """Whether the market watch watches, as runs of this version ask for, or an activity of the position's own."""
        self.strategies: dict[str, Strategy] = {}
        """Strategies of the test, in effect after the next ``rebuild``."""
        self.limits: HostLimits | None = None
        """The host's limits, in effect after the next ``rebuild``."""
        self.supply: PriceSupply | None = None
        """The host's sources of prices, in effect after the next ``rebuild``."""
        self.plan_of: Callable[[datetime], SessionPlan] | None = None
        """The host's own deadlines, in effect after the next ``rebuild``."""
        self.recorder: DayRecorder | None = None
        """What notes the day for a replay, in effect after the next ``rebuild``."""
        self.rebuild()

    def rebuild(self, proof: ProofRules | None = None) -> None:
        """Rebuild all activities, as a new process does."""
        broker, database, pace = self.broker, self.database, self.pace
        self.feed = QuoteFeed(broker, pace, coverage=self.coverage, recorder=self.recorder)
        self.host = HostGate(self.limits, self.plan_of, self.supply)
        self.guard = StrategyGuard(database, pace, {**KNOWN_STRATEGIES, "eager": Eager(), **self.strategies})
        self.day_start = DayStart(broker, database, CALENDAR, pace)
        guarded: Any = {"guard": self.guard, "host": self.host}
        about = (broker, database, pace, self.day_start)
        self.market_data = MarketDataActivities(self.feed, *about, **guarded, recorder=self.recorder)
        self.scanning = ScanningActivities(self.market_data.screening, *about[1:], host=self.host, owner="desk")
        self.cycles = CycleActivities(database, CALENDAR, CloseLeads(), pace, self.host, scanning=self.scanning)
        about_entries: Any = {**guarded, "recorder": self.recorder}
        self.entries = EntryActivities(self.feed, broker, database, pace, BANKIS_COMMISSION, **about_entries)
        self.notices = OrderNotices()
        self.orders = OrderActivities(broker, database, pace, self.notices, self.host, recorder=self.recorder)
        self.resolving = ResolvingActivities(broker, database, pace, proof or ProofRules(), self.notices)
        self.foreign_sales = ForeignSales(broker, database, pace)
        self._rebuild_sales()
        self.settling = SettlingActivities(database, pace, BANKIS_COMMISSION, self.host)
        self.closing = ClosingActivities(broker, database, CALENDAR, CloseLeads(), pace)
        self.flatness = FlatnessActivities(broker, database, pace)
        self.reconciling = ReconcilingActivities(broker, database, pace, BANKIS_COMMISSION)
        self.statement = StatementActivities(broker, database, pace, BANKIS_COMMISSION)
        self.summaries = SummaryActivities(database, self.pace.now)

    def _rebuild_sales(self) -> None:
        broker, database, pace = self.broker, self.database, self.pace
        self.short_sales = ShortSales(broker, database, pace, LateFills(database, BANKIS_COMMISSION), self.notices)
        shares_left = SharesLeft(self.foreign_sales, self.short_sales, database, pace)
        self.selling = SellingActivities(self.feed, shares_left, database, pace, broker.evening_orders)
        self.first_exit = FirstExit(self.selling, self.orders, database)
        watched: Any = {"guard": self.guard, "first_exit": self.first_exit}
        parts = (self.feed, self.foreign_sales, database, pace, CALENDAR)
        self.watching = WatchingActivities(*parts, **watched)
        self.market_watch = MarketWatchActivities(*parts, **watched, owner="desk")

    async def does(
        self, act: Callable[..., Awaitable[T]], *arguments: Any, heartbeat_details: Any = (), attempt: int = 1
    ) -> T:
        """Run an activity as Temporal does."""
        env = ActivityEnvironment(cast("Client", self.temporal))
        env.info = replace(env.info, heartbeat_details=heartbeat_details, attempt=attempt)
        env.on_heartbeat = lambda *details: self.heartbeats.append(details)
        self.pace.begin()
        return await env.run(act, *arguments)

    async def beats_of(self, act: Callable[..., Awaitable[Any]], *arguments: Any) -> list[float]:
        """Run an activity as Temporal does; return the times (event-loop seconds) of its heartbeats."""
        env, beats, loop = ActivityEnvironment(), list[float](), asyncio.get_running_loop()
        env.on_heartbeat = lambda *_: beats.append(loop.time())
        self.pace.begin()
        await env.run(act, *arguments)
        return beats

    # --- Entries

    async def registers(self, worker: WorkerId = WORKER) -> None:
        await self.database.workers.register(ACCOUNT, worker, f"trading-worker/{ACCOUNT}/{worker}")

    async def prepares(
        self, *symbols: Symbol, worker: WorkerId = WORKER, name: str = "", **rules: Any
    ) -> EntryDecision:
        await self.registers(worker)
        request = self.entry_request(*symbols, worker=worker, name=name, **rules)
        return await self.does(self.entries.prepare_entry, request)

    def entry_request(self, *symbols: Symbol, worker: WorkerId = WORKER, name: str = "", **rules: Any) -> EntryRequest:
        return EntryRequest(
            ACCOUNT,
            worker,
            IntentId(name or f"{worker}.1"),
            tuple(a_candidate(symbol) for symbol in symbols or (SAMSUNG,)),
            replace(RULES, **rules),
            PLAN,
        )

    async def prepared(self, *symbols: Symbol, worker: WorkerId = WORKER, name: str = "") -> PreparedEntry:
        decision = await self.prepares(*symbols, worker=worker, name=name)
        assert isinstance(decision, PreparedEntry), decision
        return decision

    async def submits(
        self,
        entry: PreparedEntry | PreparedExit,
        purpose: OrderPurpose = OrderPurpose.ENTRY,
        risk: RiskRules = RULES.risk,
    ) -> OrderRecord:
        return await self.does(self.orders.submit_order, SubmitRequest(entry.intent_id, purpose, risk, PLAN))

    async def follows(self, intent_id: IntentId, patience: timedelta = timedelta(seconds=10)) -> OrderRecord:
        return await self.does(self.orders.follow_order, FollowRequest(intent_id, patience))

    async def buys(self, symbol: Symbol = SAMSUNG, worker: WorkerId = WORKER, name: str = "") -> PreparedEntry:
        """Buy and observe the fill."""
        entry = await self.prepared(symbol, worker=worker, name=name)
        await self.submits(entry)
        record = await self.follows(entry.intent_id)
        assert record.filled_quantity == entry.quantity, record
        return entry

    # --- Holding and selling

    async def watches(
        self, entry: PreparedEntry, lease: Lease | None = None, first: IntentId | None = None, **options: Any
    ) -> Any:
        """Watch until a rule fires; with the id of a ``first`` order the watch sends it."""
        order = None if first is None else FirstOrder(first, PLAN.session)
        request = WatchRequest(entry.position_id, entry.symbol, lease or entry.lease, RULES, PLAN.liquidation_at, order)
        return await self.watches_for(request, **options)

    async def watches_for(self, request: WatchRequest, **options: Any) -> ExitSignal:
        """Watch a position until a rule fires, in the way that the test asks for."""
        if not self.by_shard:
            return await self.does(self.watching.watch_position, request, **options)
        due = await self.does(self.market_watch.begin_watch, request)
        if due is not None:
            return due
        await self.does(self.market_watch.watch_market, SHARD)
        self.pace.pauses = self.temporal.pauses
        signal = self.temporal.ends[-1].signal
        if signal is None:
            raise StaleFencingTokenError(request.symbol)
        return signal

    def exit_of(self, entry: PreparedEntry, attempt: int = 0, **changes: Any) -> ExitRequest:
        request = ExitRequest(
            IntentId(f"{entry.intent_id}/sale-{attempt}"),
            entry.position_id,
            entry.lease,
            ExitReason.OPERATOR,
            RULES,
            PLAN.session,
            Tries(orders=attempt),
        )
        return replace(request, **changes)

    async def sells(self, entry: PreparedEntry, attempt: int = 2) -> OrderRecord:
        """Sell all at market and observe the fill."""
        decision = await self.does(self.selling.prepare_exit, self.exit_of(entry, attempt))
        assert isinstance(decision, PreparedExit), decision
        await self.submits(decision, OrderPurpose.EXIT)
        return await self.follows(decision.intent_id)

    async def settles(self, close: CloseRequest) -> TradeResult:
        """Book the trade of a position that is sold out."""
        result = await self.does(self.settling.close_position, close)
        assert isinstance(result, TradeResult), result
        return result

    # --- Inspection and interference

    async def holding(self, position_id: PositionId) -> OpenPosition:
        position = await self.database.positions.get(position_id)
        assert position is not None
        return position

    @property
    def broker_account(self) -> Account:
        return broker_account(self.simulation)

    @property
    def sent(self) -> list[Order]:
        """Orders that have reached the broker, without cancels."""
        return [order for order in self.broker_account.orders if not order.original]

    def price(self, symbol: Symbol = SAMSUNG) -> Price:
        return Price(self.simulation.exchange.snapshot(symbol, self.simulation.market_now()).price)

    def price_moves(self, by: float, symbol: Symbol = SAMSUNG) -> None:
        self.simulation.force_price(symbol, round(self.price(symbol) * (1 + by)))

    def passes(self, **duration: float) -> None:
        self.simulation.move_clock(self.simulation.market_now() + timedelta(**duration))

    def scan_request(self, **rules: Any) -> ScanRequest:
        return ScanRequest(ACCOUNT, WORKER, replace(RULES, **rules), PLAN)

    def side_of(self, side: Side) -> list[Order]:
        return [order for order in self.sent if order.side == side.value]


def a_candidate(symbol: Symbol = SAMSUNG) -> Candidate:
    """Return a stock that the eager strategy would buy."""
    return Candidate(symbol, f"name of {symbol}", Price(70_000), RULES.exits.take_profit, "eager", "1", "it rises")
