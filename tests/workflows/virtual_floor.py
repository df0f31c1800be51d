"""A trading floor on a virtual clock: the real worker workflow, stand-in activities, commands at any moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.clock import MarketClock
from domain.identity import AccountId
from domain.position import ExitReason
from domain.rules import TradingRules
from domain.session import SessionDate
from domain.worker_state import WorkerLife
from lab.attempts import Again, Scheduled, attempt
from lab.clockwork import Clockwork
from lab.temporal_parts import ActivityResolution, activity_name, object_of
from tests.support.builders import MONDAY
from tests.workflows.floor import kst
from tests.workflows.stand_ins import Desk
from workflows.commands import WorkerStatus
from workflows.identity import worker_name, worker_workflow_id
from workflows.trading_worker import TradingWorkerWorkflow

ACCOUNT: Final = AccountId("simulated-virtual")
WORKFLOW: Final = worker_workflow_id(ACCOUNT, worker_name(1))


@dataclass
class Expected:
    """The expected worker state, by the commands that it accepted, in their sequence."""

    paused: bool = False
    stopping: bool = False
    rules_version: int = 1
    closed_session: SessionDate | None = None
    accepted: list[str] = field(default_factory=list)

    def note(self, name: str) -> None:
        """Apply an accepted command."""
        self.accepted.append(name)
        self.paused = {"pause": True, "resume": False, "liquidate": True}.get(name, self.paused)
        self.stopping = self.stopping or name == "stop"
        self.rules_version += name == "change_rules"
        if name == "close":
            self.closed_session = MONDAY


@dataclass
class VirtualFloor:
    """One worker and the desk that plays broker, ledger and market."""

    clockwork: Clockwork
    desk: Desk
    expected: Expected = field(default_factory=Expected)
    last_life: WorkerLife | None = None

    async def reaches(self, text: str) -> None:
        """Let the market run to a time (KST)."""
        await self.goes_on_until(kst(text))

    async def goes_on_until(self, instant: datetime) -> None:
        await self.clockwork.until(lambda: not self.is_running, instant)
        self._look()

    async def commands(self, name: str) -> None:
        """Send the worker a command, and record it if it was accepted."""
        if not self.is_running:
            return
        if name == "close":
            self.clockwork.signal(WORKFLOW, "liquidate_for_close", MONDAY)
            self.expected.note(name)
            return
        number = len(self.clockwork.past) * 100 + len(self.expected.accepted)
        update_id = f"{name}-{number}"
        arguments: dict[str, tuple[Any, ...]] = {
            "liquidate": (ExitReason.OPERATOR,),
            "change_rules": ({"exits.stop_loss": f"{1 + number % 8}%"},),
        }
        run = self.clockwork.runs[WORKFLOW]
        await self.clockwork.update(WORKFLOW, name, *arguments.get(name, ()), update_id=update_id)
        if run.answers.get(update_id, ("",))[0] != "rejected":
            self.expected.note(name)
        self._look()

    @property
    def is_running(self) -> bool:
        return WORKFLOW in self.clockwork.runs

    def status(self) -> WorkerStatus:
        answer = self.clockwork.query(WORKFLOW, TradingWorkerWorkflow.status)
        assert isinstance(answer, WorkerStatus)
        return answer

    def complaints(self) -> list[str]:
        """Return differences between the worker and its accepted commands, and any lost commands."""
        self._look()
        life, expected, found = self.last_life, self.expected, []
        if life is None:
            return ["the worker never began"]
        said = (life.paused, life.stopping, life.rules.version, life.closed_session)
        wanted = (expected.paused, expected.stopping, expected.rules_version, expected.closed_session)
        if said != wanted:
            found.append(f"commands: (paused, stopping, rules, closed) is {said}, sent {wanted}: {expected.accepted}")
        if len(set(self.desk.sent)) != len(self.desk.sent):
            found.append(f"an order id was used twice: {self.desk.sent}")
        earned = sum(trade.net_pnl for trade in self.desk.trades)
        if life.realised_pnl != earned:
            found.append(f"trades earned {earned:,} won, the worker knows of {life.realised_pnl:,}")
        if not self.is_running and self.desk.held is not None:
            found.append("the worker ended with shares in its hands")
        return found

    def _look(self) -> None:
        if self.is_running:
            workflow: Any = self.clockwork.runs[WORKFLOW].instance
            self.last_life = workflow._object._commands.life if workflow._object is not None else self.last_life
        elif self.clockwork.past:
            self.last_life = object_of(self.clockwork.past[-1].instance)._commands.life


@asynccontextmanager
async def a_floor(starts_at: str = "2026-11-23 08:50", **bent: Any) -> AsyncIterator[VirtualFloor]:
    """Open a floor at a time (KST) with one worker; ``bent`` changes the desk's answers."""
    clock = MarketClock(kst(starts_at), kst(starts_at))
    desk = Desk(clock, **bent)
    every: list[Any] = desk.everything()
    acts = {activity_name(each): each for each in every}

    async def play(about: Scheduled, now: datetime) -> ActivityResolution | Again:
        return await attempt(about, acts[about.name], now)

    clockwork = Clockwork(kst(starts_at), play)
    clockwork.start(TradingWorkerWorkflow.run, WorkerLife(ACCOUNT, worker_name(1), TradingRules(), clock), WORKFLOW)
    floor = VirtualFloor(clockwork, desk)
    await floor.goes_on_until(kst(starts_at) + timedelta(seconds=1))
    try:
        yield floor
    finally:
        clockwork.close()
