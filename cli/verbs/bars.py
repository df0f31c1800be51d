"""Verb ``bars``: import, list, check and download recorded bars. It needs no fleet, and no database but to download."""

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.tables.bars import check_json, check_lines, import_json, import_lines, list_json, list_lines
from domain.plain_text import escaped, harmless
from domain.session import TradingCalendar
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.checking import check
from history.columns import read_mapping
from history.errors import HistoryError
from history.importing import FileVerdict, gather
from history.merging import Merged, Merger
from history.provenance import Source
from history.rows import Dates
from history.store import BarStore
from history.tables import files_below
from runtime.settings import Settings, load_settings

_FIRST_YEAR: Final = 2000
_MAPPINGS_KEPT: Final = 5
Result = TypeVar("Result")
Tick = Callable[[], None]


def add_bars_verbs(verbs: Any) -> None:
    """Add the verb and its four actions to the command line."""
    what = "import, list, check and download recorded bars"
    actions = verbs.add_parser("bars", help=what, description=what).add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    taken = _add(actions, "import", import_bars, "import CSV and Parquet files of other tools")
    taken.add_argument("path", type=Path, metavar="FOLDER", help="a folder, with all below it, or a file")
    mapped = "a column of the files and its meaning, where the guess is wrong; repeatable"
    taken.add_argument("--map", action="append", default=[], metavar="COLUMN=FIELD", help=mapped)
    taken.add_argument("--dry-run", action="store_true", help="show what would be imported, and write nothing")
    taken.add_argument("--replace", action="store_true", help="overwrite stored bars that differ")
    taken.add_argument("--strict", action="store_true", help="exit with 1 if any row or file is refused")
    _add(actions, "list", list_bars, "show what is stored, and where it comes from")
    _add(actions, "check", check_bars, "look for gaps, other price bases, wrong dates and a chosen universe")


async def import_bars(asked: argparse.Namespace) -> int:
    """Import files; return 1 if nothing was taken, or with ``--strict`` if anything was refused.

    Raises:
        OperationError: nothing at the path can be read, or another process writes.
    """
    settings = load_settings()
    with history_errors():
        said, files = read_mapping(asked.map), files_below(asked.path)
        store = store_of(settings, asked)

        def work(ticking: Callable[[str, int], Tick]) -> tuple[list[FileVerdict], Merged]:
            gathered = gather(files, said, Dates(calendar_of_bars(settings)), ticking("Reading files", len(files)))
            now = datetime.now(UTC)  # noqa: TID251 - operators work in real time
            source = Source(f"import-{now:%Y%m%d-%H%M%S}", str(asked.path.resolve()), now, _mappings(gathered.verdicts))
            merger = Merger(store, source, dry=asked.dry_run, replace=asked.replace)
            tick = ticking("Merging sessions", len(gathered.minutes))
            if asked.dry_run:
                return gathered.verdicts, merger.merge(gathered, tick)
            with store.writing():
                return gathered.verdicts, merger.merge(gathered, tick)

        verdicts, merged = await in_thread(work)
    shown = {"dry": asked.dry_run, "folder": str(store.folder)}
    answer(asked, lambda: import_json(verdicts, merged, **shown), lambda: import_lines(verdicts, merged, **shown))
    refused = merged.held_back or any(verdict.refusals or verdict.problem for verdict in verdicts)
    nothing = not merged.minutes.all + merged.daily.all or (merged.held_back and not merged.writes)
    return 1 if nothing or (asked.strict and refused) else 0


async def list_bars(asked: argparse.Namespace) -> int:
    """Show what the store holds."""
    with history_errors():
        store = store_of(load_settings(), asked)
        sessions, daily = store.contents()
        answer(asked, lambda: list_json(store, sessions, daily), lambda: list_lines(store, sessions, daily))
    return 0


async def check_bars(asked: argparse.Namespace) -> int:
    """Check every stored session; return 0 whatever is found, because most findings are facts of the data."""
    settings = load_settings()
    with history_errors():
        store = store_of(settings, asked)
        count = len(store.sessions())
        if not count:
            raise OperationError(f"{store.folder} has no bars; import some with `python starter.py bars import FOLDER`")
        calendar = calendar_of_bars(settings)
        checked = await in_thread(lambda ticking: check(store, calendar, ticking("Checking sessions", count)))
    answer(asked, lambda: check_json(checked), lambda: check_lines(checked))
    return 0


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


async def in_thread(work: Callable[[Callable[[str, int], Tick]], Result]) -> Result:
    """Run blocking work in a thread, with a progress bar on a terminal. Ctrl-C ends it at its next step."""
    stop = threading.Event()
    with progress_bar() as bars:

        def ticking(what: str, total: int) -> Tick:
            task = bars.add_task(what, total=total)

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
        sys.stdout.write(escaped(json.dumps(value(), ensure_ascii=False, indent=2)) + "\n")
        return
    for line in lines():
        sys.stdout.write(f"{harmless(line)}\n")


def _mappings(verdicts: list[FileVerdict]) -> dict[str, Any]:
    """Return how the files' columns were read, each way once."""
    ways = {json.dumps(dict(verdict.columns), ensure_ascii=False, sort_keys=True) for verdict in verdicts}
    return {"columns": [json.loads(way) for way in sorted(ways - {"{}"})[:_MAPPINGS_KEPT]]}


def _add(actions: Any, name: str, act: Any, what: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=what, description=what)
    action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    action.add_argument(
        "--store", type=Path, metavar="FOLDER", help="the bars' folder (default the data folder's bars/)"
    )
    action.set_defaults(without_fleet=act, reads_only=True)
    return action
