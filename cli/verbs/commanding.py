"""Verbs that command workers, and the market close."""

from collections.abc import Mapping
from typing import Final

from cli.command_answers import report_outcomes
from cli.desk import Desk
from domain.identity import ALL_WORKERS
from fleet import commands
from fleet.schedule import close_now

_COMMANDS: Final[Mapping[str, commands.Command]] = {
    "pause": commands.PAUSE,
    "resume": commands.RESUME,
    "liquidate": commands.liquidate(),
    "stop": commands.STOP,
}


async def command(desk: Desk) -> int:
    """Send the command of the verb to the selected workers; return 1 unless all obeyed."""
    workers = await desk.fleet.selected(desk.asked.worker)
    outcomes = await commands.command_all(desk.fleet, workers, _COMMANDS[desk.asked.command])
    return await report_outcomes(desk, outcomes, forgiving=desk.asked.worker == ALL_WORKERS)


async def close(desk: Desk) -> int:
    """Start the market close now."""
    handle = await close_now(desk.fleet, desk.rules)
    desk.answer(
        {"workflow_id": handle.id, "run_id": handle.result_run_id, "web_ui": desk.fleet.web_ui},
        lambda: desk.console.say(f"Closing now: workflow {handle.id}. It ends with the session."),
    )
    return 0
