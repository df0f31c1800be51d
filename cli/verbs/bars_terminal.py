"""What the actions of ``bars`` share: the store, the calendar, progress on a terminal, and the answer."""

import argparse
import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.plain_answers import print_json, print_text
from domain.session import TradingCalendar
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from history.store import BarStore
from reporting.spoken import say
from runtime.settings import Settings

_FIRST_YEAR: Final = 2000
Result = TypeVar("Result")
Tick = Callable[[], None]
Ticking = Callable[[str, int], Tick]
"""Starts a phase of the work with a name and a number of steps; returns what counts one."""


def store_of(settings: Settings, asked: argparse.Namespace) -> BarStore:
    """Return the store of the data folder, or the one that the command names."""
    return BarStore(asked.store or settings.data_dir / "bars")


def calendar_of_bars(settings: Settings) -> TradingCalendar:
    """Return the calendar of all years from which bars may come."""
    year = datetime.now(UTC).year  # noqa: TID251 - operators work in real time
    return krx_calendar(_FIRST_YEAR, year + 1, settings.calendar.overrides())


@contextmanager
def history_errors() -> Iterator[None]:
    """Turn errors of the history into errors of the command."""
    try:
        yield
    except HistoryError as error:
        raise OperationError(str(error)) from error


class _InterruptedError(Exception):
    """The command was interrupted; the thread ends at its next step."""


async def in_thread(work: Callable[[Ticking], Result]) -> Result:
    """Run blocking work in a thread, with a progress bar on a terminal. Ctrl-C ends it at its next step."""
    stop = threading.Event()
    with progress_bar() as bars:

        def ticking(what: str, total: int) -> Tick:
            task = bars.add_task(say(what), total=total)

            def tick() -> None:
                if stop.is_set():
                    raise _InterruptedError
                bars.advance(task)

            return tick

        try:
            return await asyncio.to_thread(work, ticking)
        except asyncio.CancelledError:
            stop.set()
            raise


def progress_bar() -> Progress:
    """Return a progress bar on standard error, invisible unless that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def answer(asked: argparse.Namespace, value: Callable[[], Any], lines: Callable[[], Iterable[str]]) -> None:
    """Print JSON if it was requested, otherwise text for people."""
    if asked.json:
        print_json(value())
    else:
        print_text("\n".join(lines()))
