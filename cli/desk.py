"""Context of a command line verb: its input, and how it answers people and programs."""

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
"""Record the outcome of a command before its verb ends. Only the first outcome counts."""


async def _unwritten(_: Outcome, __: str) -> None:
    """Write nothing: the verb only reads."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The fleet, the configured rules, the arguments, and the output of a verb."""

    fleet: Fleet
    rules: TradingRules
    asked: argparse.Namespace
    console: Terminal
    conclude: Conclude = field(default=_unwritten)

    def answer(self, value: Any, show: Callable[[], None]) -> None:
        """Print JSON if it was requested, otherwise text for people."""
        if self.asked.json:
            sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")
        else:
            show()

    async def session_asked_for(self) -> SessionDate:
        """Return the requested session's date, else today's.

        Raises:
            OperationError: it is in the future, or the books do not know it.
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


def stdout_console() -> Terminal:
    """Return the console for answers. A pipe has no width, so tables get the width they need."""
    console = Terminal()
    return console if console.is_terminal else Terminal(width=_WIDE)
