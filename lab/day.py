"""One recorded session through the production workflows and activities, on a virtual clock."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from activities.support.strategy_guard import StrategyGuard
from broker.protocol import AccessToken
from database.database import Database
from database.reports import Reports, Write
from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.identity import Environment
from domain.market import Symbol
from domain.position import ClosedTrade
from domain.rules import TradingRules, UniverseRules
from domain.session import TradingCalendar
from domain.worker_state import WorkerLife
from lab.attempts import Scheduled
from lab.books import ACCOUNT, book_of, frozen_books, submits_of
from lab.broker import FINGERPRINT, LabBroker
from lab.clockwork import Clockwork
from lab.counter import LAB_ACCOUNT
from lab.emptying import EMPTY_EVERYTHING
from lab.exchange import open_exchange
from lab.host import LabHost, SignalClient, activities_of
from lab.inline import InlineCalls
from lab.market import LabFeed, LabMarket
from lab.moments import DayMoments, LiveLooks
from lab.pace import LabPace
from lab.pool import LabPool
from lab.recording import RecordedSession
from lab.steps import Step, reasons_in, step_of
from lab.temporal_parts import ActivityResolution
from runtime.composition import Collaborators
from strategies import strategies_named
from verifier.books import Books
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

BEFORE_THE_OPEN: Final = timedelta(seconds=30)
_CLOSE: Final = "market-close"
_MINUTE: Final = 60
_AFTER_THE_END: Final = timedelta(minutes=15)
_WRITES_WITHIN: Final = 120.0
"""Real seconds. A report delayed by a slow disk must not change a day's path."""
_CONNECTIONS: Final = 10
"""As many as a process of the fleet has."""
_NOT_WRITTEN: Final = frozenset({"price_mark", "worker_state", "sale_start"})
"""Reports that only a display reads; no decision depends on them."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a backtest asks of each day."""

    rules: TradingRules
    workers: int
    capital: int
    leads: CloseLeads = field(default_factory=CloseLeads)


@dataclass(frozen=True, slots=True)
class PlayedDay:
    """A played session: its books for the verifier, and what the close has said."""

    recorded: RecordedSession
    books: Books
    outcome: CloseOutcome
    attempts: int
    signals: Mapping[Symbol, tuple[int, ...]] = field(default_factory=dict)
    """The minutes of the session in which a scan may return each traded stock, whatever the ledger says."""
    not_bought: Mapping[str, int] = field(default_factory=dict)
    """How often a candidate was not bought, by reason."""

    @property
    def trades(self) -> tuple[ClosedTrade, ...]:
        return self.books.ledger.trades


class QuietReports(Reports):
    """Reports without those that only a display reads."""

    async def write(self, kind: str, about: str, write: Write) -> None:
        if kind not in _NOT_WRITTEN:
            await super().write(kind, about, write)


class LabBooks:
    """A database that the days of one process share, one after the other."""

    def __init__(self, url: str) -> None:
        self._pool = LabPool(url, _CONNECTIONS)
        self._emptier = LabPool(url, 1)
        self.database = Database(self._pool)  # type: ignore[arg-type] # it answers as a pool does
        self.database.reports = QuietReports(_WRITES_WITHIN)

    async def clear(self) -> None:
        """Start with empty books.

        A session that changes its ``session_replication_role`` forgets all its plans, so another one empties the books.
        """
        await self._emptier.execute(EMPTY_EVERYTHING)
        await self.database.accounts.pin(ACCOUNT, Environment.SIMULATED, FINGERPRINT)

    async def answers(self) -> bool:
        """Return whether the database still answers."""
        try:
            return await self._pool.fetchval("SELECT true") is True
        except Exception:  # noqa: BLE001 - a lost server has many errors
            return False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.close()
        await self._emptier.close()


async def play(  # noqa: PLR0913, PLR0917 each is another part of the day
    books: LabBooks,
    recorded: RecordedSession,
    order: Order,
    calendar: TradingCalendar,
    steps: list[Step] | None = None,
    live: LiveLooks | None = None,
) -> PlayedDay:
    """Play a session with empty books; add each finished activity to ``steps``.

    ``live`` are the instants at which the recorded fleet decided, if this is its replay.

    Raises:
        StuckError: a workflow fails, or the close does not end.
    """
    await books.clear()
    stage = _Stage(books, recorded, order, calendar, live or LiveLooks())
    stage.steps = steps
    try:
        return await stage.plays()
    finally:
        await stage.aclose()


class _Stage:
    """The fleet of one day on its exchange."""

    def __init__(
        self, books: LabBooks, recorded: RecordedSession, order: Order, calendar: TradingCalendar, live: LiveLooks
    ) -> None:
        self._recorded, self._order, self._database = recorded, order, books.database
        session = recorded.session
        begins_at = session.opens_at - BEFORE_THE_OPEN
        self._simulation = open_exchange(recorded, order.capital, calendar, begins_at)
        market = LabMarket(recorded, self._simulation)
        self._rules = replace(order.rules, universe=UniverseRules(ranking_size=0, symbols=market.symbols))
        self._plan = plan_session(session, order.leads, 1, order.workers)
        self._clock = MarketClock(begins_at, begins_at)
        strategies = strategies_named(self._rules.strategy.names)
        moments = self._moments = DayMoments(market, self._rules, strategies, self._taken, live)
        self.clockwork = Clockwork(begins_at, self._attempt)
        self.clockwork.listener = self._hear
        self.steps: list[Step] | None = None
        self._not_bought: Counter[str] = Counter()
        pace = LabPace(self._clock, self._now, moments)
        tokens = self._database.tokens(FINGERPRINT, AccessToken)
        self._broker = LabBroker(market, self._simulation, tokens, self._now)
        with_ = Collaborators(
            self._broker,
            self._database,
            pace,
            calendar,
            leads=order.leads,
            feed=LabFeed(market, self._broker, pace),
            guard=StrategyGuard(self._database, pace, calls=InlineCalls()),
            shared_scan=False,
            joins_steps=False,
        )
        client = SignalClient(self.clockwork.signal)
        self._host = LabHost(activities_of(ACCOUNT, with_), client, moments, self._database.positions)

    def _taken(self) -> frozenset[Symbol]:
        """Return the stocks that no worker can buy now: they are held, or have an order."""
        account = self._simulation.engine.account(LAB_ACCOUNT)
        held = (Symbol(symbol) for symbol, holding in account.holdings.items() if holding.quantity)
        return frozenset([*held, *(Symbol(order.symbol) for order in account.live_orders)])

    def _now(self) -> datetime:
        return self.clockwork.now

    def _hear(self, about: Scheduled, resolution: ActivityResolution, at: datetime) -> None:
        """Note what a finished activity says."""
        self._not_bought.update(reasons_in(about, resolution))
        if self.steps is not None:
            self.steps.append(step_of(about, resolution, at))

    async def _attempt(self, *about: Any) -> Any:
        return await self._host.attempt(*about)

    async def plays(self) -> PlayedDay:
        """Let the fleet trade, close, and freeze the books."""
        for number in range(1, self._order.workers + 1):
            name = worker_name(number)
            life = WorkerLife(ACCOUNT, name, self._rules, self._clock)
            self.clockwork.start(TradingWorkerWorkflow.run, life, worker_workflow_id(ACCOUNT, name))
        await self.clockwork.until(lambda: False, self._plan.liquidation_at)
        request = MarketCloseRequest(ACCOUNT, self._clock, self._rules)
        self.clockwork.start(MarketCloseWorkflow.run, request, _CLOSE)
        session = self._recorded.session
        latest = (session.after_market or session.post_close).until + _AFTER_THE_END
        outcome: CloseOutcome = await self.clockwork.result(_CLOSE, latest)
        submits = submits_of(self._host.submits, "trading workers and the close")
        book = await book_of(self._simulation)
        books = await frozen_books(self._database, book, self._plan, submits)
        signals = self._signals(books)
        return PlayedDay(self._recorded, books, outcome, self._host.attempts, signals, dict(self._not_bought))

    def _signals(self, books: Books) -> Mapping[Symbol, tuple[int, ...]]:
        """Return the signals of the traded stocks while entries were allowed."""
        traded = sorted({trade.symbol for trade in books.ledger.trades})
        minutes = int((self._plan.entries_until - self._recorded.session.opens_at).total_seconds()) // _MINUTE
        return self._moments.signals.minutes_of(traded, minutes)

    async def aclose(self) -> None:
        """End what still waits."""
        await self._host.aclose()
        self.clockwork.close()
        await self._broker.aclose()
