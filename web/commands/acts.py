"""Commands of the page, in two steps: what a command will do, then the command, once."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.errors import TradingError
from domain.rules import TradingRules
from fleet.errors import OperationError
from runtime.settings import SettingsError
from web.commands.planning import described
from web.commands.wanted import SELLS, Act, Wanted
from web.connection import Connection

_VALID_FOR: Final = 120.0
"""Real seconds in which a plan can be confirmed."""
_MOST: Final = 200
"""Plans in memory; the oldest are forgotten, except commands under way."""


class StalePlanError(Exception):
    """The plan is unknown, too old, or may buy more than it did: the page asks again."""


Perform = Callable[[Wanted], Awaitable[Mapping[str, Any]]]
"""Carries out a command, writes its row of the audit log, and returns what came of it."""


@dataclass(slots=True)
class _Deed:
    """A command that several plans may stand for: those of pages that asked for the same before it was over."""

    doing: "asyncio.Task[Mapping[str, Any]] | None" = field(default=None)
    plan: str = ""
    """The plan whose confirmation began it."""
    begun_at: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.doing is not None and self.doing.done()

    @property
    def is_under_way(self) -> bool:
        return self.doing is not None and not self.doing.done()


@dataclass(frozen=True, slots=True)
class _Plan:
    wanted: Wanted
    made_at: float
    deed: _Deed
    needs_password: bool


class Acts:
    """Plans and their outcomes. A plan is carried out once: a second confirmation gets the outcome of the first.

    Pages that plan the same command share it, so two browsers do it once: the second gets the outcome of the first.
    """

    def __init__(self, connection: Connection, perform: Perform, rules: TradingRules | None = None) -> None:
        self._connection = connection
        self._perform = perform
        self.rules = rules or TradingRules()
        self._plans: dict[str, _Plan] = {}
        self._deeds: dict[Wanted, _Deed] = {}

    async def plan(self, wanted: Wanted) -> dict[str, Any]:
        """Return what a command will do now, and the name under which it can be confirmed.

        Raises:
            OperationError, TradingError, SettingsError: it would be refused. Database faults: it cannot be read.
        """
        found = await described(self._connection, wanted, self.rules)
        deed = self._deeds.get(wanted)
        if deed is None or deed.is_over:
            deed = self._deeds[wanted] = _Deed()
        name = secrets.token_urlsafe(16)
        self._plans[name] = _Plan(wanted, time.monotonic(), deed, found.needs_password)
        self._forget()
        return {
            "plan": name,
            "act": wanted.act.value,
            "worker": wanted.worker,
            "sells": wanted.act in SELLS,
            "stocks": found.stocks,
            "says": found.says,
            "workers": found.workers,
            "needs_password": found.needs_password,
        }

    def needs_password(self, name: str) -> bool:
        """Return whether a plan is confirmed by password. It is asked for before the command begins, not after."""
        plan = self._plans.get(name)
        return plan is not None and plan.needs_password and plan.deed.doing is None

    async def confirm(self, name: str) -> Mapping[str, Any]:
        """Carry out a plan, unless that has begun; return its outcome either way.

        A page that goes away does not stop the command. ``another`` are the seconds since another page began it.

        Raises:
            StalePlanError: the plan is unknown or too old, or needs the password only since it was made.
        """
        plan = self._plans.get(name)
        now = time.monotonic()
        if plan is None or (plan.deed.plan != name and now - plan.made_at > _VALID_FOR):
            raise StalePlanError
        deed = plan.deed
        if deed.doing is None:
            deed.plan, deed.begun_at = name, now
            deed.doing = asyncio.create_task(self._outcome(plan))
        outcome = await asyncio.shield(deed.doing)
        return outcome if deed.plan == name else {**outcome, "another": round(now - deed.begun_at)}

    async def finish(self) -> None:
        """Wait for the commands under way."""
        under_way = [each.deed.doing for each in self._plans.values() if each.deed.doing is not None]
        await asyncio.gather(*under_way, return_exceptions=True)

    def _forget(self) -> None:
        for old in [each for each, plan in self._plans.items() if not plan.deed.is_under_way][: -_MOST or None]:
            del self._plans[old]
        used = {id(plan.deed) for plan in self._plans.values()}
        self._deeds = {wanted: deed for wanted, deed in self._deeds.items() if id(deed) in used}

    async def _outcome(self, plan: _Plan) -> Mapping[str, Any]:
        try:
            if plan.wanted.act is Act.RULES and not plan.needs_password:
                await self._refuse_what_enlarges_now(plan.wanted)
            return await self._perform(plan.wanted)
        except StalePlanError:
            raise
        except (OperationError, TradingError, SettingsError) as refusal:
            return {"well": False, "lines": [str(refusal)]}
        except Exception as fault:  # noqa: BLE001 - the page shows it; the audit log has it
            return {"well": False, "lines": [f"{type(fault).__name__}: {fault}"]}

    async def _refuse_what_enlarges_now(self, wanted: Wanted) -> None:
        """Refuse a change without a password whose worker follows smaller values by now than when it was planned."""
        if (await described(self._connection, wanted, self.rules)).needs_password:
            raise StalePlanError
