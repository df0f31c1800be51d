"""The page of a backtest: the report of a stretch of sessions, from the trades of its days."""

from collections.abc import Sequence
from pathlib import Path

from domain.money import Won
from domain.summary import FLEET, summarise
from exchange.calendar import krx_calendar
from lab.books import ACCOUNT
from lab.results import DayResult, Settings
from reporting.page import page
from reporting.reading import DayBooks
from reporting.stretch import stretch_values
from security.private_files import write_private


def write_page(folder: Path, settings: Settings, days: Sequence[DayResult]) -> Path:
    """Write ``report.html`` into a backtest's folder and return its path."""
    values = stretch_values([_books(day) for day in days], Won(settings.capital))
    path = folder / "report.html"
    write_private(path, page({**values, "account": settings.id}, "en") + "\n")
    return path


def _books(day: DayResult) -> DayBooks:
    session = krx_calendar(day.date.year, day.date.year).session_on(day.date)
    assert session is not None  # noqa: S101 - the day has been played
    return DayBooks(ACCOUNT, session, (summarise(day.date, FLEET, day.trades),), day.trades)
