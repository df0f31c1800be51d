"""Where an operator sits: what a verb of the command line gets, and how it answers people and programs."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from domain.rules import TradingRules
from operations.fleet import Fleet

_WIDE: Final = 160


@dataclass(frozen=True, slots=True)
class Desk:
    """The fleet, the configured rules, what was asked, and where answers go."""

    fleet: Fleet
    rules: TradingRules
    asked: argparse.Namespace
    console: Console

    def answer(self, value: Any, show: Callable[[], None]) -> None:
        """Print for programs when JSON was asked for, else for people."""
        if self.asked.json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        else:
            show()


Verb = Callable[[Desk], Awaitable[int]]


def stdout_console() -> Console:
    """Return where answers go; a pipe has no width, so tables get all they need."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)
