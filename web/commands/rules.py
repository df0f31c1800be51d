"""Rules on the page: the values in force with their sources, and one change at a time."""

import asyncio
from typing import Any

from domain.enlarging import enlarging
from domain.identity import WorkerId
from domain.rule_changes import changed, new_name, value_text
from domain.rules import TradingRules
from fleet import commands
from fleet.asked_rules import trading_rules_of
from fleet.fleet import Fleet
from fleet.rules_in_force import KEPT, NO_STOP, RuleInForce, read_rules, refuse_unknown, switches_the_stop_off
from runtime.live_changes import refuse_dangerous_changes
from strategies import all_rule_values
from web.commands.wanted import Wanted


async def rules_of(fleet: Fleet, worker: str, configured: TradingRules) -> list[dict[str, Any]]:
    """Return the rules in force of a worker, or of all.

    Raises:
        OperationError: there is no such worker.
    """
    read = await read_rules(fleet, await fleet.selected(worker), configured)
    return [
        {
            "worker": each.worker_id,
            "version": None if each.own is None else each.own.version,
            "rules": [
                {
                    "name": rule.name,
                    "value": rule.value,
                    "source": rule.source,
                    "bounds": rule.bounds,
                    "held": rule.held,
                }
                for rule in each.in_force()
            ],
        }
        for each in read
    ]


def _held(rule: RuleInForce) -> dict[str, str]:
    return {} if rule.held is None else {"held": rule.held}


async def described_change(fleet: Fleet, wanted: Wanted, configured: TradingRules) -> tuple[int, list[str], bool]:
    """Return how many workers a change concerns, what it does, and whether more may be bought afterwards.

    Raises:
        OperationError: no such rule; the text has the nearest name. BadRulesError: no such value.
        SettingsError: a danger of real money is not accepted.
    """
    changes = {wanted["rule"]: wanted["value"]}
    refuse_unknown(changes)
    workers = await fleet.selected(wanted.worker)
    answers = await asyncio.gather(*(trading_rules_of(fleet, each) for each in workers))
    lines: dict[str, list[WorkerId]] = {}
    may_buy = False
    for worker, own in zip(workers, answers, strict=True):
        before = own or configured
        after = changed(before, changes)
        # A worker that does not answer may follow smaller values than the settings.
        may_buy = may_buy or own is None or bool(enlarging(before, after))
        lines.setdefault(_line(wanted["rule"], before, after, answers=own is not None), []).append(worker)
    await refuse_dangerous_changes(fleet, workers, changes)
    said = [f"{', '.join(sharing)}: {line}" for line, sharing in lines.items()]
    held = await fleet.database.positions.held_in(fleet.account_id)
    kept = KEPT if any(each.worker_id in workers for each in held) else ()
    return len(workers), [*said, *([NO_STOP] if switches_the_stop_off(changes) else []), *kept], may_buy


async def change(fleet: Fleet, wanted: Wanted) -> tuple[commands.CommandOutcome, ...]:
    """Change a rule of the workers by their Update.

    Raises:
        OperationError, BadRulesError, SettingsError: it is refused; nothing was changed.
    """
    changes = {wanted["rule"]: wanted["value"]}
    refuse_unknown(changes)
    workers = await fleet.selected(wanted.worker)
    await refuse_dangerous_changes(fleet, workers, changes)
    return await commands.command_all(fleet, workers, commands.change_rules(changes))


def _line(rule: str, before: TradingRules, after: TradingRules, *, answers: bool) -> str:
    name = new_name(rule)
    values = [all_rule_values(each).get(name) for each in (before, after)]
    old, new = ("–" if value is None or value == "" else value_text(name, value) for value in values)
    shown = f"{name} {old} → {new}"
    return shown if answers else f"{shown} (does not answer; the old value is that of the settings)"
