"""A close that can sell nothing: its history stays short however many stocks are halted (F47)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import activity, workflow

from activities.closing import AwaitFlatRequest
from activities.cycles import Held
from activities.flatness import FlatnessProof
from activities.orders import SubmitRequest
from activities.selling import ExitDecision, ExitRequest, MarketShut, NothingToSell, PreparedExit
from activities.settling import CloseRequest, TradeResult
from activities.support.requests import SessionRequest
from domain.clock import MarketClock
from domain.identity import AccountId, IntentId, PositionId
from domain.ladder import Ladder, Wait
from domain.market import Side, Symbol
from domain.money import Won
from domain.order import OrderPurpose, OrderRecord, OrderStatus, OrderType
from lab.attempts import Again, Scheduled, attempt
from lab.clockwork import Clockwork
from lab.runs import Run
from lab.temporal_parts import ActivityResolution, activity_name
from tests.support.builders import MONDAY, an_intent
from tests.workflows.close_stand_ins import CloseDesk
from tests.workflows.floor import kst
from tests.workflows.stand_ins import a_held
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.market_close import MarketCloseWorkflow

ACCOUNT: Final = AccountId("simulated-virtual")
MOST_EVENTS: Final = 15_000
"""Maximum events of one run; Temporal allows 51,200."""
_TASKS_UNTIL_SUGGESTED: Final = 600
"""The server suggests a new run at about 4,096 events."""


@dataclass
class HaltedDesk(CloseDesk):
    """A market that refuses each order in a halted stock; other stocks are sold at once."""

    stocks: dict[PositionId, Held] = field(default_factory=dict)
    halted_until: dict[PositionId, datetime] = field(default_factory=dict)
    tried: Counter[PositionId] = field(default_factory=Counter)

    def halts(self, count: int) -> None:
        """Hold so many stocks, all permanently halted."""
        for number in range(count):
            name = PositionId(f"position-{number:03}")
            self.stocks[name] = replace(a_held(), position_id=name, symbol=Symbol(f"{number:06}"))
            self.halted_until[name] = kst("2026-11-24 00:00")

    @activity.defn
    async def order_liquidation(self, request: SessionRequest) -> int:
        return 0

    @activity.defn
    async def await_flat(self, request: AwaitFlatRequest) -> tuple[PositionId, ...]:
        self.calls["await_flat"] += 1
        return tuple(self.stocks)

    @activity.defn
    async def seize_position(self, position_id: PositionId) -> Held | None:
        self.calls["seize_position"] += 1
        return self.stocks.get(position_id)

    @activity.defn
    async def prepare_exit(self, request: ExitRequest) -> ExitDecision:
        held = self.stocks.get(request.position_id)
        if held is None:
            return NothingToSell()
        ladder = Ladder(request.session, request.rules.execution, self.clock)
        rung = ladder.next_rung(self.now(), request.tries, frozenset({OrderType.POST_CLOSE}))
        if rung is None:
            return MarketShut()
        if isinstance(rung, Wait):
            return rung
        intent = an_intent(
            Side.SELL, intent_id=request.intent_id, position_id=request.position_id, purpose=OrderPurpose.EXIT
        )
        self._orders[request.intent_id] = OrderRecord(intent, OrderStatus.INTENDED)
        return PreparedExit(request.intent_id, held.symbol, held.quantity, rung, f"SELL {held.symbol}")

    @activity.defn
    async def submit_order(self, request: SubmitRequest) -> OrderRecord:
        record = self._orders[request.intent_id]
        name = record.intent.position_id
        assert record.status is OrderStatus.INTENDED
        self.tried[name] += 1
        if self.now() < self.halted_until[name]:
            return self._became(request.intent_id, OrderStatus.REJECTED)
        del self.stocks[name]
        return self._became(request.intent_id, OrderStatus.FILLED)

    def _became(self, intent_id: IntentId, status: OrderStatus) -> OrderRecord:
        self._orders[intent_id] = replace(self._orders[intent_id], status=status)
        return self._orders[intent_id]

    @activity.defn
    async def close_position(self, request: CloseRequest) -> TradeResult:
        self.calls["close_position"] += 1
        return TradeResult(request.position_id, Symbol("000000"), a_held().quantity, Won(0), request.reason, MONDAY)

    @activity.defn
    async def prove_flat(self, request: SessionRequest) -> FlatnessProof:
        self.calls["prove_flat"] += 1
        ours = {held.symbol: held.quantity for held in self.stocks.values()}
        return FlatnessProof(not ours, ours, 0, ours=dict(ours))

    @activity.defn(name="tell_unsold")
    async def report_unsold(self, request: SessionRequest) -> tuple[str, ...]:
        self.calls["tell_unsold"] += 1
        return tuple(f"{held.symbol}: halted" for held in self.stocks.values())

    def everything(self) -> list[Any]:
        """Return all stand-ins."""
        of_the_close = [self.plan_close, self.shut_entries, self.order_liquidation, self.await_flat]
        selling = [self.seize_position, self.list_open_orders, self.prepare_exit, self.submit_order]
        end = [self.close_position, self.report_unsold, self.reconcile_account, self.prove_flat, self.compare_statement]
        return [*of_the_close, *selling, *end, self.write_summaries]


@dataclass
class HaltedFloor:
    """A close on a market with constant prices."""

    clockwork: Clockwork
    desk: HaltedDesk

    @property
    def runs(self) -> list[Run]:
        return [*self.clockwork.past, *self.clockwork.runs.values()]

    async def closes(self) -> CloseOutcome:
        """Run the close to its end over any number of runs; replay each from its history halfway."""
        while self.clockwork.runs:
            await self.clockwork.until(lambda: not self.clockwork.runs, self.clockwork.now + timedelta(minutes=7))
            self.clockwork.replay()
        outcome = self.clockwork.past[-1].result
        assert isinstance(outcome, CloseOutcome)
        return outcome


@asynccontextmanager
async def halted_floor(at: str, count: int) -> AsyncIterator[HaltedFloor]:
    """Start a close over so many halted stocks."""
    clock = MarketClock(kst(f"{MONDAY} {at}"), kst(f"{MONDAY} {at}"))
    desk = HaltedDesk(clock)
    desk.halts(count)
    acts = {activity_name(each): each for each in desk.everything()}

    async def play(about: Scheduled, now: datetime) -> ActivityResolution | Again:
        return await attempt(about, acts[about.name], now)

    clockwork = Clockwork(clock.market_anchor, play)
    clockwork.start(MarketCloseWorkflow.run, MarketCloseRequest(ACCOUNT, clock), "market-close")
    try:
        yield HaltedFloor(clockwork, desk)
    finally:
        clockwork.close()


async def test_a_hundred_halted_stocks_fill_no_history_and_each_is_carried_by_name() -> None:
    async with halted_floor("15:29", 100) as floor:
        floor.clockwork.longest_run = _TASKS_UNTIL_SUGGESTED

        outcome = await floor.closes()

        assert len(outcome.ours) == len(outcome.unsold_at_close) == outcome.seized == 100
        assert not outcome.flat
        assert len(floor.runs) > 2
        assert max(run.events for run in floor.runs) < MOST_EVENTS < sum(run.events for run in floor.runs)
        once = ("shut_entries", "tell_unsold", "write_interim_summaries", "prove_flat", "write_summaries")
        assert {floor.desk.calls[name] for name in once} == {1}
        assert floor.desk.calls["seize_position"] == 100


async def test_a_sale_is_tried_as_often_in_many_runs_as_in_one() -> None:
    tried = []
    for longest in (10_000, 25):
        async with halted_floor("15:15", 3) as floor:
            floor.clockwork.longest_run = longest
            await floor.closes()
            tried.append(floor.desk.tried)
            assert (len(floor.runs) > 5) == (longest == 25)

    assert tried[0] == tried[1]


async def test_what_is_halted_no_more_is_sold_by_a_later_run_of_the_close() -> None:
    async with halted_floor("15:15", 3) as floor:
        floor.clockwork.longest_run = 25
        freed = PositionId("position-001")
        floor.desk.halted_until[freed] = kst(f"{MONDAY} 15:45")

        outcome = await floor.closes()

        assert set(outcome.ours) == {"000000", "000002"}
        assert len(outcome.unsold_at_close) == 3
        assert floor.desk.calls["close_position"] == 1
        assert outcome.seized == 3


@workflow.defn
class CancelledWaitWorkflow:
    """Cancel each wait of a close while it lasts."""

    @workflow.run
    async def run(self, request: MarketCloseRequest) -> list[tuple[bool, bool]]:
        """Return for each wait whether the close may continue as new during it, and after it."""
        close = MarketCloseWorkflow(request)
        timer = close._timer
        later = request.clock.market_time(workflow.now()) + timedelta(hours=1)
        found = []
        for wait in (timer.sleep_until(later, timedelta(0), "wait"), close._until(lambda: False, later)):
            waiting = asyncio.create_task(wait)
            await asyncio.sleep(1)
            during = timer.only_waits
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            found.append((during, timer.only_waits))
        return found


async def test_a_cancelled_wait_leaves_no_permission_to_continue_as_new() -> None:
    async with halted_floor("15:15", 0) as floor:
        request = MarketCloseRequest(ACCOUNT, floor.desk.clock)
        floor.clockwork.start(CancelledWaitWorkflow.run, request, "cancelled-wait")

        found = await floor.clockwork.result("cancelled-wait", floor.clockwork.now + timedelta(minutes=1))

        assert found == [(True, False), (True, False)]
