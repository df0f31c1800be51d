"""The index page: every trading day of the books, the stretches that have a page, every backtest and sweep."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from domain.summary import DailySummary
from domain.verdict import CONCLUSIONS, Conclusion
from reporting.page import page
from reporting.sentences import Language, command_line_words
from reporting.tables import percent
from reporting.writing import suffixed
from security.private_files import private_folder, write_private

NAME: Final = "index"
BACKTESTS: Final = "backtests"
SWEEPS: Final = "sweeps"
_SESSIONS: Final = "sessions.json"
_BETWEEN: Final = "--"


def write_index(reports: Path, language: Language, sessions: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write the index beside the reports and return its path. OSErrors propagate.

    It lists what is in the folders of backtests and sweeps beside ``reports``. Without ``sessions`` those of the last
    call that had some are listed: a backtest does not open the books.
    """
    private_folder(reports)
    kept = reports / _SESSIONS
    if sessions is not None:
        write_private(kept, json.dumps(list(sessions), ensure_ascii=False) + "\n")
    values = index_values(reports, language, _read(kept) or [])
    path = reports / suffixed(NAME, language)
    write_private(path, page(values, language) + "\n")
    return path


def session_row(date: str, summary: DailySummary | None, violations: int | None) -> dict[str, Any]:
    """Return a trading day as the index lists it; figures are None before the session has been summed up."""
    figures = None if summary is None else summary.performance
    return {
        "name": date,
        "trades": None if figures is None else figures.trades,
        "win_percent": None if figures is None else percent(figures.wins, figures.trades),
        "net": None if figures is None else figures.net,
        "costs": None if figures is None else figures.commission + figures.tax,
        "drawdown": None if figures is None else figures.maximum_drawdown,
        "violations": violations,
    }


def index_values(reports: Path, language: Language, sessions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rows of the index, newest first, with the relative links of the pages that exist."""
    data = reports.parent
    backtests, unreadable = _results(data / BACKTESTS)
    sweeps, unreadable_sweeps = _results(data / SWEEPS)
    days = [
        {
            **day,
            **_page_of(reports, f"report-{day['name']}", language),
            "parity": _page_of(reports, f"parity-{day['name']}", language)["page"],
        }
        for day in sessions
    ]
    return {
        "kind": NAME,
        "backtests": [
            {
                **_backtest(values),
                **_page_of(folder, "report", language, _below(folder)),
                "verdict": _verdict(folder, language),
            }
            for folder, values in backtests
        ],
        "sweeps": [
            {**_sweep(values), **_page_of(folder, "report", language, _below(folder))} for folder, values in sweeps
        ],
        "sessions": sorted(days, key=lambda day: str(day["name"]), reverse=True),
        "stretches": sorted(_stretches(reports, language), key=lambda each: str(each["name"]), reverse=True),
        "unreadable": [*unreadable, *unreadable_sweeps],
    }


def _results(folder: Path) -> tuple[Sequence[tuple[Path, Mapping[str, Any]]], list[str]]:
    """Return the finished results below a folder, the newest first, and the names of those that cannot be read."""
    files = sorted(folder.glob("*/report.json"), key=lambda file: (-file.stat().st_mtime, file.parent.name))
    read = [(file.parent, _read(file)) for file in files]
    found = [(each, values) for each, values in read if isinstance(values, dict)]
    return found, [each.name for each, values in read if not isinstance(values, dict)]


def _below(folder: Path) -> str:
    return f"../{folder.parent.name}/{folder.name}/"


def _backtest(values: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "strategy", "first", "last", "sessions", "trades", "net", "drawdown", "sound")
    return {
        **{name: values.get(name) for name in names},
        "win_percent": percent(values.get("wins", 0), values.get("trades", 0)),
        "costs": values.get("commission", 0) + values.get("tax", 0),
        "sharpe": values.get("ratios", {}).get("sharpe"),
    }


def _verdict(folder: Path, language: Language) -> dict[str, str | None] | None:
    """Return the verdict on a backtest and its page; None if there is none that this version can read."""
    values = _read(folder / "verdict.json")
    try:
        said = CONCLUSIONS[Conclusion(values["conclusion"])]
    except (KeyError, TypeError, ValueError):
        return None
    said = command_line_words(language).say_parts(said)
    return {"said": said, **_page_of(folder, "verdict", language, _below(folder))}


def _sweep(values: Mapping[str, Any]) -> dict[str, Any]:
    train, test = values.get("train", {}), values.get("test", {})
    return {
        **{name: values.get(name) for name in ("id", "strategy", "first", "last", "sessions", "trials")},
        "train_bp": train.get("net_bp"),
        "test_bp": test.get("net_bp"),
        "trades": test.get("trades"),
        "test_net": test.get("net"),
    }


def _stretches(reports: Path, language: Language) -> Iterator[dict[str, Any]]:
    for file in reports.glob(f"report-*{_BETWEEN}*.json"):
        name = file.stem.removeprefix("report-")
        yield {"name": name.replace(_BETWEEN, " – "), **_page_of(reports, file.stem, language)}


def _page_of(folder: Path, name: str, language: Language, below: str = "") -> dict[str, str | None]:
    """Return the link of a page in the language, else in another one, or None."""
    wanted: tuple[Language, ...] = (language, "ko" if language == "en" else "en")
    names = (suffixed(name, each) for each in wanted)
    return {"page": next((f"{below}{each}" for each in names if (folder / each).exists()), None)}


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
