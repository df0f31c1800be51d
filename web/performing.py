"""Carry out a command of the page as the command line does: the same Updates, the same row of the audit log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.audit_log import Outcome
from domain.identity import ALL_WORKERS
from domain.rules import TradingRules
from fleet import commands
from fleet.fleet import Fleet
from fleet.schedule import close_now
from runtime.auditing import Audit
from runtime.os_user import os_user
from web.acts import Act, Wanted
from web.connection import Connection

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
    """Carries out the page's commands on a fleet. ``rules`` are the configured ones, for a close that starts now."""

    def __init__(self, connection: Connection, rules: TradingRules) -> None:
        self._connection = connection
        self._rules = rules

    async def perform(self, wanted: Wanted) -> Mapping[str, Any]:
        """Carry out a command; return whether all went well, and a line for each worker."""
        audit = Audit("web", wanted.words)
        fleet = replace(await self._connection.fleet(), command_id=audit.command_id)
        answer: Answer = {}

        async def act() -> int:
            answer.update(await _acts()[wanted.act](fleet, wanted, self._rules))
            if answer["outcome"] is not Outcome.ACCEPTED:
                await audit.conclude(answer["outcome"], answer["reason"])
            return 0 if answer["well"] else 1

        await audit.around(act, fleet)
        return {"well": answer["well"], "lines": answer["lines"]}


def _acts() -> Mapping[Act, Callable[[Fleet, Wanted, TradingRules], Awaitable[Answer]]]:
    return {
        **dict.fromkeys(_COMMANDS, _command),
        Act.KILL_SWITCH_ON: _press,
        Act.KILL_SWITCH_OFF: _lift,
        Act.CLOSE: _close,
    }


async def _command(fleet: Fleet, wanted: Wanted, _: TradingRules) -> Answer:
    workers = await fleet.selected(wanted.worker)
    outcomes = await commands.command_all(fleet, workers, _COMMANDS[wanted.act])
    return _answered(outcomes, forgiving=wanted.worker == ALL_WORKERS)


async def _press(fleet: Fleet, _: Wanted, __: TradingRules) -> Answer:
    outcomes = await commands.press_kill_switch(fleet, os_user(), _REASON)
    return _answered(outcomes, forgiving=True, first="Kill switch on: nothing more is bought.")


async def _lift(fleet: Fleet, _: Wanted, __: TradingRules) -> Answer:
    await fleet.database.risk.lift_kill_switch(fleet.account_id, os_user(), _REASON, fleet.market_now())
    return _done("Kill switch off; workers stay paused.")


async def _close(fleet: Fleet, _: Wanted, rules: TradingRules) -> Answer:
    handle = await close_now(fleet, rules)
    return _done(f"Closing now: workflow {handle.id}. It ends with the session.")


def _done(line: str) -> Answer:
    return {"well": True, "lines": [line], "outcome": Outcome.ACCEPTED, "reason": ""}


def _answered(outcomes: Outcomes, *, forgiving: bool, first: str = "") -> Answer:
    outcome, reason = commands.concluded(outcomes, forgiving=forgiving)
    lines = [*([first] if first else []), *map(commands.in_words, outcomes)]
    well = not outcomes or commands.all_well(outcomes, forgiving=forgiving)
    return {"well": well, "lines": lines, "outcome": outcome, "reason": reason}
