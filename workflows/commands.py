"""Commands from operators and the market close to a trading worker, and its status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.closing import LIQUIDATE_MESSAGE
    from domain.clock import in_seoul
    from domain.errors import BadRulesError
    from domain.host_limits import Ceiling, above, capped_risk
    from domain.identity import WorkerId
    from domain.money import Won
    from domain.position import ExitReason
    from domain.rule_changes import accepted, changed, setting_name
    from domain.rules import RiskRules, TradingRules
    from domain.session import SessionDate, session_date_of
    from domain.worker_state import WorkerLife, WorkerState, entered
    from strategies import tradable
    from workflows import attributes

_REMEMBERED_COMMANDS = 50
_REMEMBERED_WORDS = 8


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A trading worker's reply to a command or query. Net won since its first start.

    ``liquidate`` and ``stop`` reply when the worker no longer sells. ``unsold`` says why it then still holds shares, or
    why another process sells them; the ledger has the number.
    """

    worker_id: WorkerId
    state: WorkerState
    symbol: str
    paused: bool
    stopping: bool
    rules_version: int
    cycles: int
    realised_pnl: Won
    last_word: str
    unsold: str = ""


class CommandedWorkflow:
    """Handlers only set what is wanted; the main loop acts on it."""

    def __init__(self, life: WorkerLife) -> None:
        self._life = life
        self._state = WorkerState.IDLE
        self._symbol = ""
        self._words: list[str] = []
        self._sell_because: ExitReason | None = None
        self._hands_full = True
        self._unsold = ""
        self._watchers: list[workflow.ActivityHandle[Any]] = []
        self._ceiling: Ceiling | None = None
        """Limits of the host, read at the start of the run."""

    @workflow.update(description="Stop new entries; held shares stay watched.")
    def pause(self) -> WorkerStatus:
        """Stop entering."""
        return self._once(lambda: self._change(paused=True))

    @workflow.update(description="Allow new entries again.")
    def resume(self) -> WorkerStatus:
        """Undo a pause."""
        return self._once(lambda: self._change(paused=False))

    @workflow.update(description="Sell held shares now and pause; returns when flat, or with the reason why not.")
    async def liquidate(self, reason: ExitReason) -> WorkerStatus:
        """Sell at once; no entry follows until ``resume``."""
        self._once(lambda: self._order_sale(reason))
        await workflow.wait_condition(lambda: not self._hands_full)
        return self.status()

    @workflow.update(
        description="Sell held shares, then end this worker; returns when flat, or with the reason why not."
    )
    async def stop(self) -> WorkerStatus:
        """Wind down permanently."""
        self._once(lambda: self._change(stopping=True))
        if self._hands_full and workflow.patched("stop-answers-when-flat"):
            await workflow.wait_condition(lambda: not self._hands_full)
        return self.status()

    @workflow.update(description="Change trading rules; effective from the next decision.")
    def change_rules(self, changes: dict[str, str]) -> WorkerStatus:
        """Replace named rules, such as ``exits.stop_loss``, all or none.

        Only the validator refuses; a replay skips it, and must accept what an earlier version accepted.
        """
        return self._once(lambda: self._change(rules=accepted(self._life.rules, changes)))

    @pause.validator
    @resume.validator
    def _refuse_while_stopping(self) -> None:
        if self._life.stopping:
            raise ApplicationError(f"{self._life.worker_id} is stopping", type="WorkerStopping", non_retryable=True)

    @stop.validator
    def _refuse_no_stop(self) -> None:
        """Register a validator, so that `sealing/guard.py` can refuse before it and before anything is written."""

    @liquidate.validator
    def _refuse_no_sale(self, reason: ExitReason) -> None:
        """Register a validator for the same reason."""

    @change_rules.validator
    def _refuse_bad_rules(self, changes: dict[str, str]) -> None:
        try:
            self._require_allowed(tradable(changed(self._life.rules, changes), changes), changes)
        except BadRulesError as error:
            raise ApplicationError(str(error), type=BadRulesError.__name__, non_retryable=True) from None

    def _require_allowed(self, rules: TradingRules, changes: Mapping[str, str]) -> None:
        """Refuse changes beyond the host's settings; they would have no effect, since each buy is capped anyway."""
        looser = {} if self._ceiling is None else above(rules, self._ceiling)
        problems = [
            f"{name}={changes[name]}: looser than this host allows; stay within {setting_name(name)}={allowed},"
            " or change that setting and restart worker.py"
            for name, allowed in looser.items()
            if name in changes
        ]
        if problems:
            raise BadRulesError("; ".join(problems))

    @workflow.signal(name=LIQUIDATE_MESSAGE, description="The market close sells everything.")
    def liquidate_for_close(self, session_date: SessionDate) -> None:
        """Sell the position; no entry follows in this session. Ignore a signal of an earlier day."""
        if session_date < session_date_of(self._now()):
            self._say(f"ignored the close of {session_date}: that session is over")
            return
        self._life = replace(self._life, closed_session=session_date)
        self._sell_because = ExitReason.DEADLINE

    @workflow.query(description="Limits in force for this worker's entries.")
    def risk_rules(self) -> RiskRules:
        """Return the limits that are effective now: no looser than the host's."""
        rules = self._life.rules.risk
        return rules if self._ceiling is None else capped_risk(rules, self._ceiling.risk)

    @workflow.query(description="Trading rules of this worker.")
    def trading_rules(self) -> TradingRules:
        """Return the rules that are effective now."""
        return self._life.rules

    @workflow.query(description="Current state of this worker.")
    def status(self) -> WorkerStatus:
        """Return a summary of the worker's state."""
        return WorkerStatus(
            worker_id=self._life.worker_id,
            state=self._state,
            symbol=self._symbol,
            paused=self._life.paused,
            stopping=self._life.stopping,
            rules_version=self._life.rules.version,
            cycles=self._life.cycles,
            realised_pnl=self._life.realised_pnl,
            last_word=self._words[-1] if self._words else "",
            unsold=self._unsold,
        )

    def _once(self, act: Callable[[], None]) -> WorkerStatus:
        """Execute a command unless an earlier run has already executed one with the same id."""
        update = workflow.current_update_info()
        if update is None or update.id in self._life.handled_commands:
            return self.status()
        act()
        handled = (*self._life.handled_commands, update.id)[-_REMEMBERED_COMMANDS:]
        self._life = replace(self._life, handled_commands=handled)
        self._say(f"operator: {update.name}")
        return self.status()

    def _change(self, **changes: Any) -> None:
        self._life = replace(self._life, **changes)

    def _order_sale(self, reason: ExitReason) -> None:
        self._life = replace(self._life, paused=True)
        self._sell_because = reason

    def _wind_down(self) -> None:
        self._life = replace(self._life, stopping=True)
        self._say("cancelled: selling held shares, then ending")

    def _is_winding_down(self) -> bool:
        return self._life.stopping or self._sell_because is not None

    def _enter_state(self, state: WorkerState, word: str, symbol: str = "") -> None:
        if state is not self._state or symbol != self._symbol:
            attributes.show_state(state, symbol or None)
        self._state, self._symbol = entered(self._state, state), symbol
        self._say(word)

    def _leave_unsold(self, why: str) -> None:
        self._unsold = why
        self._say(why)

    def _say(self, word: str) -> None:
        self._words = [*self._words, f"{in_seoul(self._now()):%H:%M:%S} {word}"][-_REMEMBERED_WORDS:]
        workflow.set_current_details(self._details())

    def _details(self) -> str:
        life = self._life
        head = f"**{life.worker_id}** · {self._state}{' ' + self._symbol if self._symbol else ''}"
        flags = " · paused" * life.paused + " · stopping" * life.stopping
        figures = f"{life.cycles} earlier runs · net {life.realised_pnl:+,} won · rules v{life.rules.version}"
        return "\n\n".join([head + flags, figures, *(f"- {word}" for word in reversed(self._words))])

    def _now(self) -> datetime:
        return self._life.clock.market_time(workflow.now())

    def _in_market(self, real: timedelta) -> timedelta:
        return self._life.clock.market_duration(real)

    async def _until(self, condition: Callable[[], bool], market_instant: datetime) -> bool:
        """Wait for a condition; return False when the market reaches the instant first."""
        left = self._life.clock.real_time(market_instant) - workflow.now()
        if condition() or left <= timedelta(0):
            return condition()
        try:
            until = f"until {in_seoul(market_instant):%m-%d %H:%M:%S} KST"
            await workflow.wait_condition(condition, timeout=left, timeout_summary=until)
        except TimeoutError:
            return False
        return True

    async def _collect_watchers(self) -> None:
        """Await cancelled watchers after the sale, so that none outlives its run."""
        for watcher in self._watchers:
            await collected(watcher)
        self._watchers = []


async def collected(activity: "workflow.ActivityHandle[Any]") -> None:
    """Wait for a cancelled activity and discard its outcome; raise errors other than ActivityError.

    An activity cancelled before it was scheduled does not even raise an ActivityError.
    """
    await workflow.wait([activity])
    error = None if activity.cancelled() else activity.exception()
    if isinstance(error, ActivityError):
        workflow.logger.debug("activity_collected", extra={"cause": str(error.cause)})
    elif error is not None:
        raise error
