"""Commands of the page, in two steps: what a command will do, then the command, once."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from domain.identity import ALL_WORKERS
from fleet.errors import OperationError
from web.connection import Connection

_VALID_FOR: Final = 120.0
"""Real seconds in which a plan can be confirmed."""
_MOST: Final = 200
"""Plans in memory; the oldest are forgotten, except commands under way."""


class Act(StrEnum):
    """A command of the page; the words of the command line."""

    PAUSE = "pause"
    RESUME = "resume"
    LIQUIDATE = "liquidate"
    STOP = "stop"
    KILL_SWITCH_ON = "kill-switch on"
    KILL_SWITCH_OFF = "kill-switch off"
    CLOSE = "close"


SELLS: Final = frozenset({Act.LIQUIDATE, Act.STOP, Act.KILL_SWITCH_ON, Act.CLOSE})
"""Acts that sell shares."""
_OF_A_WORKER: Final = frozenset({Act.PAUSE, Act.RESUME, Act.LIQUIDATE, Act.STOP})


class StalePlanError(Exception):
    """The plan is unknown or too old: the page asks again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act and whom it concerns: a worker's name or ``all``."""

    act: Act
    worker: str = ALL_WORKERS

    @classmethod
    def of(cls, act: Act, worker: str) -> "Wanted":
        """Return an act. One that concerns the fleet names no worker, so that the page does not show one."""
        return cls(act, worker if act in _OF_A_WORKER else ALL_WORKERS)

    @property
    def words(self) -> list[str]:
        """Return the command as the command line would have it, for the audit log."""
        return [*self.act.value.split(), *([self.worker] if self.act in _OF_A_WORKER else [])]


Perform = Callable[[Wanted], Awaitable[Mapping[str, Any]]]
"""Carries out a command, writes its row of the audit log, and returns what came of it."""


@dataclass(slots=True)
class _Plan:
    wanted: Wanted
    made_at: float
    doing: "asyncio.Task[Mapping[str, Any]] | None" = field(default=None)

    @property
    def is_under_way(self) -> bool:
        return self.doing is not None and not self.doing.done()


class Acts:
    """Plans and their outcomes. A plan is carried out once: a second confirmation gets the outcome of the first."""

    def __init__(self, connection: Connection, perform: Perform) -> None:
        self._connection = connection
        self._perform = perform
        self._plans: dict[str, _Plan] = {}

    async def plan(self, wanted: Wanted) -> dict[str, Any]:
        """Return what a command will do now, and the name under which it can be confirmed.

        Raises:
            OperationError: there is no such worker.
        """
        fleet = await self._connection.fleet()
        positions = await fleet.database.positions.held_in(fleet.account_id)
        workers = await fleet.selected(wanted.worker) if wanted.act in _OF_A_WORKER else ()
        sold = [each for each in positions if not workers or each.worker_id in workers]
        name = secrets.token_urlsafe(16)
        self._plans[name] = _Plan(wanted, time.monotonic())
        for old in [each for each, plan in self._plans.items() if not plan.is_under_way][: -_MOST or None]:
            del self._plans[old]
        sells = wanted.act in SELLS
        return {
            "plan": name,
            "act": wanted.act.value,
            "worker": wanted.worker,
            "sells": sells,
            "stocks": [f"{each.symbol} {each.name} ×{each.quantity:,}" for each in sold] if sells else [],
            "workers": len(workers),
        }

    async def confirm(self, name: str) -> Mapping[str, Any]:
        """Carry out a plan, unless that has begun; return its outcome either way.

        A page that goes away does not stop the command.

        Raises:
            StalePlanError: the plan is unknown or too old.
        """
        plan = self._plans.get(name)
        if plan is None or (plan.doing is None and time.monotonic() - plan.made_at > _VALID_FOR):
            raise StalePlanError
        if plan.doing is None:
            plan.doing = asyncio.create_task(self._outcome(plan.wanted))
        return await asyncio.shield(plan.doing)

    async def finish(self) -> None:
        """Wait for the commands under way."""
        under_way = [each.doing for each in self._plans.values() if each.doing is not None]
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _outcome(self, wanted: Wanted) -> Mapping[str, Any]:
        try:
            return await self._perform(wanted)
        except OperationError as refusal:
            return {"well": False, "lines": [str(refusal)]}
        except Exception as fault:  # noqa: BLE001 - the page shows it; the audit log has it
            return {"well": False, "lines": [f"{type(fault).__name__}: {fault}"]}
