"""Closing levels of indexes: the last stored minute of a session, else a row of the index's CSV file."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from history.errors import HistoryError
from history.index_minutes import IndexMinutes

NAMES: Final = ("KOSPI", "KOSDAQ")
FOLDER: Final = "index"


def read_indexes(store: Path) -> dict[str, list[tuple[date, float]]]:
    """Return the closing levels of each index that the store has, oldest first. Minutes win over the CSV file.

    Raises:
        HistoryError: a file cannot be read, or a row has no date or no level above 0.
    """
    files = ((name, store / FOLDER / f"{name}.csv") for name in NAMES)
    listed = {name: dict(_rows(file)) for name, file in files if file.exists()}
    for market, closes in IndexMinutes(store).closes().items():
        listed.setdefault(market.value.upper(), {}).update((day, float(close)) for day, close in closes)
    return {name: sorted(levels.items()) for name, levels in listed.items()}


def _rows(file: Path) -> Iterator[tuple[date, float]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            for row in reader:
                named = {(name or "").strip().lower(): text for name, text in row.items() if isinstance(text, str)}
                yield _level(file, reader.line_num, named.get("date", ""), named.get("close", ""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error


def _level(file: Path, line: int, day: str, close: str) -> tuple[date, float]:
    try:
        level = float(close.replace(",", ""))
        found = date.fromisoformat(day.strip()[:10].replace("/", "-").replace(".", "-"))
    except ValueError:
        level, found = 0.0, date.min
    if not 0 < level < float("inf"):
        raise HistoryError(
            f"{file}, line {line}: date {day!r} and close {close!r}; write the columns date and close, "
            "as in 2025-11-20 and 3,950.12"
        )
    return found, level
