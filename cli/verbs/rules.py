"""``starter.py rules``: show the rules in force and where each value comes from, or change them."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from cli.desk import Desk
from cli.tables.limits import trading_rules_of, watched_rules_of
from cli.tables.rules import WorkerRules, rules_json, rules_lines
from domain.identity import ALL_WORKERS, WorkerId
from domain.rule_changes import EARLIER_NAMES, changed
from domain.rules import TradingRules
from fleet.errors import OperationError
from fleet.fleet import Fleet
from reporting.spoken import say
from strategies import all_rule_values, known

_STOP: Final = "exits.stop_loss"


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


async def _show(desk: Desk) -> int:
    workers = await read_rules(desk.fleet, await desk.fleet.selected(desk.asked.worker), desk.rules)
    desk.answer([rules_json(each) for each in workers], lambda: desk.console.say_all(rules_lines(workers)))
    return 0


async def read_rules(fleet: Fleet, workers: Sequence[WorkerId], configured: TradingRules) -> tuple[WorkerRules, ...]:
    """Read the rules of each worker from itself, and those of its held position from the books and its watch."""
    held = {position.worker_id: position for position in await fleet.database.positions.held_in(fleet.account_id)}

    async def read(worker_id: WorkerId) -> WorkerRules:
        own, position = await trading_rules_of(fleet, worker_id), held.get(worker_id)
        watched = None if own is None or position is None else await watched_rules_of(fleet, worker_id)
        return WorkerRules(worker_id, configured, own, position, watched)

    return tuple(await asyncio.gather(*map(read, workers)))


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
