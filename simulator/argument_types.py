"""Types of the command line's options. A wrong value is named with what it must be."""

import argparse
from datetime import date
from typing import Final

from simulator.hardships import Hardship
from simulator.krx.sessions import Hours, hours_from_text

_LAST_PORT: Final = 65_535


def port(text: str) -> int:
    """Return a port; 0 takes a free one."""
    return _whole_number(text, 0, _LAST_PORT)


def count(text: str) -> int:
    """Return a whole number of at least 0."""
    return _whole_number(text, 0, None)


def _whole_number(text: str, least: int, most: int | None) -> int:
    try:
        number = int(text.replace(",", ""))
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        wanted = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {wanted}")
    return number


def seconds(text: str) -> float:
    """Return seconds of at least 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds of at least 0")
    return seconds


def day(text: str) -> date:
    """Return a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it like 2026-11-23") from None


def changed_hours(text: str) -> tuple[date, Hours]:
    """Return the changed hours of one day."""
    try:
        return hours_from_text(text)
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not name a date with rising times: opening, closing auction and end, "
            "as in 2026-11-19=10:00-16:20-16:30"
        ) from None


def hardships(text: str) -> tuple[Hardship, ...]:
    """Parse ``all``, or names of hardships separated by commas."""
    if text == "all":
        return tuple(Hardship)
    try:
        return tuple(map(Hardship, text.split(",")))
    except ValueError as error:
        known = ", ".join(Hardship)
        raise argparse.ArgumentTypeError(f"{error}; write all, or some of {known} with commas between them") from None
