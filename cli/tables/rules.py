"""The rules in force of each worker: value, source, and what a held position still uses instead."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

from rich.cells import cell_len

from fleet.rules_in_force import KEPT, OF_A_WORKER, RuleInForce, WorkerRules
from reporting.spoken import padded, say

_WIDTH: Final = 80
_WIDEST: Final = 24
"""Characters of the column of values. A longer list stands on lines of its own."""


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
    if any(each.source == OF_A_WORKER for rules in lists for each in rules):
        yield OF_A_WORKER
    if any(worker.position is not None for worker in workers):
        yield from KEPT


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
