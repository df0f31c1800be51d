"""``starter.py rules``: show the rules in force and where each value comes from, or change them."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from cli.desk import Desk
from cli.tables.limits import trading_rules_of
from domain.identity import ALL_WORKERS, WorkerId
from domain.rule_changes import EARLIER_NAMES, changed, setting_name, value_text
from domain.rules import TradingRules
from fleet.errors import OperationError
from reporting.spoken import say
from strategies import all_rule_values, known
from strategies.catalogue import bounds_of_rule

_STOP: Final = "exits.stop_loss"
_WIDEST: Final = 24
"""Characters of the column of values. Longer lists push their source to the right."""


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """One rule of a worker: its value, and where the value comes from."""

    name: str
    value: str
    source: str
    bounds: str = ""
    """What a strategy's parameter may be."""


async def rules(desk: Desk) -> int:
    """Change the rules of the selected workers; without changes, show them."""
    changes = dict(desk.asked.changes)
    return await (_change(desk, changes) if changes else _show(desk))


async def _change(desk: Desk, changes: Mapping[str, str]) -> int:
    from cli.command_answers import report_outcomes  # noqa: PLC0415 - showing the rules commands no worker
    from cli.live_changes import refuse_dangerous_changes  # noqa: PLC0415
    from fleet import commands  # noqa: PLC0415

    _refuse_unknown(changes)
    workers = await desk.fleet.selected(desk.asked.worker)
    await refuse_dangerous_changes(desk.fleet, workers, changes)
    if not desk.asked.yes and _switches_the_stop_off(changes):
        await _confirm()
    outcomes = await commands.command_all(desk.fleet, workers, commands.change_rules(changes))
    return await report_outcomes(desk, outcomes, forgiving=desk.asked.worker == ALL_WORKERS)


def rules_in_force(own: TradingRules | None, configured: TradingRules) -> tuple[RuleInForce, ...]:
    """Return every rule of a worker with its source. ``own`` is None if the worker does not answer."""
    defaults, settings = all_rule_values(TradingRules()), all_rule_values(configured)
    values = settings if own is None else all_rule_values(own)
    return tuple(
        RuleInForce(
            name,
            value_text(name, value),
            _source(name, value, settings.get(name), defaults.get(name)),
            bounds_of_rule(name),
        )
        for name, value in values.items()
    )


def _source(name: str, value: object, configured: object, default: object) -> str:
    if configured is None:
        return "worker: a parameter of a strategy that is not known here"
    if value != configured:
        return "worker: changed by `rules`, or started with other settings"
    return "default" if value == default else f"setting {setting_name(name)}"


async def _show(desk: Desk) -> int:
    workers = await desk.fleet.selected(desk.asked.worker)
    answers = await asyncio.gather(*(trading_rules_of(desk.fleet, worker_id) for worker_id in workers))
    own_rules = dict(zip(workers, answers, strict=True))

    def show() -> None:
        for worker_id, own in own_rules.items():
            for line in _lines(worker_id, own, rules_in_force(own, desk.rules)):
                desk.console.say(line)

    desk.answer([_json(worker_id, own, rules_in_force(own, desk.rules)) for worker_id, own in own_rules.items()], show)
    return 0


def _lines(worker_id: WorkerId, own: TradingRules | None, shown: tuple[RuleInForce, ...]) -> list[str]:
    state = "does not answer; the settings here are" if own is None else f"rules version {own.version}"
    names, width = max(len(each.name) for each in shown), min(max(len(each.value) for each in shown), _WIDEST)
    return [
        f"{worker_id}: {state}",
        *(
            f"  {each.name:<{names}}  {each.value:<{width}}  {each.source}{f' ({each.bounds})' if each.bounds else ''}"
            for each in shown
        ),
    ]


def _json(worker_id: WorkerId, own: TradingRules | None, shown: tuple[RuleInForce, ...]) -> dict[str, Any]:
    return {
        "worker_id": worker_id,
        "answered": own is not None,
        "version": None if own is None else own.version,
        "rules": {
            each.name: {"value": each.value, "source": each.source} | ({"bounds": each.bounds} if each.bounds else {})
            for each in shown
        },
    }


def _refuse_unknown(changes: Mapping[str, str]) -> None:
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


def _switches_the_stop_off(changes: Mapping[str, str]) -> bool:
    text = changes.get(_STOP)
    return text is not None and not changed(TradingRules(), {_STOP: text}).exits.stop_loss


async def _confirm() -> None:
    """Ask the operator for confirmation.

    Raises:
        OperationError: the answer is not yes, or there is no terminal to ask on.
    """
    what = f"{_STOP}=0% switches the stop off: a losing position is not sold by its loss"
    if not sys.stdin.isatty():
        raise OperationError(f"{what}. Add --yes to confirm. Nothing was changed")
    sys.stderr.write(say(f"{what}. Type yes to confirm") + ": ")
    sys.stderr.flush()
    answer = await asyncio.to_thread(sys.stdin.readline)
    if answer.strip().lower() != "yes":
        raise OperationError("not confirmed. Nothing was changed")
