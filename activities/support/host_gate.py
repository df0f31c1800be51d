"""The process's own reasons against entries, and its limits, independent of the ledger and of workflow input."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.capacity import PriceSupply, objection_to_one_more
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
from domain.risk import Denied, EntryProposal, Review, RiskSnapshot, review, standing_denial
from domain.rules import ExecutionRules, RiskRules, TradingRules
from domain.session import SessionPlan


@dataclass(slots=True)
class HostGate:
    """Closed by duties of the hosting process, each with its own reason; checked before each entry is sent."""

    limits: HostLimits | None = None
    """Limits of the process's settings, as recorded in the database. None: only a workflow's own rules apply."""
    plan_of: Callable[[datetime], SessionPlan] | None = None
    """The host's own deadlines at a market instant. None: only those of a workflow's input apply."""
    supply: PriceSupply | None = None
    """The sources of prices. None: the number of held stocks is not limited by them."""
    closed_because: str = ""
    """Reason of the disk duty; empty while entries may be sent."""
    clock_off: str = ""
    """Reason of the clock duty. A process on another machine can lift the fleet's cause, but not this one."""

    database_full: str = ""
    """Reason of the outage duty: PostgreSQL, wherever it runs, has refused a write for want of room."""

    @property
    def objection(self) -> str:
        """Return why nothing may be bought; empty while entries may be sent."""
        return self.closed_because or self.database_full or self.clock_off

    @property
    def ceiling(self) -> Ceiling | None:
        """Return the rules that no workflow may exceed."""
        return None if self.limits is None else self.limits.ceiling

    def capped(self, rules: TradingRules) -> TradingRules:
        """Return a workflow's rules, none of them looser than the host allows."""
        return rules if self.limits is None else capped(rules, self.limits.ceiling)

    def above(self, rules: TradingRules) -> dict[str, str]:
        """Return the rules that are looser than the host allows, with the allowed values."""
        return {} if self.limits is None else above(rules, self.limits.ceiling)

    def symbol_cooldown(self, asked: timedelta) -> timedelta:
        """Return a stock's cooldown after a trade (market time), at least that of the host's settings."""
        return asked if self.limits is None else max(asked, self.limits.ceiling.risk.symbol_cooldown)

    def review(self, proposal: EntryProposal, snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan) -> Review:
        """Review a buy by the stricter of a workflow's limits and hours and the host's."""
        verdict = self._review(proposal, snapshot, rules, plan)
        if not isinstance(verdict, Denied) and self.plan_of is not None:
            verdict = self._review(proposal, snapshot, rules, self.plan_of(proposal.at))
        if isinstance(verdict, Denied) or self.limits is None:
            return verdict
        return self.objection_to_one_more(self.limits.ceiling.execution, snapshot) or verdict

    def objection_to_one_more(self, rules: ExecutionRules, snapshot: RiskSnapshot) -> Denied | None:
        """Return why held prices would get too old with another position; None if there is room."""
        return None if self.supply is None else objection_to_one_more(self.supply, rules, snapshot)

    def standing_denial(
        self, snapshot: RiskSnapshot, rules: TradingRules, plan: SessionPlan, at: datetime
    ) -> Denied | None:
        """Return why no stock may be bought at a market instant, or None when a buy may be proposed."""
        shut = standing_denial(snapshot, rules.risk, plan, at)
        return shut or self.objection_to_one_more(self.capped(rules).execution, snapshot)

    def _review(self, proposal: EntryProposal, snapshot: RiskSnapshot, rules: RiskRules, plan: SessionPlan) -> Review:
        if self.limits is None:
            return review(proposal, snapshot, rules, plan)
        return review_within(self.limits.ceiling, proposal, snapshot, rules, plan)

    def objection_to(self, rules: TradingRules, environment: Environment) -> Denied | None:
        """Return why a workflow's rules may not buy with real money; None if they may, or without real money."""
        without_consent = objection_to_money(environment, self.limits)
        if without_consent is not None or self.limits is None:
            return without_consent
        return objection_to_dangers(environment, rules, self.limits)
