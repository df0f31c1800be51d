"""Date arguments of the command line: one session, or a range of sessions."""

import argparse
from collections.abc import Sequence
from datetime import date
from typing import Final

from domain.session import SessionDate
from fleet.errors import OperationError
from reporting.spoken import say

_FIRST: Final = SessionDate(date(2000, 1, 1))
_LAST: Final = SessionDate(date(2099, 12, 31))


def session_date(text: str) -> SessionDate:
    """Parse a KST date for argparse."""
    try:
        return SessionDate(date.fromisoformat(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-23") from None


def add_dates(verb: argparse.ArgumentParser, default: str) -> None:
    """Add arguments for one date, or for a date range by its ends."""
    verb.add_argument("date", nargs="?", type=session_date, metavar="DATE", help=say(f"YYYY-MM-DD, default {default}"))
    verb.add_argument("--from", dest="first", type=session_date, metavar="DATE", help=say("first date of a stretch"))
    verb.add_argument("--to", dest="last", type=session_date, metavar="DATE", help=say("last date of a stretch"))


def require_known(asked: SessionDate, known: Sequence[SessionDate]) -> None:
    """Refuse a date that the books do not know. ``known`` are the known dates, oldest first.

    Raises:
        OperationError: the date is not known.
    """
    if asked not in known:
        range_known = f"the first they know is {known[0]}, the last {known[-1]}" if known else "they know of none yet"
        raise OperationError(f"the books know of no session on {asked}; {range_known}")


def unknown_stretch(first: SessionDate, last: SessionDate) -> str:
    """Return the message that the books know no session in a range. An open end is not named."""
    since = "" if first == _FIRST else f" from {first}"
    until = "" if last == _LAST else f" to {last}"
    return f"the books know of no session{since}{until}"


def stretch_of(asked: argparse.Namespace) -> tuple[SessionDate, SessionDate] | None:
    """Return both ends of the requested range; a missing end is open. None for a single session.

    Raises:
        OperationError: a date is combined with a range, or the range ends before it begins.
    """
    if asked.first is None and asked.last is None:
        return None
    if asked.date is not None:
        raise OperationError(f"say either {asked.date} or --from and --to, not both")
    first, last = asked.first or _FIRST, asked.last or _LAST
    if first > last:
        raise OperationError(f"--from {first} is after --to {last}: swap them")
    return first, last
