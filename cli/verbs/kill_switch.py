"""``starter.py kill-switch``: shut the gate in the books and sell everything, even while the books are away."""

import asyncio
import sys

from cli.command_answers import report_outcomes
from cli.desk import Desk
from database.errors import DATABASE_FAULTS, database_cause
from domain.audit_log import Outcome
from fleet import commands
from fleet.kill_without_books import press_without_books
from reporting.spoken import say
from runtime.account_names import names_of
from runtime.opening import BOOKS_WITHIN
from runtime.os_user import os_user
from runtime.settings import load_settings


async def turn(desk: Desk) -> int:
    """Press or lift the kill switch."""
    return await (_press if desk.asked.position == "on" else _lift)(desk)


async def _press(desk: Desk) -> int:
    try:
        async with asyncio.timeout(BOOKS_WITHIN):
            await desk.fleet.database.risk.state(desk.fleet.account_id)
        outcomes = await commands.press_kill_switch(desk.fleet, os_user(), desk.asked.reason)
    except DATABASE_FAULTS as fault:
        return await _press_without_books(desk, database_cause(fault))
    if not desk.asked.json:
        desk.console.say("Kill switch on: nothing more is bought.")
    code = await report_outcomes(desk, outcomes, forgiving=True)
    return code if outcomes else 0


async def _press_without_books(desk: Desk, cause: str) -> int:
    outcomes = await press_without_books(desk.fleet, names_of(load_settings()))
    text = (
        f"PostgreSQL is away ({cause}). Nothing is bought meanwhile, but the kill switch may not be on in "
        f"the books. {len(outcomes)} workers were commanded to pause and to sell as soon as PostgreSQL is back; press "
        "the kill switch again then"
    )
    sys.stderr.write(f"starter.py: {say(text)}\n")
    answers = commands.concluded(outcomes, forgiving=False)[1]
    await desk.conclude(Outcome.FAILED, f"PostgreSQL is away; workers: {answers or 'none'}")
    await report_outcomes(desk, outcomes, forgiving=False)
    return 1


async def _lift(desk: Desk) -> int:
    by, now = os_user(), desk.fleet.market_now()
    await desk.fleet.database.risk.lift_kill_switch(desk.fleet.account_id, by, desk.asked.reason, now)
    desk.answer({"kill_switch_on": False}, lambda: desk.console.say("Kill switch off; workers stay paused."))
    return 0
