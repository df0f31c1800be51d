"""``starter.py --workers N``: start workers and the close schedule, then show the live table."""

import asyncio

from temporalio.service import RPCError

from cli.desk import Desk
from cli.tables.watching import watch
from domain.audit_log import Outcome
from domain.identity import WorkerId
from fleet.board import read_board
from fleet.fleet import Fleet
from fleet.schedule import schedule_close
from fleet.standings import read_standings, standing_warnings
from fleet.starting import start_workers
from runtime.env_file import describe_env_file
from runtime.live_changes import refuse_dangerous_start
from runtime.settings import load_settings
from runtime.temporal_connection import refuse_open_temporal


async def start(desk: Desk) -> int:
    """Start the workers, unless the account's settings are too dangerous for real money."""
    fleet, rules = desk.fleet, desk.rules
    if not desk.asked.json:
        desk.console.say(describe_env_file())
    refuse_dangerous_start(fleet, desk.asked.live)
    refuse_open_temporal(load_settings())
    standings = await read_standings(fleet, rules.strategy.names)
    names = await start_workers(fleet, desk.asked.workers, rules)
    await schedule_close(fleet, rules, fleet.market_now())
    running = await _running(fleet, names)
    started = {"environment": fleet.environment.value, "account": fleet.account_id, "workers": names}
    text = f"{fleet.environment.upper()} account {fleet.account_id}: {_counted(len(running))}, the close is scheduled."
    warnings = [f"WARNING {each}" for each in standing_warnings(standings, fleet.environment)]
    answer = {**started, "running": sorted(running), "web_ui": fleet.web_ui}
    desk.answer(answer, lambda: desk.console.say_all([text, *warnings]))
    await desk.conclude(Outcome.ACCEPTED, "")
    if not desk.asked.detach and not desk.asked.json:
        await _watch_until_interrupted(desk)
    return 0


async def _running(fleet: Fleet, started: tuple[WorkerId, ...]) -> frozenset[WorkerId]:
    """Return the workers that run: those just started, which Temporal may not list yet, and those that ran before."""
    try:
        return frozenset(started) | await fleet.running_workers()
    except (RPCError, RuntimeError):
        return frozenset(started)


def _counted(number: int) -> str:
    return "1 worker runs" if number == 1 else f"{number} workers run"


async def _watch_until_interrupted(desk: Desk) -> None:
    try:
        await watch(desk.console, lambda: read_board(desk.fleet, desk.fleet.market_now()), lambda: False)
    except asyncio.CancelledError:
        desk.console.say("The workers go on by themselves; `python starter.py stop` ends them.")
