"""The same recorded day through a backtest: virtual time, the production workflows, the lab's fill rule."""

from pathlib import Path

from domain.session import TradingCalendar
from history.store import BarStore
from lab.day import LabBooks, Order, play
from lab.engine import held_engine, running_engine
from lab.recording import RecordedSession, read_session
from lab.steps import Step
from tools.parity.played import Played
from tools.parity.real_day import RealDay
from workflows.identity import worker_name


async def play_in_the_lab(day: RealDay, calendar: TradingCalendar, folder: Path) -> tuple[Played, RecordedSession]:
    """Play the day as ``starter.py backtest`` does, and keep the steps of its workflows.

    Raises:
        HistoryError: the bars cannot be read.
        EmbeddedError: PostgreSQL cannot be started.
    """
    recorded = read_session(BarStore(day.bars), day.session)
    steps: list[Step] = []
    async with held_engine(folder) as hold, running_engine(hold) as engine:
        books = LabBooks(await engine.database("parity"))
        try:
            found = await play(books, recorded, Order(day.rules, day.workers, day.capital), calendar, steps)
        finally:
            await books.aclose()
    names = tuple(worker_name(number) for number in range(1, day.workers + 1))
    return Played("backtest", found.books, tuple(steps), names), recorded
