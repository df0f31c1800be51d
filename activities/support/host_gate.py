"""Why this process must not buy, whatever the books or a workflow's input say, and what it allows at most."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.host_limits import (
    Ceiling,
    HostLimits,
    above,
    capped,
    objection_to_dangers,
    objection_to_money,
    review_within,
)
from domain.identity import Environment
from domain.risk import Denied, EntryProposal, Review, RiskSnapshot, review
from domain.rules import RiskRules, TradingRules
from domain.session import SessionPlan


@dataclass(slots=True)
class HostGate:
    """Shut by duties of the hosting process, each for a reason of its own, and read before each entry is sent."""

    limits: HostLimits | None = None
    """The limits of the process's settings, as recorded in the books. None: a workflow's own rules stand alone."""
    plan_of: Callable[[datetime], SessionPlan] | None = None
    """The host's own deadlines at a market instant. None: those of a workflow's input stand alone."""
    closed_because: str = ""
    """What the disk's duty says; empty while entries may be sent."""
    clock_off: str = ""
    """What the clock's duty says. A process on another machine may lift the fleet's cause, but not this one."""

    @property
    def objection(self) -> str:
        """Return why nothing may be bought; empty while entries may be sent."""
        return self.closed_because or self.clock_off

    @property
    def ceiling(self) -> Ceiling | None:
        """Return the rules that no workflow's may exceed."""
        return None if self.limits is None else self.limits.ceiling

    def capped(self, rules: TradingRules) -> TradingRules:
        """Return a workflow's rules, none of them looser than the host allows."""
        return rules if self.limits is None else capped(rules, self.limits.ceiling)

    def above(self, rules: TradingRules) -> dict[str, str]:
        """Return the rules that are looser than the host allows, with what it allows."""
        return {} if self.limits is None else above(rules, self.limits.ceiling)

    def symbol_cooldown(self, asked: timedelta) -> timedelta:
        """Return how long (market time) a stock rests after a trade: no shorter than the host's settings say."""
        return asked if self.limits is None else max(asked, self.limits.ceiling.risk.symbol_cooldown)

    def review(self, proposal: EntryProposal, snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan) -> Review:
        """Review a buy by the stricter of a workflow's limits and hours and the host's."""
        verdict = self._review(proposal, snapshot, rules, plan)
        if isinstance(verdict, Denied) or self.plan_of is None:
            return verdict
        return self._review(proposal, snapshot, rules, self.plan_of(proposal.at))

    def _review(self, proposal: EntryProposal, snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan) -> Review:
        if self.limits is None:
            return review(proposal, snapshot, rules, plan)
        return review_within(self.limits.ceiling, proposal, snapshot, rules, plan)

    def objection_to(self, rules: TradingRules, environment: Environment) -> Denied | None:
        """Return why real money may not buy by a workflow's rules, None where it may or where the money is not real."""
        without_consent = objection_to_money(environment, self.limits)
        if without_consent is not None or self.limits is None:
            return without_consent
        return objection_to_dangers(environment, rules, self.limits)
