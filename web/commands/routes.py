"""The routes of the page's commands: only an operator's browser gets them."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from database.errors import DATABASE_FAULTS
from domain.errors import TradingError
from domain.identity import ALL_WORKERS
from fleet.errors import OperationError
from fleet.fleet import Fleet
from reporting.sentences import Words
from runtime.settings import SettingsError
from web.access.door import Access
from web.access.login import Entry
from web.access.passwords import Role
from web.access.records import program_of
from web.answers import HEADERS, RefusedError, json_object, text_of
from web.commands.acts import Acts, StalePlanError
from web.commands.decisions import waiting
from web.commands.rules import rules_of
from web.commands.wanted import Act, Wanted
from web.connection import Connection

_LONGEST_VALUE = 2000
"""Characters of a rule's value, such as a list of stocks."""


class CommandRoutes:
    """Plan and carry out a command, and read what commands are about: the rules and the orders that wait."""

    def __init__(
        self,
        connection: Connection,
        access: Access,
        acts: Acts,
        entry: Entry,
        said: Callable[[Request], Words],
    ) -> None:
        self._connection = connection
        self._access = access
        self._acts = acts
        self._entry = entry
        self._said = said

    def routes(self) -> list[Route]:
        """Return the routes below the page's own path."""
        return [
            Route("/plan", self.plan, methods=["POST"]),
            Route("/act", self.act, methods=["POST"]),
            Route("/rules", self.rules),
            Route("/decisions", self.decisions),
        ]

    async def plan(self, request: Request) -> Response:
        """Return what a command will do."""
        asked = await self._command(request)
        worker = text_of(asked, "worker") or ALL_WORKERS
        given = {name: text_of(asked, name) for name in ("rule", "intent", "number", "branch", "reason")}
        given["value"] = text_of(asked, "value", _LONGEST_VALUE)
        try:
            wanted = Wanted.of(Act(text_of(asked, "act")), worker, given, self._client(request))
        except ValueError:
            raise RefusedError(400) from None
        words = self._said(request)
        try:
            plan = await self._acts.plan(wanted)
        except (OperationError, TradingError, SettingsError, *DATABASE_FAULTS) as refusal:
            return JSONResponse({"error": words.say_parts(str(refusal))}, 409, headers=HEADERS)
        if plan["needs_password"] and not self._has_password():
            return JSONResponse({"error": words["web"]["no_password"]}, 409, headers=HEADERS)
        return JSONResponse({**plan, "says": [words.say_parts(each) for each in plan["says"]]}, headers=HEADERS)

    async def act(self, request: Request) -> Response:
        """Carry out a plan once."""
        asked = await self._command(request)
        plan, words = text_of(asked, "plan"), self._said(request)
        if self._acts.needs_password(plan):
            refusal = await self._entry.confirms(request, text_of(asked, "password"))
            if refusal is not None:
                return refusal
        try:
            done = await self._acts.confirm(plan)
        except StalePlanError:
            return JSONResponse({"error": words["web"]["stale"]}, 409, headers=HEADERS)
        said = [words.say_parts(each) for each in done["lines"]]
        if "another" in done:
            said.insert(0, words["web"]["by_another"].replace("{seconds}", str(done["another"])))
        return JSONResponse({"well": done["well"], "lines": said}, headers=HEADERS)

    async def rules(self, request: Request) -> Response:
        """Return the rules in force of a worker, or of all."""
        worker = request.query_params.get("worker", ALL_WORKERS)
        words = self._said(request)

        async def read(fleet: Fleet) -> list[dict[str, Any]]:
            found = await rules_of(fleet, worker, self._acts.rules)
            for each in found:
                for rule in each["rules"]:
                    rule.update(source=words.say_parts(rule["source"]), bounds=words.say_parts(rule["bounds"]))
            return found

        return await self._read(request, read)

    async def decisions(self, request: Request) -> Response:
        """Return the orders that wait for a decision."""
        return await self._read(request, waiting)

    async def _read(self, request: Request, read: Callable[[Fleet], Awaitable[Any]]) -> Response:
        self._require_operator(request)
        try:
            return JSONResponse(await read(await self._connection.fleet()), headers=HEADERS)
        except (OperationError, *DATABASE_FAULTS) as fault:
            error = self._said(request).say_parts(str(fault))
            return JSONResponse({"error": error}, 503, headers=HEADERS)

    async def _command(self, request: Request) -> dict[str, Any]:
        """Return the JSON object of a command that comes from this page and may be given."""
        self._require_operator(request)
        if not self._access.is_ours(request):
            raise RefusedError(403)
        return await json_object(request)

    def _require_operator(self, request: Request) -> None:
        if not self._access.is_here(request):
            raise RefusedError(403)
        if not self._access.is_known(request):
            raise RefusedError(401)
        if not self._access.may_act(request):
            raise RefusedError(403)

    def _client(self, request: Request) -> str:
        session = self._access.session_of(request)
        return "web" if session is None else program_of(session.role, session.address)

    def _has_password(self) -> bool:
        passwords = self._access.passwords
        return passwords is not None and bool(passwords.stamp_of(Role.OPERATOR))
