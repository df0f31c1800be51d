"""One trade of a worker: wait for the session, scan, lock and buy, hold, sell."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.account.comparing import ReconcileRequest
    from activities.cycles import AdoptionRequest, Cycle, CycleActivities, CycleRequest, Held, UnfinishedOrder
    from activities.entries import EntryActivities, EntryDecision, EntryRequest, PreparedEntry
    from activities.joined import Entered, EnterRequest, JoinedActivities, bought
    from activities.market_data import Findings
    from activities.orders import SubmitRequest
    from activities.reconciling import ReconcilingActivities
    from activities.settling import CloseRequest, SettlingActivities, TradeResult
    from activities.watch.messages import FirstOrder, Offer, WatchEnd
    from domain.identity import IntentId, is_recovery
    from domain.market import Symbol
    from domain.money import total
    from domain.order import OrderPurpose
    from domain.position import ExitReason
    from domain.session import SessionPlan, session_date_of
    from domain.worker_state import WorkerLife, WorkerState
    from workflows import attributes
    from workflows.commands import Commands
    from workflows.holding import Holding
    from workflows.identity import intent_id, task_queues
    from workflows.market_timer import MarketTimer
    from workflows.options import ASK_BROKER, ENTER, LOOK, RECORD, via
    from workflows.ordering import Ordering
    from workflows.scanning import Scanning
    from workflows.selling import Sale, Selling, lease_is_lost

_AFTER_THE_CLOSE: Final = timedelta(seconds=2)
_BETWEEN_LOOKS: Final = timedelta(seconds=30)
_MOST_DOUBLINGS: Final = 2


class Trade:
    """The steps of one run. It acts on what the worker's commands want, and shows there what it does."""

    def __init__(self, worker: Commands, timer: MarketTimer) -> None:
        life = worker.life
        self._worker = worker
        self._timer = timer
        self._queues = task_queues(life.account_id)
        self._intents = 0
        self._fruitless = 0
        self._joins_steps = False
        """Whether the activities know the joined steps; their answer is in the history, so it needs no marker."""
        self._ordering = Ordering(self._queues)
        self._selling = Selling(self._queues, life.clock, self._next_intent)
        self._scanning = Scanning(worker, timer, self._queues)
        self._holding = Holding(worker, timer, self._queues, self._next_intent)
        self._loose_ends: list[asyncio.Task[None]] = []
        """Buys of an earlier run that are ended while their shares are held."""

    async def play(self) -> None:
        """Hold and sell what the worker has, or buy and sell once, or rest until the session ends."""
        begun = await self._begin()
        if self._is_recovery and begun.held is None and begun.elsewhere is None:
            return
        cycle = await self._with_free_hands(begun)
        held = cycle.held or (None if self._is_recovery else await self._enter(cycle.plan))
        if held is not None:
            await self._see_through(held, cycle.plan)
        else:
            await self._rest(cycle.plan)

    async def collect(self) -> None:
        """Await cancelled watchers and unfinished buys after the sale, so that none outlives its run."""
        await self._scanning.collect()
        await self._holding.collect()
        await asyncio.gather(*self._loose_ends)

    def take_offer(self, offer: Offer) -> None:
        """Note what the market watch has found for the worker."""
        self._scanning.take(offer)

    def end_watch(self, end: WatchEnd) -> None:
        """Note what the market watch has decided about a position."""
        self._holding.end_watch(end)

    async def _begin(self) -> Cycle:
        """Read what the worker holds. The scan compares the books before anything is bought."""
        if self._life.cycles == 0 and not self._is_patched():
            await self._reconcile()
        return await self._take_stock()

    async def _take_stock(self) -> Cycle:
        """Read the worker's state after ending its open orders.

        An unfinished buy does not delay the watch of held shares: it is ended concurrently.
        """
        cycle = await self._look_around()
        first = cycle.unfinished
        if cycle.held is not None and cycle.unfinished and self._is_patched():
            buys = [order for order in cycle.unfinished if order.purpose is OrderPurpose.ENTRY]
            self._loose_ends.extend(asyncio.create_task(self._finish(order)) for order in buys)
            first = tuple(order for order in cycle.unfinished if order not in buys)
        for order in first:
            await self._finish(order)
        return await self._look_around() if first else cycle

    def _is_patched(self) -> bool:
        return self._joins_steps or workflow.patched("holdings-first")

    async def _with_free_hands(self, cycle: Cycle) -> Cycle:
        """Wait for the opening, and while the close still sells our shares; look again before anything is bought.

        Shares that the close could not sell return to the worker at the next opening, and are sold first (R16).
        """
        while cycle.held is None and not self._worker.is_winding_down() and self._has_to_wait(cycle):
            now, opens_at = self._timer.now(), cycle.plan.session.opens_at
            next_look = opens_at if now < opens_at else now + self._timer.in_market(_BETWEEN_LOOKS)
            await self._timer.until(self._worker.is_winding_down, next_look)
            cycle = await self._take_stock()
        return cycle

    def _has_to_wait(self, cycle: Cycle) -> bool:
        if workflow.info().is_continue_as_new_suggested():
            return False
        return cycle.elsewhere is not None or self._timer.now() < cycle.plan.session.opens_at

    async def _enter(self, plan: SessionPlan) -> Held | None:
        while self._may_enter(plan):
            if self._life.paused:
                await self._scanning.leave()
                self._worker.enter_state(WorkerState.IDLE, "paused: no new entries")
                await self._timer.until(lambda: not self._life.paused or not self._may_enter(plan), plan.entries_until)
                continue
            found = await self._scanning.scan(plan, partial(self._may_enter, plan))
            held = await self._take_over(found.orphan, plan) if found.orphan else await self._buy(found, plan)
            if held is not None:
                return held
            self._fruitless += bool(found.candidates)
            await self._timer.until(self._worker.is_winding_down, self._timer.now() + self._scan_pause())
        await self._scanning.leave()
        return None

    async def _see_through(self, held: Held, plan: SessionPlan) -> None:
        signal = await self._holding.hold(held, plan)
        if signal is None:
            return
        self._worker.enter_state(WorkerState.EXITING, f"selling {held.name}: {signal.reason}", held.symbol)
        try:
            sale = Sale(held, signal.reason, self._life.rules, plan, signal.detail, signal.seen, signal.sent)
            result = await self._selling.sell_out(sale)
        except ActivityError as error:
            if not lease_is_lost(error):
                raise
            self._worker.leave_unsold(f"{held.symbol} was taken over by another worker")
            return
        self._settle(result, held)

    async def _rest(self, plan: SessionPlan) -> None:
        """Sleep durably until the session ends, unless stopped: no work is left in it."""
        if self._life.stopping or not self._entries_are_over(plan):
            return
        self._worker.enter_state(WorkerState.IDLE, "waiting until the session ends")
        over = plan.session.ends_at + self._timer.in_market(_AFTER_THE_CLOSE)
        await self._timer.until(self._worker.is_winding_down, over)

    async def _look_around(self) -> Cycle:
        life, scan_id = self._life, self._scanning.next_scan()
        rules = life.rules if self._may_scan() else None
        cycle = await workflow.execute_activity_method(
            CycleActivities.begin_cycle,
            CycleRequest(
                *(life.account_id, life.worker_id, workflow.info().workflow_id),
                joins_steps=True,
                rules=rules,
                scan_id=scan_id,
            ),
            **via(self._queues.trading, RECORD, "read the state of the worker"),
        )
        self._worker.ceiling, self._holding.is_shared = cycle.ceiling, cycle.shared_watch
        self._scanning.is_shared = cycle.shared_scan
        self._joins_steps = self._scanning.joins_steps = self._holding.joins_steps = cycle.joins_steps
        self._selling.joins_steps = cycle.joins_steps
        self._scanning.begun(rules if cycle.waits_for_offer else None, cycle.plan)
        return cycle

    async def _reconcile(self) -> None:
        found = await workflow.execute_activity_method(
            ReconcilingActivities.reconcile_account,
            ReconcileRequest(self._life.account_id),
            **via(self._queues.watch, LOOK, "compare broker and ledger before the first order"),
        )
        for difference in found.differences:
            self._worker.say(difference)
        if found.cash_unexplained:
            self._worker.say(found.cash)

    async def _finish(self, order: UnfinishedOrder) -> None:
        record = await self._ordering.finish(
            order.intent_id, self._life.rules.execution.entry_timeout, f"unfinished order: {order.symbol}"
        )
        if order.purpose is OrderPurpose.ENTRY and not record.filled_quantity:
            await self._abandon(CloseRequest(order.position_id, ExitReason.OPERATOR, order.lease, timedelta(0)))

    async def _take_over(self, symbol: Symbol, plan: SessionPlan) -> Held | None:
        held = await workflow.execute_activity_method(
            CycleActivities.adopt_orphan,
            AdoptionRequest(self._life.account_id, self._life.worker_id, symbol, plan),
            **via(self._queues.trading, RECORD, f"take over {symbol} from a lost worker"),
        )
        if held is not None and self._is_patched():
            return (await self._take_stock()).held or held
        for order in (await self._look_around()).unfinished if held else ():
            await self._finish(order)
        return held

    async def _buy(self, found: Findings, plan: SessionPlan) -> Held | None:
        if not found.candidates:
            return None
        life, entered, first = self._life, Entered(), None
        request = self._entry_request(found, plan)
        if self._joins_steps:
            first = FirstOrder(self._next_intent(), plan.session) if self._holding.is_shared else None
            entered = await self._enter_position(request, first)
        entry = entered.decision or await self._prepare_entry(request)
        if not isinstance(entry, PreparedEntry):
            self._worker.say("no entry: " + "; ".join(entry.reasons))
            return None
        self._worker.say(entry.description)
        if entered.watched is not None:
            self._holding.begun(first, life.rules, entered.watched)
            return entered.watched.held
        patience = self._life.rules.execution.entry_timeout
        if entered.order is not None:
            record = await self._ordering.finish(entry.intent_id, patience, entry.description, followed=entered.order)
        else:
            submit = SubmitRequest(entry.intent_id, OrderPurpose.ENTRY, self._life.rules.risk, plan)
            record = await self._ordering.place(submit, patience, entry.description)
        if record.filled_quantity:
            self._holding.begun(first, life.rules, None)
            return bought(entry, record)
        self._worker.say(f"{entry.symbol} not bought: {record.status} {record.reject_message}".strip())
        cooldown = self._life.rules.risk.symbol_cooldown
        await self._abandon(CloseRequest(entry.position_id, ExitReason.OPERATOR, entry.lease, cooldown))
        return None

    def _entry_request(self, found: Findings, plan: SessionPlan) -> EntryRequest:
        life = self._life
        about = (life.account_id, life.worker_id, self._next_intent(), found.candidates, life.rules, plan)
        return EntryRequest(*about, found.scanned_at)

    async def _prepare_entry(self, request: EntryRequest) -> EntryDecision:
        return await workflow.execute_activity_method(
            EntryActivities.prepare_entry,
            request,
            **via(self._queues.broker, ASK_BROKER, f"lock, size, review: {_named(request)}"),
        )

    async def _enter_position(self, request: EntryRequest, first: FirstOrder | None) -> Entered:
        return await workflow.execute_activity_method(
            JoinedActivities.enter_position,
            EnterRequest(request, self._queues.trading, first),
            **via(self._queues.watch, ENTER, f"lock, size, review, buy, watch: {_named(request)}"),
        )

    async def _abandon(self, request: CloseRequest) -> None:
        await workflow.execute_activity_method(
            SettlingActivities.abandon_entry, request, **via(self._queues.trading, RECORD, "release the symbol")
        )

    def _settle(self, result: TradeResult | None, held: Held) -> None:
        if result is None:
            self._worker.leave_unsold(f"{held.symbol} could not be sold: carried to the next session")
            return
        self._worker.change(realised_pnl=total([self._life.realised_pnl, result.net_pnl]))
        word = f"sold {held.symbol}: {result.exit_reason}, net {result.net_pnl:+,} won"
        if self._joins_steps:
            self._worker.enter_state(WorkerState.IDLE, word, ended_by=result.exit_reason)
            return
        attributes.show_result(result.exit_reason)
        self._worker.enter_state(WorkerState.IDLE, word)

    @property
    def _life(self) -> WorkerLife:
        return self._worker.life

    @property
    def _is_recovery(self) -> bool:
        """Return whether this worker only sells recovered shares; a process restarts it while any remain."""
        return is_recovery(self._life.worker_id)

    def _may_scan(self) -> bool:
        """Return whether the start of the run may store the wish for an offer, as far as the worker knows."""
        is_closed = self._life.closed_session == session_date_of(self._timer.now())
        return not (self._is_recovery or self._life.paused or self._worker.is_winding_down() or is_closed)

    def _may_enter(self, plan: SessionPlan) -> bool:
        over = self._worker.is_winding_down() or self._entries_are_over(plan)
        return not over and not workflow.info().is_continue_as_new_suggested()

    def _entries_are_over(self, plan: SessionPlan) -> bool:
        return self._timer.now() >= plan.entries_until or self._life.closed_session == plan.session.date

    def _next_intent(self) -> IntentId:
        self._intents += 1
        return intent_id(workflow.info().run_id, self._intents)

    def _scan_pause(self) -> timedelta:
        """Double the pause after each failed candidate list: a failure now is likely to repeat in two seconds."""
        pause = self._life.rules.execution.scan_interval * 2 ** min(self._fruitless, _MOST_DOUBLINGS)
        return self._timer.in_market(pause)


def _named(request: EntryRequest) -> str:
    return ", ".join(candidate.symbol for candidate in request.candidates[:3])
