"""Trading worker: its commands, its queries, and its runs; one workflow run is one trade."""

import asyncio
from dataclasses import replace

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.closing import LIQUIDATE_MESSAGE
    from activities.watch.messages import EXIT_MESSAGE, OFFER_MESSAGE, Offer, WatchEnd
    from domain.identity import is_recovery
    from domain.position import ExitReason
    from domain.rules import RiskRules, TradingRules
    from domain.session import SessionDate
    from domain.worker_state import WorkerLife
    from workflows import attributes
    from workflows.commands import Commands, WorkerStatus
    from workflows.market_timer import MarketTimer
    from workflows.trade import Trade


@workflow.defn
class TradingWorkerWorkflow:
    """Runs one trade, then continues as new while flat; one value carries all state to the next run.

    Handlers only set what is wanted; the trade acts on it.
    """

    @workflow.init
    def __init__(self, life: WorkerLife) -> None:
        timer = MarketTimer(life.clock)
        self._commands = Commands(life, timer)
        self._trade = Trade(self._commands, timer)

    @workflow.run
    async def run(self, life: WorkerLife) -> None:
        """Trade until stopped; a cancelled worker sells what it holds and ends as cancelled."""
        trading = asyncio.create_task(self._trade.play())
        cancelled: asyncio.CancelledError | None = None
        try:
            await asyncio.shield(trading)
        except asyncio.CancelledError as error:
            cancelled = error
            self._commands.wind_down()
            await trading
        await self._trade.collect()
        self._commands.finish()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if cancelled is not None and workflow.patched("ends-as-cancelled"):
            raise cancelled
        life = self._commands.life
        if not life.stopping and not is_recovery(life.worker_id):
            next_life = replace(life, cycles=life.cycles + 1)
            workflow.continue_as_new(
                next_life,
                search_attributes=attributes.at_start(next_life.worker_id),
                initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE,
            )

    @workflow.update(description="Stop new entries; held shares stay watched.")
    def pause(self) -> WorkerStatus:
        """Stop entering."""
        return self._commands.pause()

    @workflow.update(description="Allow new entries again.")
    def resume(self) -> WorkerStatus:
        """Undo a pause."""
        return self._commands.resume()

    @workflow.update(description="Sell held shares now and pause; returns when flat, or with the reason why not.")
    async def liquidate(self, reason: ExitReason) -> WorkerStatus:
        """Sell at once; no entry follows until ``resume``."""
        return await self._commands.liquidate(reason)

    @workflow.update(
        description="Sell held shares, then end this worker; returns when flat, or with the reason why not."
    )
    async def stop(self) -> WorkerStatus:
        """Wind down permanently."""
        return await self._commands.stop()

    @workflow.update(description="Change trading rules; effective from the next decision.")
    def change_rules(self, changes: dict[str, str]) -> WorkerStatus:
        """Replace named rules, such as ``exits.stop_loss``, all or none.

        Only the validator refuses; a replay skips it, and must accept what an earlier version accepted.
        """
        return self._commands.change_rules(changes)

    @pause.validator
    @resume.validator
    def _refuse_while_stopping(self) -> None:
        self._commands.refuse_while_stopping()

    @stop.validator
    def _refuse_no_stop(self) -> None:
        """Register a validator, so that `sealing/guard.py` can refuse before it and before anything is written."""

    @liquidate.validator
    def _refuse_no_sale(self, reason: ExitReason) -> None:
        """Register a validator for the same reason."""

    @change_rules.validator
    def _refuse_bad_rules(self, changes: dict[str, str]) -> None:
        self._commands.refuse_bad_rules(changes)

    @workflow.signal(name=LIQUIDATE_MESSAGE, description="The market close sells everything.")
    def liquidate_for_close(self, session_date: SessionDate) -> None:
        """Sell the position; no entry follows in this session. Ignore a signal of an earlier day."""
        self._commands.liquidate_for_close(session_date)

    @workflow.signal(name=EXIT_MESSAGE, description="The market watch has a reason to sell, or has lost the lease.")
    def end_watch(self, end: WatchEnd) -> None:
        """Sell the position that the watch names; ignore one that is not held."""
        self._trade.end_watch(end)

    @workflow.signal(name=OFFER_MESSAGE, description="The market watch has found candidates, or a lost position.")
    def take_offer(self, offer: Offer) -> None:
        """Look at what is offered; ignore an offer for an earlier scan."""
        self._trade.take_offer(offer)

    @workflow.query(description="Limits in force for this worker's entries.")
    def risk_rules(self) -> RiskRules:
        """Return the limits that are effective now: no looser than the host's."""
        return self._commands.risk_rules()

    @workflow.query(description="Trading rules of this worker.")
    def trading_rules(self) -> TradingRules:
        """Return the rules that are effective now."""
        return self._commands.life.rules

    @workflow.query(description="Trading rules that the held position is watched under.")
    def watched_rules(self) -> TradingRules | None:
        """Return the rules that the watch started with; None while no position is watched."""
        return self._commands.watched_rules

    @workflow.query(description="Current state of this worker.")
    def status(self) -> WorkerStatus:
        """Return a summary of the worker's state."""
        return self._commands.status()
