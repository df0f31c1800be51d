"""Composition root of worker.py: settings become connections, then activities, then Temporal workers."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities.account.day_start import DayStart
from activities.account.foreign_sales import ForeignSales
from activities.account.late_fills import LateFills
from activities.account.shares_left import SharesLeft
from activities.account.short_sales import ShortSales
from activities.closing import ClosingActivities
from activities.cycles import CycleActivities
from activities.entries import EntryActivities
from activities.flatness import FlatnessActivities
from activities.joined import JoinedActivities
from activities.market.order_notices import OrderNotices
from activities.market.quote_feed import QuoteFeed
from activities.market_data import MarketDataActivities
from activities.market_watch import MarketWatchActivities
from activities.order_lookup import OrderLookup
from activities.orders import OrderActivities
from activities.reconciling import ReconcilingActivities
from activities.resolving import ProofRules, ResolvingActivities
from activities.scanning import ScanningActivities
from activities.selling import SellingActivities
from activities.settling import SettlingActivities
from activities.statement import StatementActivities
from activities.summarising import SummaryActivities
from activities.support.host_gate import HostGate
from activities.support.pace import Pace
from activities.support.recorder import DayRecorder
from activities.support.spans import NO_SPANS, TradeSpans
from activities.support.strategy_guard import StrategyGuard
from activities.support.strategy_standing import StrategyStanding
from activities.unsold import UnsoldActivities
from activities.watch.first_exit import FirstExit
from activities.watching import WatchingActivities
from broker.kis.broker import KisBroker, MarketAccess
from broker.kis.connection import KisConnection
from broker.kis.stream import KisStream, StreamAddress
from broker.protocol import AccessToken, Broker
from database.database import Database
from domain.close_plan import CloseLeads
from domain.costs import BANKIS_COMMISSION
from domain.hosts import REST_URLS, SIMULATED_HTS_ID, SIMULATED_KEY, SIMULATED_SECRET
from domain.identity import SIMULATED_ACCOUNT, AccountId, Environment
from domain.money import Rate
from domain.session import TradingCalendar
from runtime.account_names import account_in, fingerprint, key_fingerprint
from runtime.argument_lists import ArgumentLists
from runtime.place import Place, calls_per_second
from runtime.settings import Settings
from runtime.token_key import token_key
from workflows.following import FollowingMarketClose, FollowingMarketWatch
from workflows.hosted import HOSTED
from workflows.identity import task_queues
from workflows.market_close import MarketCloseWorkflow
from workflows.market_watch import MarketWatchWorkflow

_WATCH_SLOTS: Final = 10_000
"""More than any fleet holds positions. A watcher without a slot would leave its position unwatched."""
_FOLLOWING: Final[Mapping[type, type]] = {
    MarketWatchWorkflow: FollowingMarketWatch,
    MarketCloseWorkflow: FollowingMarketClose,
}
LONGEST_BETWEEN_BEATS: Final = timedelta(seconds=0.8)
"""Between two heartbeats of one activity that reach the server. Each costs the server a few milliseconds."""
_WATCH_OPTIONS: Final = {
    "max_concurrent_activities": _WATCH_SLOTS,
    "max_heartbeat_throttle_interval": LONGEST_BETWEEN_BEATS,
}
_GRACE: Final = timedelta(seconds=10)
_WORKFLOW_POLLERS: Final = 10
_SHARE_OF_THE_UNCACHED: Final = 0.5
"""Share of pollers for workflow tasks that waited a second for the process that caches their workflow.

At a deadline there are many such tasks. With one poller of five for them, the last task waited 16 s.
"""
WORKFLOW_OPTIONS: Final[Mapping[str, Any]] = {
    "workflow_runner": UnsandboxedWorkflowRunner(),
    "max_cached_workflows": 250,
}
"""How a process runs workflows (design §19, "Memory").

The sandbox would load ``workflows/`` again for each run. The import contracts and the tests keep that code
deterministic. A cached run takes about 80 kB; one that waits beyond the bound is replayed when its signal arrives.
"""


def process_name() -> str:
    """Return the process id and the machine, as Temporal names a worker."""
    return f"{os.getpid()}@{socket.gethostname()}"


def proof_of(settings: Settings) -> ProofRules:
    """Return when an order's absence counts as proven."""
    return ProofRules(timedelta(seconds=settings.proof.settle_seconds), settings.proof.clean_reads)


def broker_for(settings: Settings, place: Place, database: Database, pace: Pace) -> KisBroker:
    """Return the account's broker, with the fleet's shared token and rate budget."""
    connection = connection_of(settings, place)
    budget = database.rate_budget(account_in(settings, database), calls_per_second(settings))
    tokens = database.tokens(key_fingerprint(settings), AccessToken, token_key(settings))
    broker = KisBroker(connection, budget, tokens, pace.now)
    market = _market_access(settings, connection, database)
    return broker if market is None else broker.with_quotations_of(market)


@dataclass(frozen=True, slots=True)
class Collaborators:
    """Dependencies of the activities. Tests pass their own pace and calendar."""

    broker: Broker
    database: Database
    pace: Pace
    calendar: TradingCalendar
    leads: CloseLeads = field(default_factory=CloseLeads)
    proof: ProofRules = field(default_factory=ProofRules)
    feed: QuoteFeed | None = None
    """The feed that a stream writes to. None creates one that only polls."""
    notices: OrderNotices = field(default_factory=OrderNotices)
    recorder: DayRecorder | None = None
    """What notes the day for a replay; the feed has the same one."""
    commission: Rate = BANKIS_COMMISSION
    host: HostGate = field(default_factory=HostGate)
    standing: StrategyStanding | None = None
    """What the fleet says of this host's strategies. None: it has no other host."""
    shared_watch: bool = True
    """Whether one watch serves many positions."""
    shared_scan: bool = True
    """Whether one scan serves many workers."""
    joins_steps: bool = True
    """Whether one activity performs several steps of a straight trade. The laboratory takes each step alone."""
    owner: str = field(default_factory=process_name)
    """Name of this process where it holds a shard of the market watch."""
    spans: TradeSpans = NO_SPANS
    """Where steps of trades are recorded."""
    guard: StrategyGuard | None = None
    """The entry point to strategies. None creates one that bounds each call in a thread."""


def stream_of(settings: Settings, place: Place, broker: KisBroker, database: Database) -> KisStream:
    """Return the account's stream, with the fleet's shared approval key."""
    silence = float(settings.stream.silence_seconds)
    address = StreamAddress(place.stream_url, settings.broker.hts_id or SIMULATED_HTS_ID, silence)
    keys = database.tokens(f"{key_fingerprint(settings)}/stream", AccessToken, token_key(settings))
    return broker.stream(address, keys)


def day_start_for(with_: Collaborators) -> DayStart:
    """Return the service that compares the calendar with the broker's."""
    return DayStart(with_.broker, with_.database, with_.calendar, with_.pace, with_.commission)


@dataclass(frozen=True, slots=True)
class Queue:
    """A task queue with its activities, its workflows and the options of its Temporal worker."""

    name: str
    activities: Sequence[Callable[..., Awaitable[Any]]]
    workflows: Sequence[type] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def workers_for(
    client: Client, account_id: AccountId, with_: Collaborators, version: WorkerDeploymentVersion | None = None
) -> list[Worker]:
    """Return the three Temporal workers of an account: trading, watch and broker. No version: they poll unversioned."""
    return [_worker(client, queue, version) for queue in queues_for(account_id, with_)]


def activities_by_name(account_id: AccountId, with_: Collaborators) -> dict[str, Callable[..., Awaitable[Any]]]:
    """Return the activities of an account, for calls without Temporal."""
    return {each.__name__: each for queue in queues_for(account_id, with_) for each in queue.activities}


def queues_for(account_id: AccountId, with_: Collaborators) -> list[Queue]:  # noqa: PLR0915 - one statement per part
    """Return what the three Temporal workers of an account perform."""
    feed = with_.feed or QuoteFeed(with_.broker, with_.pace, calendar=with_.calendar)
    guard, host = with_.guard or StrategyGuard(with_.database, with_.pace, standing=with_.standing), with_.host
    noted: dict[str, Any] = {"host": host, "recorder": with_.recorder}
    of_a_scan = (with_.database, with_.pace, day_start_for(with_))
    market_data = MarketDataActivities(feed, with_.broker, *of_a_scan, guard=guard, **noted)
    scanning = ScanningActivities(market_data.screening, *of_a_scan, owner=with_.owner, **noted)
    cycles = CycleActivities(
        *(with_.database, with_.calendar, with_.leads, with_.pace, host),
        shared_watch=with_.shared_watch,
        shared_scan=with_.shared_scan,
        joins_steps=with_.joins_steps,
        scanning=scanning,
    )
    of_an_entry = (feed, with_.broker, with_.database, with_.pace, with_.commission)
    entries = EntryActivities(*of_an_entry, guard=guard, **noted)
    orders = OrderActivities(with_.broker, with_.database, with_.pace, with_.notices, **noted)
    resolving = ResolvingActivities(with_.broker, with_.database, with_.pace, with_.proof, with_.notices)
    foreign_sales = ForeignSales(with_.broker, with_.database, with_.pace)
    selling = _selling(feed, foreign_sales, with_)
    of_a_watch = (feed, foreign_sales, with_.database, with_.pace, with_.calendar)
    watched: dict[str, Any] = {"guard": guard, "first_exit": FirstExit(selling, orders, with_.database, with_.spans)}
    watching = WatchingActivities(*of_a_watch, **watched)
    market_watch = MarketWatchActivities(*of_a_watch, **watched, owner=with_.owner)
    settling = SettlingActivities(with_.database, with_.pace, with_.commission, host)
    joined = JoinedActivities(entries, orders, market_watch, settling, with_.database, with_.pace)
    closing = ClosingActivities(with_.broker, with_.database, with_.calendar, with_.leads, with_.pace, with_.commission)
    flatness = FlatnessActivities(with_.broker, with_.database, with_.pace)
    unsold = UnsoldActivities(with_.broker, with_.database, with_.pace)
    reconciling = ReconcilingActivities(with_.broker, with_.database, with_.pace, with_.commission)
    statement = StatementActivities(with_.broker, with_.database, with_.pace, with_.commission)
    summaries = SummaryActivities(with_.database, with_.pace.now)
    of_a_trade = (cycles.begin_cycle, cycles.adopt_orphan, settling.close_position, settling.abandon_entry)
    of_the_close = (closing.plan_close, closing.shut_entries, closing.seize_position, closing.list_open_orders)
    watches = (market_watch.watch_market, scanning.watch_scans, watching.watch_position)
    wishes = (market_watch.begin_watch, scanning.begin_scan, scanning.end_scan)
    of_both = (joined.enter_position, joined.finish_sale)
    long = (market_data.find_candidates, orders.follow_order, *of_both, resolving.resolve_order, *watches)
    proofs = (flatness.prove_flat, unsold.report_unsold, reconciling.reconcile_account, statement.compare_statement)
    lookup = OrderLookup(with_.broker)
    of_the_deadline = (closing.order_liquidation, closing.await_flat, closing.await_turn, lookup.list_broker_orders)
    queues = task_queues(account_id)
    return [
        Queue(
            queues.trading,
            [*of_a_trade, *of_the_close, *wishes, summaries.write_summaries, summaries.report_undone],
            HOSTED,
        ),
        Queue(queues.watch, [*long, *of_the_deadline, *proofs], options=_WATCH_OPTIONS),
        Queue(
            queues.broker,
            [entries.prepare_entry, selling.prepare_exit, orders.submit_order, orders.cancel_order],
        ),
    ]


def _selling(feed: QuoteFeed, foreign_sales: ForeignSales, with_: Collaborators) -> SellingActivities:
    broker, database, pace = with_.broker, with_.database, with_.pace
    short_sales = ShortSales(broker, database, pace, LateFills(database, with_.commission), with_.notices)
    shares_left = SharesLeft(foreign_sales, short_sales, database, pace)
    return SellingActivities(feed, shares_left, database, pace, broker.evening_orders)


@asynccontextmanager
async def hosting(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Run the workers while the block runs, then drain them together.

    Stopping them one by one would let the others take new work while the first waits for a request in flight.
    """
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers))


def versioned(version: WorkerDeploymentVersion | None) -> WorkerDeploymentConfig | None:
    """Return the versioning of a Temporal worker: its runs are pinned, but for the close and the watch."""
    if version is None:
        return None
    pinned = VersioningBehavior.PINNED
    return WorkerDeploymentConfig(version, use_worker_versioning=True, default_versioning_behavior=pinned)


def _worker(client: Client, queue: Queue, version: WorkerDeploymentVersion | None) -> Worker:
    return Worker(
        client,
        task_queue=queue.name,
        activities=queue.activities,
        workflows=[_FOLLOWING.get(each, each) if version else each for each in queue.workflows],
        deployment_config=versioned(version),
        interceptors=[ArgumentLists()],
        graceful_shutdown_timeout=_GRACE,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(_WORKFLOW_POLLERS),
        nonsticky_to_sticky_poll_ratio=_SHARE_OF_THE_UNCACHED,
        **WORKFLOW_OPTIONS,
        **queue.options,
    )


def _market_access(settings: Settings, trading: KisConnection, database: Database) -> MarketAccess | None:
    """Return the access to the real service for quotations, with its own key, token and rate budget."""
    market = settings.quotations
    if market.app_key is None or market.app_secret is None:
        return None
    url = str(market.rest_url or REST_URLS[Environment.LIVE]).rstrip("/")
    connection = replace(
        trading,
        environment=Environment.LIVE,
        trading_url=url,
        app_key=market.app_key,
        app_secret=market.app_secret,
    )
    named = fingerprint(market.app_key)
    budget = database.rate_budget(AccountId(f"quotations-{named}"), market.calls_per_second)
    return MarketAccess(connection, budget, database.tokens(named, AccessToken, token_key(settings)))


def connection_of(settings: Settings, place: Place) -> KisConnection:
    """Return the broker's address and the account's credentials."""
    broker = settings.broker
    account = (broker.account or SIMULATED_ACCOUNT).replace("-", "")
    return KisConnection(
        environment=broker.environment,
        trading_url=place.broker_url,
        app_key=broker.app_key or SecretStr(SIMULATED_KEY),
        app_secret=broker.app_secret or SecretStr(SIMULATED_SECRET),
        account_number=SecretStr(account[:8]),
        product_code=account[8:],
    )
