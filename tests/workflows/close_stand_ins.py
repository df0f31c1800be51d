"""Stand-in activities of the market close under their real names; the trading desk extends them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.account.comparing import Reconciled, ReconcileRequest
from activities.closing import AwaitFlatRequest, ClosePlan, NoSession, OpenOrder, OpenOrdersRequest, PlanCloseRequest
from activities.cycles import Held
from activities.flatness import FlatnessProof
from activities.statement import StatementCompared, StatementRequest
from activities.summarising import SummaryRequest
from activities.support.pace import to_be_continued
from activities.support.requests import SessionRequest
from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.errors import InvalidTransitionError
from domain.events.closes import AbandonedStep
from domain.identity import IntentId, PositionId
from domain.order import OrderRecord, OrderStatus
from domain.session import TradingCalendar, session_date_of
from domain.summary import DailySummary, summarise
from exchange.calendar import krx_calendar


@dataclass
class CloseDesk:
    """Inputs and answers of the close. ``held`` is what no worker has sold, ``calls`` records the activities."""

    clock: MarketClock
    calendar: TradingCalendar = field(default_factory=lambda: krx_calendar(2026, 2027))
    reconciled: Reconciled = field(default_factory=lambda: Reconciled(0, ()))
    statement: StatementCompared = field(default_factory=StatementCompared)
    statement_fails: bool = False
    unreadable: bool = False
    """Whether the broker's balance and list are never completely readable."""
    undone: list[AbandonedStep] = field(default_factory=list)
    proven_at: datetime | None = None
    summed_up_at: datetime | None = None
    shut_at: datetime | None = None
    faults: Counter[str] = field(default_factory=Counter)
    """How often an activity contradicts the ledger; no retry fixes that."""
    calls: Counter[str] = field(default_factory=Counter)
    held: Held | None = None
    _orders: dict[IntentId, OrderRecord] = field(default_factory=dict)

    def now(self) -> datetime:
        """Market time: the server's clock, as of the running activity."""
        return self.clock.market_time(activity.info().started_time)

    @activity.defn
    async def plan_close(self, request: PlanCloseRequest) -> ClosePlan | NoSession:
        self.calls["plan_close"] += 1
        session = self.calendar.session_on(session_date_of(request.started_at))
        if session is None:
            return NoSession(session_date_of(request.started_at))
        return ClosePlan(plan_session(session, CloseLeads(), 1), self.now())

    @activity.defn
    async def shut_entries(self, request: SessionRequest) -> None:
        self.calls["shut_entries"] += 1
        self.shut_at = self.now()

    @activity.defn
    async def await_flat(self, request: AwaitFlatRequest) -> tuple[PositionId, ...]:
        self.calls["await_flat"] += 1
        if self.held is not None and activity.info().attempt < 30 and request.patience:
            raise to_be_continued("not flat", timedelta(seconds=1))
        return () if self.held is None else (self.held.position_id,)

    @activity.defn
    async def seize_position(self, position_id: PositionId) -> Held | None:
        self._count("seize_position")
        return self.held

    @activity.defn
    async def await_turn(self, position_id: PositionId) -> bool:
        self.calls["await_turn"] += 1
        return self.held is not None

    @activity.defn
    async def list_open_orders(self, request: OpenOrdersRequest) -> tuple[OpenOrder, ...]:
        self.calls["list_open_orders"] += 1
        return tuple(
            OpenOrder(order.intent.intent_id, order.intent.order_type)
            for order in self._orders.values()
            if order.status is OrderStatus.QUARANTINED
        )

    @activity.defn
    async def reconcile_account(self, request: ReconcileRequest) -> Reconciled:
        self._count("reconcile_account")
        self._read()
        return self.reconciled

    @activity.defn
    async def prove_flat(self, request: SessionRequest) -> FlatnessProof:
        self.calls["prove_flat"] += 1
        self._read()
        self.proven_at = self.now()
        holdings = {} if self.held is None else {self.held.symbol: self.held.quantity}
        return FlatnessProof(not holdings, holdings, 0, ours=dict(holdings))

    @activity.defn
    async def report_undone(self, undone: AbandonedStep) -> None:
        self.calls["report_undone"] += 1
        self.undone.append(undone)

    @activity.defn(name="tell_unsold")
    async def report_unsold(self, request: SessionRequest) -> tuple[str, ...]:
        self.calls["tell_unsold"] += 1
        return () if self.held is None else (f"{self.held.symbol} ×{self.held.quantity}: too few bids",)

    @activity.defn
    async def compare_statement(self, request: StatementRequest) -> StatementCompared:
        self.calls["compare_statement"] += 1
        self._read()
        if self.statement_fails:
            raise LookupError("no such line")
        return self.statement

    @activity.defn
    async def write_summaries(self, request: SummaryRequest) -> DailySummary:
        self.summed_up_at = self.now()
        self.calls["write_summaries" if request.is_final else "write_interim_summaries"] += 1
        return summarise(request.session_date, "fleet", ())

    def _read(self) -> None:
        if self.unreadable:
            raise ApplicationError("hldg_qty '0.3' is no whole number", type="BrokerProtocolError")

    def _count(self, name: str) -> None:
        self.calls[name] += 1
        if self.faults[name]:
            self.faults[name] -= 1
            raise ApplicationError("the ledger knows better", type=InvalidTransitionError.__name__)
