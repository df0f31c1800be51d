"""Where an operator sits: what a verb of the command line gets, and how it answers people and programs."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cli.asked_dates import require_known
from cli.tables.terminal import Terminal
from domain.audit_log import Outcome
from domain.plain_text import escaped
from domain.rules import TradingRules
from domain.session import SessionDate
from fleet.errors import OperationError
from fleet.fleet import Fleet

_WIDE: Final = 160


Conclude = Callable[[Outcome, str], Awaitable[None]]
"""Writes down what became of a command, before its verb ends; only the first word counts."""


async def _unwritten(_: Outcome, __: str) -> None:
    """Write nothing: the verb only looks."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The fleet, the configured rules, what was asked, and where answers go."""

    fleet: Fleet
    rules: TradingRules
    asked: argparse.Namespace
    console: Terminal
    conclude: Conclude = field(default=_unwritten)

    def answer(self, value: Any, show: Callable[[], None]) -> None:
        """Print for programs when JSON was asked for, else for people."""
        if self.asked.json:
            sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")
        else:
            show()

    async def session_asked_for(self) -> SessionDate:
        """Return the session whose date was asked for, else today's.

        Raises:
            OperationError: it is still to come, or the books know nothing of it.
        """
        fleet = self.fleet
        asked: SessionDate | None = self.asked.date
        present = fleet.plan_of_the_day(fleet.market_now()).session.date
        if asked is None or asked == present:
            return present
        if asked > present:
            raise OperationError(f"{asked} is still to come: the market's present session is {present}")
        require_known(asked, await fleet.database.day_seen.dates(fleet.account_id))
        return asked


Verb = Callable[[Desk], Awaitable[int]]


def stdout_console() -> Terminal:
    """Return where answers go; a pipe has no width, so tables get all they need."""
    console = Terminal()
    return console if console.is_terminal else Terminal(width=_WIDE)
