"""Print the workers' answers to a command, and record them in the audit log."""

from collections.abc import Sequence

from cli.desk import Desk
from fleet import commands


async def report_outcomes(desk: Desk, outcomes: Sequence[commands.CommandOutcome], *, forgiving: bool) -> int:
    """Print each worker's answer; return 0 when all workers obeyed. ``forgiving`` as for ``commands.all_well``."""

    def show() -> None:
        for outcome in outcomes:
            desk.console.say(commands.in_words(outcome))

    desk.answer([commands.outcome_json(outcome) for outcome in outcomes], show)
    await desk.conclude(*commands.concluded(outcomes, forgiving=forgiving))
    return 0 if commands.all_well(outcomes, forgiving=forgiving) else 1
