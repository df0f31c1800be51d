"""The rules in force of each worker: value, source, and what a held position still uses instead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

from rich.cells import cell_len

from domain.identity import WorkerId
from domain.position import OpenPosition
from domain.rule_changes import setting_name, value_text
from domain.rules import TradingRules
from reporting.spoken import padded, say
from strategies import all_rule_values
from strategies.catalogue import bounds_of_rule

_WIDTH: Final = 80
_WIDEST: Final = 24
"""Characters of the column of values. A longer list stands on lines of its own."""
_OF_A_WATCH: Final = ("execution.price_interval", "execution.greatest_quote_age")
"""Rules that a watch uses besides the exits and its strategy's parameters."""
_KEPT: Final = (
    "A held position keeps the exit rules it was bought under.",
    "Its watch keeps the strategy's parameters, price_interval, greatest_quote_age.",
    "Every other change is effective at once.",
)
_WORKER: Final = "worker: changed by `rules`, or started with other settings"


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
        return _WORKER
    return "default" if value == default else f"setting {setting_name(name)}"


def rules_lines(workers: Sequence[WorkerRules]) -> Iterator[str]:
    """Yield lines of 80 columns. Workers with the same rules share one list."""
    lists: dict[tuple[RuleInForce, ...], list[WorkerRules]] = {}
    for each in workers:
        lists.setdefault(each.in_force(), []).append(each)
    for rules, sharing in lists.items():
        for worker in sharing:
            yield from _heading(worker, rules)
        for _, group in groupby(rules, key=lambda each: each.name.partition(".")[0]):
            yield from _group_lines(sorted(group, key=_by_strategy))
    named = {each.source.split()[0]: each.source for rules in lists for each in rules}
    if "setting" in named:
        yield f"setting: such as {named['setting'].split()[1]}"
    if any(each.source == _WORKER for rules in lists for each in rules):
        yield _WORKER
    if any(worker.position is not None for worker in workers):
        yield from _KEPT


def _by_strategy(rule: RuleInForce) -> str:
    return rule.name if rule.name.count(".") > 1 else ""


def _heading(worker: WorkerRules, rules: Sequence[RuleInForce]) -> Iterator[str]:
    own, position = worker.own, worker.position
    state = "does not answer; the settings here are" if own is None else f"rules version {own.version}"
    yield f"{worker.worker_id}: {state}"
    if position is not None:
        count = sum(each.held is not None for each in rules)
        differ = f"{count} of its rules differ (held)" if count else "its rules are the same"
        bought = f"holds {position.symbol} ×{position.quantity:,}, bought under version {position.rules_version}"
        yield f"  {bought}; {differ}"


def _group_lines(rules: Sequence[RuleInForce]) -> Iterator[str]:
    names = max(len(each.name) for each in rules)
    values = [say("none") if not each.value else each.value for each in rules]
    width = max((cell_len(value) for value in values if cell_len(value) <= _WIDEST), default=0)
    for each, value in zip(rules, values, strict=True):
        is_long = cell_len(value) > _WIDEST
        line = f"  {each.name:<{names}}  {padded('' if is_long else value, width)}  {_kind(each)}"
        below = [f"      {part}" for part in wrap(value.replace(",", ", "), _WIDTH - 6)] if is_long else []
        for note in _notes(each):
            if cell_len(line) + 1 + cell_len(note) <= _WIDTH and not below:
                line += f" {note}"
            else:
                below.append(f"      {note}")
        yield from (line, *below)


def _notes(rule: RuleInForce) -> Iterator[str]:
    if rule.bounds:
        yield f"({say(rule.bounds)})"
    if rule.held is not None:
        yield f" {say('held')}: {rule.held}"


def _kind(rule: RuleInForce) -> str:
    """Return the source in one word; the lines below the rules explain it."""
    return say(rule.source.partition(" ")[0].rstrip(":"))


def rules_json(worker: WorkerRules) -> dict[str, Any]:
    """Return a worker's rules as JSON values."""
    own, position = worker.own, worker.position
    return {
        "worker_id": worker.worker_id,
        "answered": own is not None,
        "version": None if own is None else own.version,
        "rules": {each.name: _rule_json(each) for each in worker.in_force()},
        "held": None
        if position is None
        else {
            "position_id": position.position_id,
            "symbol": position.symbol,
            "quantity": position.quantity,
            "rules_version": position.rules_version,
            "watch_answered": worker.watched is not None,
            "differs": {each.name: each.held for each in worker.in_force() if each.held is not None},
        },
    }


def _rule_json(rule: RuleInForce) -> dict[str, str]:
    found = {"value": rule.value, "source": rule.source, "bounds": rule.bounds, "held": rule.held or ""}
    return {name: text for name, text in found.items() if text or name == "value"}
