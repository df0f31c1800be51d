"""The limits of a hosting process, whatever a workflow's input contains, and its consent to real money."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from domain.dangers import Danger, dangers_of_rules
from domain.identity import Environment
from domain.market import Symbol
from domain.risk import Denial, Denied, EntryProposal, Review, RiskSnapshot, review
from domain.rule_changes import accepted, rule_values, value_text
from domain.rules import ExecutionRules, RiskRules, TradingRules, UniverseRules
from domain.session import SessionPlan

_Group = TypeVar("_Group", RiskRules, ExecutionRules)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The rules of a host that limit buys; a workflow's own rules may only be stricter."""

    universe: UniverseRules
    risk: RiskRules
    execution: ExecutionRules


@dataclass(frozen=True, slots=True)
class HostLimits:
    """A hosting process's limits. ``number`` is their row in the database, None before they are recorded."""

    ceiling: Ceiling
    live_consent: bool
    """Whether the host's settings contain everything that real money requires."""
    accepted_dangers: frozenset[Danger]
    liquidation_lead: timedelta
    """Market time before the session's end at which the fleet sells at the latest."""
    number: int | None = None


def _own(own: Any, _hosts: Any) -> Any:
    return own


def _lower_unless_off(own: int, hosts: int) -> int:
    """Return the lower of two limits; 0 means off."""
    return min(own, hosts) if own > 0 and hosts > 0 else max(own, hosts)


STRICTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "risk.capital_per_trade": min,
    "risk.worker_daily_loss": min,
    "risk.fleet_daily_loss": min,
    "risk.trades_per_worker": min,
    "risk.cooldown_after_loss": max,
    "risk.losses_in_a_row": _lower_unless_off,
    "risk.cooldown_after_streak": max,
    "risk.give_back_from": _lower_unless_off,
    "risk.give_back_share": min,
    "risk.symbol_cooldown": max,
    "risk.slippage_allowance": min,  # a stock that has moved further than this since the scan is not bought
    "execution.greatest_quote_age": min,
    "execution.entry_ticks": min,
    # The rest sets polling intervals, the entry timeout and how shares are sold: none of it limits a buy.
    "execution.scan_interval": _own,
    "execution.price_interval": _own,
    "execution.entry_timeout": _own,
    "execution.exit_reprice": _own,
    "execution.exit_ticks": _own,
    "execution.exit_limit_attempts": _own,
    "execution.after_market": _own,
}
"""The function that returns the stricter of two values, the workflow's first; covers every risk and execution rule."""
_GUARDS: Final = {"risk.give_back_share": "give_back_from", "risk.cooldown_after_streak": "losses_in_a_row"}
"""Rules that have no meaning while another rule is 0: such a side is ignored."""

_OURS: Final = "this host's limit"


def ceiling_of(rules: TradingRules) -> Ceiling:
    """Return the ceiling that rules define."""
    return Ceiling(rules.universe, rules.risk, rules.execution)


def capped(rules: TradingRules, ceiling: Ceiling) -> TradingRules:
    """Return the stricter of both for each rule that limits buys; other rules stay the workflow's."""
    return replace(
        rules,
        universe=_universe(rules.universe, ceiling.universe),
        risk=capped_risk(rules.risk, ceiling.risk),
        execution=_stricter("execution", rules.execution, ceiling.execution),
    )


def capped_risk(own: RiskRules, hosts: RiskRules) -> RiskRules:
    """Return the stricter of both for each limit."""
    return _stricter("risk", own, hosts)


def above(rules: TradingRules, ceiling: Ceiling) -> dict[str, str]:
    """Return the rules that are looser than a host allows, by dotted name, with the host's value as text."""
    own, allowed = rule_values(rules), rule_values(capped(rules, ceiling))
    return {name: value_text(name, value) for name, value in allowed.items() if value != own[name]}


def allowed_symbols(universe: UniverseRules) -> frozenset[Symbol] | None:
    """Return the only stocks that may be bought; None if the ranking is open, so that any stock may."""
    return None if universe.ranking_size > 0 else frozenset(universe.symbols)


def review_within(
    ceiling: Ceiling, proposal: EntryProposal, snapshot: RiskSnapshot, own: RiskRules, plan: SessionPlan
) -> Review:
    """Review a buy by the stricter of the workflow's and host's limits; a denial states if only the host objects."""
    verdict = review(proposal, snapshot, capped_risk(own, ceiling.risk), plan)
    if isinstance(verdict, Denied):
        only_the_host = not isinstance(review(proposal, snapshot, own, plan), Denied)
        return replace(verdict, detail=f"{verdict.detail} · {_OURS}") if only_the_host else verdict
    allowed = allowed_symbols(ceiling.universe)
    if allowed is not None and proposal.symbol not in allowed:
        return Denied(Denial.SYMBOL_NOT_ALLOWED, f"{proposal.symbol} is not among the stocks of this host's settings")
    return verdict


def objection_to_money(environment: Environment, limits: HostLimits | None) -> Denied | None:
    """Return why a host may not buy in an environment, None if it may; without limits there is no consent."""
    if environment is Environment.LIVE and (limits is None or not limits.live_consent):
        return Denied(Denial.LIVE_NOT_CONFIRMED, "this host's settings do not confirm trading with real money")
    return None


def objection_to_dangers(environment: Environment, rules: TradingRules, limits: HostLimits) -> Denied | None:
    """Return the dangers in a workflow's rules that a live host has not accepted, None if it may buy.

    Only the rules after the host's ceiling count.
    """
    if environment is not Environment.LIVE:
        return None
    dangers = dangers_of_rules(capped(rules, limits.ceiling), limits.liquidation_lead)
    left = [f"{danger.value}: {why}" for danger, why in dangers.items() if danger not in limits.accepted_dangers]
    return Denied(Denial.DANGER_NOT_ACCEPTED, "; ".join(left)) if left else None


def as_texts(ceiling: Ceiling) -> dict[str, str]:
    """Return a ceiling as stored: each rule by dotted name, in the format of the settings."""
    rules = TradingRules(universe=ceiling.universe, risk=ceiling.risk, execution=ceiling.execution)
    kept = ("universe.", "risk.", "execution.")
    return {name: value_text(name, value) for name, value in rule_values(rules).items() if name.startswith(kept)}


def from_texts(texts: Mapping[str, str]) -> Ceiling:
    """Read a stored ceiling; rules that this version does not know are skipped."""
    known = rule_values(TradingRules())
    return ceiling_of(accepted(TradingRules(), {name: text for name, text in texts.items() if name in known}))


def _universe(own: UniverseRules, hosts: UniverseRules) -> UniverseRules:
    allowed = allowed_symbols(hosts)
    if allowed is None:
        return replace(own, ranking_size=min(own.ranking_size, hosts.ranking_size))
    if own.ranking_size > 0:
        return hosts
    return replace(own, symbols=tuple(symbol for symbol in own.symbols if symbol in allowed))


def _stricter(group: str, own: _Group, hosts: _Group) -> _Group:
    named = {rule.name: _stricter_of(f"{group}.{rule.name}", own, hosts) for rule in fields(own)}
    with_values: Callable[..., _Group] = replace
    return with_values(own, **named)


def _stricter_of(rule: str, own: _Group, hosts: _Group) -> Any:
    name = rule.partition(".")[2]
    mine, theirs = getattr(own, name), getattr(hosts, name)
    if guard := _GUARDS.get(rule):
        if getattr(hosts, guard) <= 0:
            return mine
        if getattr(own, guard) <= 0:
            return theirs
    return STRICTER[rule](mine, theirs)
