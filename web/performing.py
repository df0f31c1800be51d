"""Carry out a command of the page as the command line does: the same Updates, the same row of the audit log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from database.errors import DATABASE_FAULTS, database_cause
from domain.audit_log import Outcome
from domain.identity import ALL_WORKERS
from domain.rules import TradingRules
from fleet import commands
from fleet.errors import OperationError
from fleet.fleet import Fleet
from fleet.kill_without_books import press_without_books
from fleet.schedule import close_now
from runtime.account_names import names_of
from runtime.auditing import Audit
from runtime.opening import BOOKS_WITHIN
from runtime.os_user import os_user
from runtime.settings import load_settings
from web.commands.decisions import decide
from web.commands.rules import change
from web.commands.wanted import Act, Wanted
from web.connection import Connection, Opens

_COMMANDS: Final[Mapping[Act, commands.Command]] = {
    Act.PAUSE: commands.PAUSE,
    Act.RESUME: commands.RESUME,
    Act.LIQUIDATE: commands.liquidate(),
    Act.STOP: commands.STOP,
}
_REASON: Final = "page"

Answer = dict[str, Any]
Outcomes = Sequence[commands.CommandOutcome]


class Performer:
    """Carries out the page's commands on a fleet. ``rules`` are the configured ones, for a close that starts now.

    ``without_books`` opens the fleet while PostgreSQL is away, for the kill switch.
    """

    def __init__(self, connection: Connection, rules: TradingRules, without_books: Opens | None = None) -> None:
        self._connection = connection
        self._rules = rules
        self._without_books = without_books

    async def perform(self, wanted: Wanted) -> Mapping[str, Any]:
        """Carry out a command; return whether all went well, and a line for each worker."""
        audit = Audit(wanted.client, wanted.words)
        answer: Answer = {}

        async def act() -> int:
            async with self._fleet(wanted) as fleet:
                ours = replace(fleet, command_id=audit.command_id)

                async def on_the_fleet() -> int:
                    answer.update(await _acts()[wanted.act](ours, wanted, self._rules))
                    if answer["outcome"] is not Outcome.ACCEPTED:
                        await audit.conclude(answer["outcome"], answer["reason"])
                    return 0 if answer["well"] else 1

                return await audit.around(on_the_fleet, ours)

        await audit.around(act)
        return {"well": answer["well"], "lines": answer["lines"]}

    @asynccontextmanager
    async def _fleet(self, wanted: Wanted) -> AsyncIterator[Fleet]:
        """Return the fleet; for the kill switch also while its books are away."""
        try:
            fleet = await self._connection.fleet()
        except (OperationError, *DATABASE_FAULTS):
            if wanted.act is not Act.KILL_SWITCH_ON or self._without_books is None:
                raise
            async with self._without_books() as fleet:
                yield fleet
            return
        yield fleet


def _acts() -> Mapping[Act, Callable[[Fleet, Wanted, TradingRules], Awaitable[Answer]]]:
    return {
        **dict.fromkeys(_COMMANDS, _command),
        Act.KILL_SWITCH_ON: _press,
        Act.KILL_SWITCH_OFF: _lift,
        Act.CLOSE: _close,
        Act.RULES: _change,
        Act.ADOPT: _decide,
        Act.DISMISS: _decide,
        Act.ACCEPT: _decide,
    }


async def _command(fleet: Fleet, wanted: Wanted, _: TradingRules) -> Answer:
    workers = await fleet.selected(wanted.worker)
    outcomes = await commands.command_all(fleet, workers, _COMMANDS[wanted.act])
    return _answered(outcomes, forgiving=wanted.worker == ALL_WORKERS)


async def _change(fleet: Fleet, wanted: Wanted, _: TradingRules) -> Answer:
    return _answered(await change(fleet, wanted), forgiving=wanted.worker == ALL_WORKERS)


async def _decide(fleet: Fleet, wanted: Wanted, _: TradingRules) -> Answer:
    return _done(*await decide(fleet, wanted))


async def _press(fleet: Fleet, _: Wanted, __: TradingRules) -> Answer:
    try:
        async with asyncio.timeout(BOOKS_WITHIN):
            await fleet.database.risk.state(fleet.account_id)
        outcomes = await commands.press_kill_switch(fleet, os_user(), _REASON)
    except DATABASE_FAULTS as fault:
        return await _press_without_books(fleet, database_cause(fault))
    return _answered(outcomes, forgiving=True, first="Kill switch on: nothing more is bought.")


async def _press_without_books(fleet: Fleet, cause: str) -> Answer:
    accounts = tuple(dict.fromkeys((fleet.account_id, *names_of(load_settings()))))
    outcomes = await press_without_books(fleet, accounts)
    text = (
        f"PostgreSQL is away ({cause}). Nothing is bought meanwhile, but the kill switch may not be on in "
        f"the books. {len(outcomes)} workers were commanded to pause and to sell as soon as PostgreSQL is back; press "
        "the kill switch again then"
    )
    return {**_answered(outcomes, forgiving=False, first=text), "well": False, "outcome": Outcome.FAILED}


async def _lift(fleet: Fleet, _: Wanted, __: TradingRules) -> Answer:
    await fleet.database.risk.lift_kill_switch(fleet.account_id, os_user(), _REASON, fleet.market_now())
    return _done("Kill switch off; workers stay paused.")


async def _close(fleet: Fleet, _: Wanted, rules: TradingRules) -> Answer:
    handle = await close_now(fleet, rules)
    return _done(f"Closing now: workflow {handle.id}. It ends with the session.")


def _done(*lines: str) -> Answer:
    return {"well": True, "lines": list(lines), "outcome": Outcome.ACCEPTED, "reason": ""}


def _answered(outcomes: Outcomes, *, forgiving: bool, first: str = "") -> Answer:
    outcome, reason = commands.concluded(outcomes, forgiving=forgiving)
    lines = [*([first] if first else []), *map(commands.in_words, outcomes)]
    well = not outcomes or commands.all_well(outcomes, forgiving=forgiving)
    return {"well": well, "lines": lines, "outcome": outcome, "reason": reason}
