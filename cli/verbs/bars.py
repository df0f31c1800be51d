"""Verb ``bars``: import, list, check and download recorded bars. It needs no fleet, and no database but to download."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any, Final

from cli.tables.bars import check_json, check_lines, import_json, import_lines, list_json, list_lines
from cli.verbs.bars_terminal import (
    Ticking,
    answer,
    calendar_of_bars,
    history_errors,
    in_thread,
    store_of,
)
from fleet.errors import OperationError
from history.checking import check
from history.columns import read_mapping
from history.importing import FileVerdict, gather
from history.merging import Merged, Merger
from history.provenance import Source
from history.rows import Dates
from history.tables import files_below
from runtime.settings import load_settings

_MAPPINGS_KEPT: Final = 5


async def import_bars(asked: argparse.Namespace) -> int:
    """Import files; return 1 if nothing was taken, or with ``--strict`` if anything was refused.

    Raises:
        OperationError: nothing at the path can be read, or another process writes.
    """
    settings = load_settings()
    with history_errors():
        said, files = read_mapping(asked.map), files_below(asked.path)
        store = store_of(settings, asked)

        def work(ticking: Ticking) -> tuple[list[FileVerdict], Merged]:
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
    nothing = not merged.minutes.all + merged.daily.all + merged.index_days or (merged.held_back and not merged.writes)
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


def _mappings(verdicts: list[FileVerdict]) -> dict[str, Any]:
    """Return how the files' columns were read, each way once."""
    ways = {json.dumps(dict(verdict.columns), ensure_ascii=False, sort_keys=True) for verdict in verdicts}
    return {"columns": [json.loads(way) for way in sorted(ways - {"{}"})[:_MAPPINGS_KEPT]]}
