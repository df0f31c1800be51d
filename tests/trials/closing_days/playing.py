"""A planned day in virtual time: the fleet trades and closes, the night passes, the next session begins."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from domain.clock import MarketClock
from domain.close_plan import CloseLeads, plan_session
from domain.market import Symbol
from domain.session import Session, SessionPlan
from domain.worker_state import WorkerLife
from lab.books import book_of, frozen_books, submits_of
from lab.clockwork import Clockwork
from lab.runs import StuckError
from tests.support.stepping import ACCOUNT, FollowingTransport, SteppingPace
from tests.trials.clockwork.town import Town
from tests.trials.closing_days.buyers import Look, look
from tests.trials.closing_days.plan import DayPlan
from tests.trials.closing_days.world import World
from verifier.books import Books
from workflows.close_outcome import CloseOutcome, MarketCloseRequest
from workflows.identity import worker_name, worker_workflow_id
from workflows.market_close import MarketCloseWorkflow
from workflows.trading_worker import TradingWorkerWorkflow

NEXT_MORNING: Final = timedelta(minutes=25)
"""Maximum length of the next session: longer than any lock lasts."""
_AFTERWARDS: Final = timedelta(minutes=1)
"""Time to book the sales and for a worker to buy again."""
_CLOSE: Final = "market-close"
_HOUR: Final = timedelta(hours=1)
_STEPS: Final = {
    "find_candidates": timedelta(minutes=4),
    "watch_scans": timedelta(minutes=4),
    "watch_market": timedelta(minutes=4),
    "follow_order": timedelta(seconds=4),
    "enter_position": timedelta(seconds=4),
    "finish_sale": timedelta(seconds=4),
    "await_flat": timedelta(seconds=2),
}
_UNHURRIED: Final = timedelta(minutes=2)
"""Interval between two reads of an order that waits for the end of an auction, or in the evening."""


class Patience(SteppingPace):
    """Follows orders closely during the session, and less often when a delay costs nothing."""

    def __init__(self, clock: MarketClock, unhurried_from: datetime) -> None:
        super().__init__(clock, _STEPS)
        self._unhurried_from = unhurried_from

    def step_of(self, name: str, real: timedelta) -> timedelta:
        """Return how long an activity waits."""
        if (
            name in ("follow_order", "finish_sale")
            and self._unhurried_from <= self.now() < self._unhurried_from + 8 * _HOUR
        ):
            return _UNHURRIED
        return super().step_of(name, real)


@dataclass(frozen=True)
class PlayedDay:
    """A day and the morning after it, to be judged."""

    plan: DayPlan
    outcome: CloseOutcome
    books: Books
    """The books at the end of the close."""
    morning: Books | None = None
    """The books after the sale of the carried shares, or after the time limit; None when nothing was carried."""
    looks: tuple[Look, ...] = field(default=(), repr=False)

    @property
    def sessions(self) -> tuple[Books, ...]:
        """Return the books of the session, and of the next one if it was played."""
        return (self.books,) if self.morning is None else (self.books, self.morning)


async def play(town: Town, plan: DayPlan) -> PlayedDay:
    """Play a day from its plan alone.

    Raises:
        StuckError: a workflow fails, differs when replayed, or the close does not end.
    """
    await town.clear()
    stage = _Stage(town, plan)
    try:
        outcome = await stage.closes()
        books = await stage.frozen_books(plan.session)
        carried = {position.symbol for position in books.ledger.positions if position.quantity}
        morning = await stage.sells_first(carried) if carried else None
    finally:
        stage.clockwork.close()
    return PlayedDay(plan, outcome, books, morning, tuple(stage.looks))


class _Stage:
    """The fleet of one day on its exchange, with all planned events scheduled on the clock."""

    def __init__(self, town: Town, plan: DayPlan) -> None:
        self.looks: list[Look] = []
        self._judged = 0
        """Submissions already reported by the books of an earlier session."""
        self._town, self._plan, self._world = town, plan, World(plan)
        self._clock = MarketClock(plan.starts_at, plan.starts_at)
        pace = Patience(self._clock, plan.session.auction_at)
        self._host = town.host_on(FollowingTransport(self._world.simulation, pace.now), pace)
        self.clockwork = self._host.clockwork = Clockwork(plan.starts_at, self._host.attempt)
        _lay_out(self.clockwork, self._world, self.looks)
        for number in range(1, plan.workers + 1):
            name = worker_name(number)
            life = WorkerLife(ACCOUNT, name, plan.rules, self._clock)
            self.clockwork.start(TradingWorkerWorkflow.run, life, worker_workflow_id(ACCOUNT, name))

    async def closes(self) -> CloseOutcome:
        """Let the afternoon pass and the market close end the day, in the evening at the latest."""
        await _pass(self.clockwork, _planned(self._plan.session).liquidation_at)
        self.clockwork.start(
            MarketCloseWorkflow.run, MarketCloseRequest(ACCOUNT, self._clock, self._plan.rules), _CLOSE
        )
        run, latest = self.clockwork.runs[_CLOSE], self._plan.evening_ends_at + timedelta(minutes=10)
        await _pass(self.clockwork, latest, lambda: run.is_over)
        if not run.is_over:
            raise StuckError(f"the close has not ended by {latest}")
        outcome: CloseOutcome = run.result
        return outcome

    async def sells_first(self, carried: Container[Symbol]) -> Books:
        """Let the night pass and the next session begin, until the broker holds none of these stocks any more."""
        opens_at = self._plan.tomorrow.opens_at
        await _pass(self.clockwork, opens_at - _HOUR)
        await self._town.let_leases_lapse()
        await _pass(self.clockwork, opens_at + NEXT_MORNING, lambda: not self._world.holds(carried))
        await _pass(self.clockwork, self.clockwork.now + _AFTERWARDS)
        return await self.frozen_books(self._plan.tomorrow, is_over=False)

    async def frozen_books(self, session: Session, *, is_over: bool = True) -> Books:
        """Read all books as of a session."""
        submits = submits_of(self._host.submits[self._judged :], "trading workers and the close")
        self._judged = len(self._host.submits)
        book = await book_of(self._world.simulation)
        return await frozen_books(self._town.database, book, _planned(session), submits, is_over=is_over)


def _planned(session: Session) -> SessionPlan:
    return plan_session(session, CloseLeads(), 1)


async def _pass(clockwork: Clockwork, until: datetime, is_enough: Callable[[], bool] = lambda: False) -> None:
    while clockwork.now < until and not is_enough():
        await clockwork.until(is_enough, min(clockwork.now + _HOUR, until))


def _lay_out(clockwork: Clockwork, world: World, looks: list[Look]) -> None:
    """Schedule all planned events: the day's troubles, and our reads of the exchange's book."""
    for happening in world.plan.happenings:
        for at in world.moments(happening):
            clockwork.at(at, partial(world.act, happening, at))
    for at in _times_to_look(world.plan):
        clockwork.at(at, partial(_look, world, looks, at))


def _look(world: World, looks: list[Look], at: datetime) -> None:
    world.moves_to(at)
    held = {symbol for symbol, holding in world.account.holdings.items() if holding.quantity}
    looks.extend(look(world.simulation, symbol, at) for symbol in world.plan.symbols if symbol in held)


def _times_to_look(plan: DayPlan) -> Iterator[datetime]:
    """Yield every ten seconds of the session's end and of the morning, the auction, and each minute of the evening."""
    session, tomorrow = plan.session, plan.tomorrow
    yield from _every(timedelta(seconds=10), session.ends_at - timedelta(minutes=20), session.auction_at)
    yield session.ends_at + timedelta(seconds=1)
    half = timedelta(seconds=30)
    yield from _every(timedelta(minutes=1), session.ends_at + half, plan.evening_ends_at)
    yield from _every(timedelta(seconds=10), tomorrow.opens_at + half, tomorrow.opens_at + NEXT_MORNING)


def _every(step: timedelta, since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += step
