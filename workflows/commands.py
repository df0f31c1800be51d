"""Commands from operators and the market close to a trading worker, and its status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
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
    from workflows.market_timer import MarketTimer

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


class Commands:
    """What operators and the market close want of a worker, and what the worker shows them."""

    def __init__(self, life: WorkerLife, timer: MarketTimer) -> None:
        self.life = life
        self.sell_because: ExitReason | None = None
        self.ceiling: Ceiling | None = None
        """Limits of the host, read at the start of the run."""
        self.watched_rules: TradingRules | None = None
        """Rules that the watch of this run's position started with; later changes do not reach it."""
        self._timer = timer
        self._state = WorkerState.IDLE
        self._symbol = ""
        self._words: list[str] = []
        self._is_trading = True
        self._unsold = ""

    # --- Commands

    def pause(self) -> WorkerStatus:
        """Stop entering."""
        return self._once(lambda: self.change(paused=True))

    def resume(self) -> WorkerStatus:
        """Undo a pause."""
        return self._once(lambda: self.change(paused=False))

    async def liquidate(self, reason: ExitReason) -> WorkerStatus:
        """Sell at once, and reply when the run's trade is over."""
        self._once(lambda: self._order_sale(reason))
        await workflow.wait_condition(lambda: not self._is_trading)
        return self.status()

    async def stop(self) -> WorkerStatus:
        """End the worker after this run's trade, and reply when it is over."""
        self._once(lambda: self.change(stopping=True))
        if self._is_trading and workflow.patched("stop-answers-when-flat"):
            await workflow.wait_condition(lambda: not self._is_trading)
        return self.status()

    def change_rules(self, changes: Mapping[str, str]) -> WorkerStatus:
        """Replace named rules."""
        return self._once(lambda: self.change(rules=accepted(self.life.rules, changes)))

    def liquidate_for_close(self, session_date: SessionDate) -> None:
        """Sell the position; no entry follows in this session. Ignore a signal of an earlier day."""
        if session_date < session_date_of(self._timer.now()):
            self.say(f"ignored the close of {session_date}: that session is over")
            return
        self.change(closed_session=session_date)
        self.sell_because = ExitReason.DEADLINE

    def refuse_while_stopping(self) -> None:
        """Raise an error if the worker is stopping."""
        if self.life.stopping:
            raise ApplicationError(f"{self.life.worker_id} is stopping", type="WorkerStopping", non_retryable=True)

    def refuse_bad_rules(self, changes: Mapping[str, str]) -> None:
        """Raise an error if the rules cannot be changed so."""
        try:
            self._require_allowed(tradable(changed(self.life.rules, changes), changes), changes)
        except BadRulesError as error:
            raise ApplicationError(str(error), type=BadRulesError.__name__, non_retryable=True) from None

    def _require_allowed(self, rules: TradingRules, changes: Mapping[str, str]) -> None:
        """Refuse changes beyond the host's settings; they would have no effect, since each buy is capped anyway."""
        looser = {} if self.ceiling is None else above(rules, self.ceiling)
        problems = [
            f"{name}={changes[name]}: looser than this host allows; stay within {setting_name(name)}={allowed},"
            " or change that setting and restart worker.py"
            for name, allowed in looser.items()
            if name in changes
        ]
        if problems:
            raise BadRulesError("; ".join(problems))

    def _once(self, act: Callable[[], None]) -> WorkerStatus:
        """Execute a command unless an earlier run has already executed one with the same id."""
        update = workflow.current_update_info()
        if update is None or update.id in self.life.handled_commands:
            return self.status()
        act()
        self.change(handled_commands=(*self.life.handled_commands, update.id)[-_REMEMBERED_COMMANDS:])
        self.say(f"operator: {update.name}")
        return self.status()

    def _order_sale(self, reason: ExitReason) -> None:
        self.change(paused=True)
        self.sell_because = reason

    # --- The worker's own changes

    def change(self, **changes: Any) -> None:
        """Replace parts of the state that the next run gets."""
        self.life = replace(self.life, **changes)

    def wind_down(self) -> None:
        """Note a cancellation: sell, then end."""
        self.change(stopping=True)
        self.say("cancelled: selling held shares, then ending")

    def is_winding_down(self) -> bool:
        """Return whether held shares are to be sold, and nothing is to be bought."""
        return self.life.stopping or self.sell_because is not None

    def finish(self) -> None:
        """Note that the run's trade is over: waiting commands reply."""
        self.sell_because, self._is_trading = None, False

    # --- What it shows

    def status(self) -> WorkerStatus:
        """Return a summary of the worker's state."""
        return WorkerStatus(
            worker_id=self.life.worker_id,
            state=self._state,
            symbol=self._symbol,
            paused=self.life.paused,
            stopping=self.life.stopping,
            rules_version=self.life.rules.version,
            cycles=self.life.cycles,
            realised_pnl=self.life.realised_pnl,
            last_word=self._words[-1] if self._words else "",
            unsold=self._unsold,
        )

    def risk_rules(self) -> RiskRules:
        """Return the limits that are effective now: no looser than the host's."""
        rules = self.life.rules.risk
        return rules if self.ceiling is None else capped_risk(rules, self.ceiling.risk)

    def enter_state(self, state: WorkerState, word: str, symbol: str = "", ended_by: ExitReason | None = None) -> None:
        """Show a new state of the worker, and why the trade ended that it ends."""
        if state is not self._state or symbol != self._symbol:
            attributes.show_state(state, ended_by)
        self._state, self._symbol = entered(self._state, state), symbol
        self.say(word)

    def leave_unsold(self, why: str) -> None:
        """Show why the worker still holds shares, or why another process sells them."""
        self._unsold = why
        self.say(why)

    def say(self, word: str) -> None:
        """Add a line to the current details."""
        self._words = [*self._words, f"{in_seoul(self._timer.now()):%H:%M:%S} {word}"][-_REMEMBERED_WORDS:]
        workflow.set_current_details(self._details())

    def _details(self) -> str:
        life = self.life
        head = f"**{life.worker_id}** · {self._state}{' ' + self._symbol if self._symbol else ''}"
        flags = " · paused" * life.paused + " · stopping" * life.stopping
        figures = f"{life.cycles} earlier runs · net {life.realised_pnl:+,} won · rules v{life.rules.version}"
        return "\n\n".join([head + flags, figures, *(f"- {word}" for word in reversed(self._words))])
