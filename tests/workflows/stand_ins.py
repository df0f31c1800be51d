"""Stand-in activities under the real names: a scripted trading desk without broker and database."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.cycles import Cycle, CycleRequest, Held, UnfinishedOrder
from activities.entries import EntryRequest, NoEntry, PreparedEntry
from activities.market_data import Findings, ScanRequest
from activities.orders import FollowRequest, SubmitRequest
from activities.resolving import ResolveRequest
from activities.selling import ExitDecision, ExitRequest, MarketShut, NothingToSell, PreparedExit, SoldByOthers
from activities.settling import CloseRequest, StillHeld, TradeResult
from activities.support.pace import to_be_continued
from activities.watch.messages import WatchRequest
from domain.close_plan import CloseLeads, plan_session
from domain.exits import ExitSignal, SentExit
from domain.host_limits import Ceiling
from domain.identity import IntentId, PositionId
from domain.ladder import Ladder, Rung, Wait
from domain.lock import Lease
from domain.market import Quote, Side
from domain.money import Price, Quantity, Won
from domain.order import (
    Accepted,
    OrderPurpose,
    OrderRecord,
    OrderStatus,
    OrderType,
    Rejected,
    SubmitOutcome,
)
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.screening import Candidate
from domain.session import session_date_of
from tests.support.builders import SAMSUNG, a_lease, a_quote, a_ref, an_intent
from tests.workflows.close_stand_ins import CloseDesk

CANDIDATE = Candidate(SAMSUNG, "삼성전자", Price(70_000), 1, "momentum", "1", "it rises")  # type: ignore[arg-type]
QUANTITY = Quantity(10)
SEEN = a_quote()
"""The last quote of each watch."""
_OVER = OrderRecord(an_intent(Side.SELL), OrderStatus.CANCELLED)


def a_held(quantity: int = 7, opened_at: datetime = datetime(2026, 11, 20, 1, tzinfo=UTC)) -> Held:
    """Return shares that a worker holds from an earlier session."""
    return Held(PositionId("carried"), SAMSUNG, "삼성전자", Quantity(quantity), "70,000", opened_at, True, a_lease())


@dataclass
class Desk(CloseDesk):
    """Plays broker, ledger and market; each attribute changes one answer, ``calls`` records the activities."""

    candidates_from: timedelta = timedelta(minutes=5)
    """Time from the open to the first candidate."""
    shut: bool = False
    """Whether no market accepts a sale any more."""
    hold_for: timedelta = timedelta(minutes=30)
    exit_reason: ExitReason = ExitReason.TAKE_PROFIT
    entries: list[object] = field(default_factory=list)
    """Scripted answers of prepare_entry, consumed in order; after them each entry is prepared."""
    fills: list[int] = field(default_factory=list)
    """Scripted filled quantities of follow_order; after them every order fills."""
    evening: frozenset[OrderType] = frozenset()
    """Order types that the broker accepts after the regular session."""
    rungs: list[Rung] = field(default_factory=list)
    """The rungs of the sales."""
    tried_at: list[datetime] = field(default_factory=list)
    """Decision time of each sale (market time)."""
    refusals: list[Rejected] = field(default_factory=list)
    """Scripted refusals of sales, consumed in order."""
    sold_by_others: SoldByOthers | None = None
    """The answer to every sale."""
    closes: list[CloseRequest] = field(default_factory=list)
    unsold_until: datetime | None = None
    """When the first buyer arrives (market time); sales rest until then."""
    seized_until: datetime | None = None
    """Until when the close holds the lease of the worker's carried position (market time)."""
    vain_cancels: int = 0
    """How many cancels have no effect."""
    left_by_the_close: UnfinishedOrder | None = None
    """An order of the close that the worker finds once, after it regains that lease."""
    ended: list[IntentId] = field(default_factory=list)
    """Orders followed again after their end was known."""
    leases: list[Lease] = field(default_factory=list)
    """Leases of holders other than the order's worker, renewed while an order was followed."""
    patiences: list[timedelta] = field(default_factory=list)
    """Requested follow times of orders that could still fill."""
    fills_late: Quantity = Quantity(0)
    """Shares of the buy that fill when its trade is about to be booked."""
    never_followed: IntentId | None = None
    """An order whose end is never readable."""
    follows_nothing: bool = False
    """Whether the end of every order is unreadable."""
    slow_fills: int = 0
    """Minutes that the next order works before it fills."""
    lost_submits: int = 0
    undecidable: bool = False
    """Whether a lost order cannot be distinguished from another."""
    held_at_start: Held | None = None
    leads: CloseLeads = field(default_factory=CloseLeads)
    fleet: int = 1
    """Leads and number of positions by which the worker's day is planned."""
    last_word: timedelta = timedelta(seconds=10)
    """Time from the deadline to the watch's answer; the time-skipping server fails if both have the same instant."""
    seen: list[Quote | None] = field(default_factory=list)
    """The quotes of the watch that the sales received."""
    reasons: list[ExitReason] = field(default_factory=list)
    trades: list[TradeResult] = field(default_factory=list)
    abandoned: list[PositionId] = field(default_factory=list)
    sent: list[IntentId] = field(default_factory=list)
    ceiling: Ceiling | None = None
    """Limits of the host that answers."""
    watch_sends: bool = False
    """Whether the watch sends the first order of a sale."""
    shared_watch: bool = True
    watched_by: list[TradingRules] = field(default_factory=list)
    _bought_at: datetime | None = None

    @activity.defn
    async def begin_cycle(self, request: CycleRequest) -> Cycle:
        self.calls["begin_cycle"] += 1
        session = self.calendar.session_at_or_after(self.now())
        held, self.held_at_start = self.held_at_start or self.held, None
        self.held = held
        if self.seized_until is not None and self.now() < self.seized_until:
            return Cycle(self.now(), plan_session(session, CloseLeads(), 1), None, elsewhere=SAMSUNG)
        left, self.left_by_the_close = self.left_by_the_close, None
        unfinished = () if left is None else (left,)
        plan = plan_session(session, self.leads, 1, self.fleet)
        return Cycle(self.now(), plan, held, unfinished, ceiling=self.ceiling, shared_watch=self.shared_watch)

    @activity.defn
    async def find_candidates(self, request: ScanRequest) -> Findings:
        self.calls["find_candidates"] += 1
        if not request.plan.entries_allowed_at(self.now()):
            return Findings()
        if self.now() < request.plan.session.opens_at + self.candidates_from:
            raise self._later(request.plan.session.opens_at + self.candidates_from)
        return Findings((CANDIDATE,))

    @activity.defn
    async def prepare_entry(self, request: EntryRequest) -> PreparedEntry | NoEntry:
        self.calls["prepare_entry"] += 1
        if self.entries:
            scripted = self.entries.pop(0)
            assert isinstance(scripted, NoEntry)
            return scripted
        self._write(request.intent_id, Side.BUY)
        return PreparedEntry(
            request.intent_id,
            PositionId(request.intent_id),
            SAMSUNG,
            "삼성전자",
            QUANTITY,
            f"BUY {SAMSUNG} ×{QUANTITY}",
            a_lease(),
        )

    @activity.defn
    async def submit_order(self, request: SubmitRequest) -> OrderRecord:
        self.calls["submit_order"] += 1
        self.sent.append(request.intent_id)
        record = replace(self._orders[request.intent_id], status=OrderStatus.SENDING)
        self._orders[request.intent_id] = record
        if self.lost_submits:
            self.lost_submits -= 1
            raise ApplicationError("the process died")
        if self.refusals and record.intent.side is Side.SELL:
            no = self.refusals.pop(0)
            self._orders[request.intent_id] = replace(record, status=OrderStatus.REJECTED, reject_code=no.code)
            return self._orders[request.intent_id]
        self._orders[request.intent_id] = replace(record, status=OrderStatus.ACCEPTED, ref=a_ref(len(self.sent)))
        return self._orders[request.intent_id]

    @activity.defn
    async def resolve_order(self, request: ResolveRequest) -> OrderRecord:
        intent_id = request.intent_id
        self.calls["resolve_order"] += 1
        if self.undecidable:
            self._orders[intent_id] = replace(self._orders[intent_id], status=OrderStatus.QUARANTINED)
            if request.waits_for_operator:
                raise to_be_continued("an operator has to decide", timedelta(minutes=1))
            return self._orders[intent_id]
        self._orders[intent_id] = replace(self._orders[intent_id], status=OrderStatus.ACCEPTED, ref=a_ref(99))
        return self._orders[intent_id]

    @activity.defn
    async def follow_order(self, request: FollowRequest) -> OrderRecord:
        self._count("follow_order")
        if self.follows_nothing or request.intent_id == self.never_followed:
            raise to_be_continued("the list cannot be read", timedelta(seconds=3))
        self.leases.extend([] if request.lease is None else [request.lease])
        if self.slow_fills:
            self.slow_fills -= 1
            raise to_be_continued("it works", timedelta(minutes=1))
        record = self._orders.get(request.intent_id, _OVER)
        if record.status is not OrderStatus.ACCEPTED:
            self.ended.append(request.intent_id)
            return record
        if record.intent.side is Side.SELL and self.unsold_until is not None and self.now() < self.unsold_until:
            left = request.patience - (activity.info().started_time - activity.info().scheduled_time)
            if left > timedelta(0):
                raise to_be_continued("no buyer", min(left, timedelta(minutes=1)))
            return record
        self.patiences.append(request.patience)
        filled = Quantity(self.fills.pop(0)) if self.fills else record.intent.quantity
        status = OrderStatus.FILLED if filled == record.intent.quantity else OrderStatus.ACCEPTED
        self._orders[request.intent_id] = replace(
            record, status=status, filled_quantity=filled, filled_amount=Won(filled * 70_000)
        )
        return self._book(self._orders[request.intent_id])

    @activity.defn
    async def cancel_order(self, intent_id: IntentId) -> SubmitOutcome:
        self.calls["cancel_order"] += 1
        if self.vain_cancels:
            self.vain_cancels -= 1
            return Rejected("APBK0000", "정정취소 가능수량이 없습니다")
        self._orders[intent_id] = replace(self._orders[intent_id], status=OrderStatus.CANCELLED)
        return Accepted(a_ref(77))

    @activity.defn
    async def watch_position(self, request: WatchRequest) -> ExitSignal:
        self.calls["watch_position"] += 1
        self.watched_by.append(request.rules)
        assert self._bought_at is not None
        if self.now() >= request.deadline:
            sent = self._sent_by(request)
            return ExitSignal(ExitReason.DEADLINE, Price(70_000), self.now(), Price(71_000), seen=SEEN, sent=sent)
        if self.now() < self._bought_at + self.hold_for:
            raise self._later(min(self._bought_at + self.hold_for, request.deadline + self.last_word))
        sent = self._sent_by(request)
        return ExitSignal(self.exit_reason, Price(70_000), self.now(), Price(71_000), seen=SEEN, sent=sent)

    @activity.defn
    async def begin_watch(self, request: WatchRequest) -> ExitSignal | None:
        """Answer when a rule fires, as the market watch answers for a position that is due already."""
        self.calls["begin_watch"] += 1
        return await self.watch_position(request)

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitDecision:
        self.calls["prepare_exit"] += 1
        self.seen.append(request.seen)
        if self.held is None or not self.held.quantity:
            return NothingToSell()
        if self.sold_by_others is not None:
            return self.sold_by_others
        ladder = Ladder(request.session, request.rules.execution, self.clock, request.unhurried_until)
        rung = ladder.next_rung(self.now(), request.tries, self.evening)
        if rung is None or self.shut:
            return MarketShut()
        if isinstance(rung, Wait):
            return rung
        self.rungs.append(rung)
        self.tried_at.append(self.now())
        self._write(request.intent_id, Side.SELL, self.held.quantity)
        return PreparedExit(request.intent_id, SAMSUNG, self.held.quantity, rung, f"SELL {SAMSUNG}", then_book=True)

    @activity.defn
    async def close_position(self, request: CloseRequest) -> TradeResult | StillHeld:
        self.calls["close_position"] += 1
        self.closes.append(request)
        if self.fills_late and self.held is not None:
            self.held, self.fills_late = replace(self.held, quantity=self.fills_late), Quantity(0)
            return StillHeld(self.held.position_id, self.held.quantity)
        self.held = None
        self.reasons.append(request.reason)
        date = session_date_of(self.now())
        self.trades.append(TradeResult(request.position_id, SAMSUNG, QUANTITY, Won(1_000), request.reason, date))
        return self.trades[-1]

    @activity.defn
    async def abandon_entry(self, request: CloseRequest) -> None:
        self.calls["abandon_entry"] += 1
        self.abandoned.append(request.position_id)

    def everything(self) -> list[object]:
        """Return all stand-ins for registration."""
        return [
            self.begin_cycle,
            self.find_candidates,
            self.prepare_entry,
            self.submit_order,
            self.resolve_order,
            self.follow_order,
            self.cancel_order,
            *(self.begin_watch, self.watch_position, self.prepare_exit),
            *(self.close_position, self.abandon_entry),
            self.plan_close,
            self.shut_entries,
            self.await_flat,
            self.report_undone,
            self.await_turn,
            self.seize_position,
            self.list_open_orders,
            *(self.reconcile_account, self.prove_flat),
            *(self.report_unsold, self.compare_statement),
            self.write_summaries,
        ]

    def _later(self, due: datetime) -> ApplicationError:
        """Continue when an event is due, and at regular intervals as the real watcher does."""
        return to_be_continued("not yet", max(min(due - self.now(), timedelta(minutes=20)), timedelta(seconds=1)))

    def _sent_by(self, request: WatchRequest) -> SentExit | None:
        """Return the order that the watch has sent, if it sends any."""
        if not self.watch_sends or request.first is None or self.held is None:
            return None
        intent_id, quantity = request.first.intent_id, self.held.quantity
        self._write(intent_id, Side.SELL, quantity)
        self.sent.append(intent_id)
        answer = replace(self._orders[intent_id], status=OrderStatus.ACCEPTED, ref=a_ref(len(self.sent)))
        if self.refusals:
            refused = self.refusals.pop(0)
            answer = replace(answer, status=OrderStatus.REJECTED, ref=None, reject_code=refused.code)
        self._orders[intent_id] = answer
        return SentExit(intent_id, quantity, Rung.BEST_BID, f"SELL {SAMSUNG}", then_book=True)

    def _write(self, intent_id: IntentId, side: Side, quantity: Quantity = QUANTITY) -> None:
        intent = an_intent(
            side,
            quantity,
            intent_id=intent_id,
            position_id=PositionId(intent_id),
            order_type=OrderType.LIMIT,
            purpose=OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT,
        )
        self._orders[intent_id] = OrderRecord(intent, OrderStatus.INTENDED)

    def _book(self, record: OrderRecord) -> OrderRecord:
        if record.intent.side is Side.SELL and self.held is not None:
            left = Quantity(self.held.quantity - record.filled_quantity)
            self.held = replace(self.held, quantity=left)
        elif record.filled_quantity:
            self._bought_at = now = self.now()
            about = (record.intent.position_id, SAMSUNG, "삼성전자", record.filled_quantity)
            self.held = Held(*about, "70,000", now, False, a_lease())
        return record
