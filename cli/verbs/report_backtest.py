"""``starter.py report --backtest ID``: write the page of a finished backtest again, or that of one of its sessions."""

import argparse
import json
from pathlib import Path

from domain.session import SessionDate
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from lab.report import Sources, write_day_page, write_page
from lab.results import Results, Settings
from reporting.sentences import Language
from runtime.settings import Settings as Configured


def write_again(asked: argparse.Namespace, configured: Configured, language: Language) -> Path:
    """Write the page and return its path. The days are not played again.

    Raises:
        OperationError: the backtest or the date is unknown, or an argument belongs to live days.
    """
    if asked.first or asked.last or asked.out or asked.capital:
        raise OperationError("--backtest goes with a date, --bars and --lang; --from, --to, --out and --capital do not")
    folder = configured.data_dir / "backtests"
    settings = settings_of(folder, asked.backtest)
    results = Results(folder, settings)
    days = {day.date: day for _, day in sorted(results.finished().items())}
    if not days:
        raise OperationError(f"backtest {settings.id} has no finished day; play it with `backtest --resume`")
    year = min(days).year
    calendar = krx_calendar(year - 1, max(days).year + 1, configured.calendar.overrides())
    sources = Sources(asked.bars or configured.data_dir / "bars", calendar)
    if asked.date is None:
        return write_page(results.folder, settings, tuple(days.values()), sources, language)
    if asked.date not in days:
        raise OperationError(f"backtest {settings.id} has no {asked.date}; it has {min(days)} to {max(days)}")
    return write_day_page(results.folder, settings, days[SessionDate(asked.date)], sources, language)


def settings_of(folder: Path, name: str) -> Settings:
    """Return the settings of a backtest.

    Raises:
        OperationError: it is unknown, or its file is damaged.
    """
    found = sorted(file.parent.name for file in folder.glob("*/settings.json"))
    if not found:
        raise OperationError(f"unknown backtest {name}: there is none yet; `backtest` makes one")
    if name not in found:
        raise OperationError(f"unknown backtest {name}: choose among {', '.join(found)}")
    file = folder / name / "settings.json"
    try:
        settings = Settings(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OperationError(f"{file} cannot be read ({error}); play the backtest again") from None
    if settings.id != name:
        raise OperationError(f"{file} belongs to backtest {settings.id}; play the backtest again")
    return settings
