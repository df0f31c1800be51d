"""``starter.py rules``: show the rules in force and where each value comes from, or change them."""

import asyncio
import sys
from collections.abc import Mapping

from cli.desk import Desk
from cli.tables.rules import rules_json, rules_lines
from domain.identity import ALL_WORKERS
from fleet.errors import OperationError
from fleet.rules_in_force import NO_STOP, read_rules, refuse_unknown, switches_the_stop_off
from reporting.spoken import say


async def rules(desk: Desk) -> int:
    """Change the rules of the selected workers; without changes, show them."""
    changes = dict(desk.asked.changes)
    return await (_change(desk, changes) if changes else _show(desk))


async def _change(desk: Desk, changes: Mapping[str, str]) -> int:
    from cli.command_answers import report_outcomes  # noqa: PLC0415 - showing the rules commands no worker
    from fleet import commands  # noqa: PLC0415
    from runtime.live_changes import refuse_dangerous_changes  # noqa: PLC0415

    refuse_unknown(changes)
    workers = await desk.fleet.selected(desk.asked.worker)
    await refuse_dangerous_changes(desk.fleet, workers, changes)
    if not desk.asked.yes and switches_the_stop_off(changes):
        await _confirm()
    outcomes = await commands.command_all(desk.fleet, workers, commands.change_rules(changes))
    return await report_outcomes(desk, outcomes, forgiving=desk.asked.worker == ALL_WORKERS)


async def _show(desk: Desk) -> int:
    workers = await read_rules(desk.fleet, await desk.fleet.selected(desk.asked.worker), desk.rules)
    desk.answer([rules_json(each) for each in workers], lambda: desk.console.say_all(rules_lines(workers)))
    return 0


async def _confirm() -> None:
    """Ask the operator for confirmation.

    Raises:
        OperationError: the answer is not yes, or there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise OperationError(f"{NO_STOP}. Add --yes to confirm. Nothing was changed")
    sys.stderr.write(say(f"{NO_STOP}. Type yes to confirm") + ": ")
    sys.stderr.flush()
    answer = await asyncio.to_thread(sys.stdin.readline)
    if answer.strip().lower() != "yes":
        raise OperationError("not confirmed. Nothing was changed")
