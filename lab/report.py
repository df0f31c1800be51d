"""The page of a backtest: the report of a stretch of sessions, from the trades of its days."""

from collections.abc import Sequence
from pathlib import Path

from database.day_seen import KeptVerdict
from domain.money import Won
from domain.summary import FLEET, summarise
from exchange.calendar import krx_calendar
from lab.books import ACCOUNT
from lab.fills import FILL_RULE
from lab.results import DayResult, Settings
from lab.summary import FEWEST_DAYS, gaps_of
from reporting.page import page
from reporting.reading import DayBooks
from reporting.stretch import stretch_values
from security.private_files import write_private


def write_page(folder: Path, settings: Settings, days: Sequence[DayResult]) -> Path:
    """Write ``report.html`` into a backtest's folder and return its path."""
    values = stretch_values([_books(day) for day in days], Won(settings.capital), FEWEST_DAYS)
    head = {"kind": "backtest", "account": settings.id, "gaps": list(gaps_of(days)), "fill_rule": FILL_RULE}
    path = folder / "report.html"
    write_private(path, page({**values, **head}, "en") + "\n")
    return path


def _books(day: DayResult) -> DayBooks:
    session = krx_calendar(day.date.year, day.date.year).session_on(day.date)
    assert session is not None  # noqa: S101 - the day has been played
    found = {"violations": len(day.violations) + bool(day.unexplained) + bool(day.fault)}
    verdict = KeptVerdict(found, session.ends_at)
    return DayBooks(ACCOUNT, session, (summarise(day.date, FLEET, day.trades),), day.trades, verdict=verdict)
