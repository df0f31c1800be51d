"""A verb of the command line is named by its module and function, which only its own run imports."""

import argparse
from typing import Any, Final

from domain.money import Won
from reporting.spoken import say

_MOST_HOURS: Final = 10_000


def add_verb(verbs: Any, name: str, act: str, what: str, *, reads_only: bool = False) -> argparse.ArgumentParser:
    """Add a verb. Each verb becomes a row of the audit log, except those that only read."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=say(what), description=say(what))
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=say("print JSON"))
    verb.set_defaults(act=f"cli.verbs.{act}", with_fleet=True, reads_only=reads_only)
    return verb


def add_alone(verbs: Any, name: str, act: str, what: str, *, reads_only: bool = False) -> argparse.ArgumentParser:
    """Add a verb that works without a running fleet."""
    verb = add_verb(verbs, name, act, what, reads_only=reads_only)
    verb.set_defaults(with_fleet=False)
    return verb


def count(text: str) -> int:
    """Return a number of trading workers."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError("choose 1 worker or more")
    return number


def hours(text: str) -> float:
    """Return a number of hours, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"name hours from 0 to {_MOST_HOURS:,}")
    return number


def capital(text: str) -> Won:
    """Return an amount of won; thousands may be separated."""
    try:
        amount = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        amount = 0
    if amount <= 0:
        raise argparse.ArgumentTypeError("name an amount of won above zero")
    return Won(amount)
