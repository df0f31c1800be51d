"""The rules that each worker follows, with the source of each value; checks of changes before they are sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from domain.identity import WorkerId
from domain.position import OpenPosition
from domain.rule_changes import EARLIER_NAMES, changed, setting_name, value_text
from domain.rules import TradingRules
from fleet.asked_rules import trading_rules_of, watched_rules_of
from fleet.errors import OperationError
from fleet.fleet import Fleet
from strategies import all_rule_values, known
from strategies.catalogue import bounds_of_rule

STOP: Final = "exits.stop_loss"
_OF_A_WATCH: Final = ("execution.price_interval", "execution.greatest_quote_age")
"""Rules that a watch uses besides the exits and its strategy's parameters."""
KEPT: Final = (
    "A held position keeps the exit rules it was bought under.",
    "Its watch keeps the strategy's parameters, price_interval, greatest_quote_age.",
    "Every other change is effective at once.",
)
OF_A_WORKER: Final = "worker: changed by `rules`, or started with other settings"
NO_STOP: Final = f"{STOP}=0% switches the stop off: a losing position is not sold by its loss"


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """One rule of a worker: its value, where it comes from, and the value that the held position uses if it differs."""

    name: str
    value: str
    source: str
    bounds: str = ""
    """What a strategy's parameter may be."""
    held: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """The rules of a worker. ``own`` is None if it does not answer; ``watched`` are those of its position's watch."""

    worker_id: WorkerId
    configured: TradingRules
    own: TradingRules | None = None
    position: OpenPosition | None = None
    watched: TradingRules | None = None

    def in_force(self) -> tuple[RuleInForce, ...]:
        """Return every rule of the worker."""
        defaults, settings = all_rule_values(TradingRules()), all_rule_values(self.configured)
        values = settings if self.own is None else all_rule_values(self.own)
        held = self._held()
        return tuple(
            RuleInForce(
                name,
                value_text(name, value),
                _source(name, value, settings.get(name), defaults.get(name)),
                bounds_of_rule(name),
                held.get(name) if held.get(name) != value_text(name, value) else None,
            )
            for name, value in values.items()
        )

    def _held(self) -> dict[str, str]:
        """Return what the held position uses: its exit rules by the books, the rest by its watch."""
        if self.position is None:
            return {}
        rules = replace(self.watched or self.own or self.configured, exits=self.position.exit_rules)
        begun = ("exits.", *_OF_A_WATCH, f"strategy.{self.position.strategy.name}.")
        used = begun if self.watched is not None else begun[:1]
        values = all_rule_values(rules).items()
        return {name: value_text(name, value) for name, value in values if name.startswith(used)}


def _source(name: str, value: object, configured: object, default: object) -> str:
    if configured is None:
        return "worker: a parameter of a strategy that is not known here"
    if value != configured:
        return OF_A_WORKER
    return "default" if value == default else f"setting {setting_name(name)}"


async def read_rules(fleet: Fleet, workers: Sequence[WorkerId], configured: TradingRules) -> tuple[WorkerRules, ...]:
    """Read the rules of each worker from itself, and those of its held position from the books and its watch."""
    held = {position.worker_id: position for position in await fleet.database.positions.held_in(fleet.account_id)}

    async def read(worker_id: WorkerId) -> WorkerRules:
        own, position = await trading_rules_of(fleet, worker_id), held.get(worker_id)
        watched = None if own is None or position is None else await watched_rules_of(fleet, worker_id)
        return WorkerRules(worker_id, configured, own, position, watched)

    return tuple(await asyncio.gather(*map(read, workers)))


def refuse_unknown(changes: Mapping[str, str]) -> None:
    """Refuse names that are no rules.

    Raises:
        OperationError: there is one; the text has the nearest name.
    """
    names = list(all_rule_values(TradingRules()))
    for name in changes:
        if name not in names and name not in EARLIER_NAMES and not _is_of_unknown_strategy(name):
            near = get_close_matches(name[:100].lower(), names, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]}?" if near else "`starter.py rules` lists the names."
            raise OperationError(f"{name[:100]} is not a rule; {advice} Nothing was changed")


def _is_of_unknown_strategy(name: str) -> bool:
    """Return whether a rule may be a parameter that only the hosts know; they check it."""
    group, _, parameter = name.partition(".")
    strategy, _, _ = parameter.partition(".")
    return group == "strategy" and parameter.count(".") == 1 and not get_close_matches(strategy, known().strategies)


def switches_the_stop_off(changes: Mapping[str, str]) -> bool:
    """Return whether changes turn the stop-loss off."""
    text = changes.get(STOP)
    return text is not None and not changed(TradingRules(), {STOP: text}).exits.stop_loss
