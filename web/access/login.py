"""Enter and leave the page: by the printed link on this machine, by password and second factor beyond it."""

import logging
import math
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.audit_log import Outcome
from reporting.sentences import Words
from web.access.door import Access
from web.access.passwords import Role
from web.access.records import Recorder, program_of
from web.answers import HEADERS, RefusedError, json_object, text_of

logger = logging.getLogger("haru.web")

_LOGIN: Final = ["web", "login"]


class Entry:
    """The routes of entering and leaving. ``closed`` is the page of a browser that has not entered."""

    def __init__(
        self,
        access: Access,
        recorder: Recorder,
        said: Callable[[Request], Words],
        closed: Callable[[Request], Response],
    ) -> None:
        self._access = access
        self._recorder = recorder
        self._said = said
        self._closed = closed

    def outside(self) -> list[Route]:
        """Return the routes for browsers that have not entered."""
        return [Route("/", self.enter), Route("/login", self.login, methods=["POST"])]

    def inside(self) -> list[Route]:
        """Return the routes below the page's own path."""
        return [Route("/logout", self.logout, methods=["POST"])]

    async def enter(self, request: Request) -> Response:
        """Send a browser with the key of a printed link to the page, with a cookie for it."""
        access = self._access
        if not access.is_here(request):
            raise RefusedError(403)
        key = request.query_params.get("key")
        if access.way.by_password:
            return self._to_the_page() if access.is_known(request) else self._closed(request)
        if key is None:
            return self._closed(request)
        role = access.opens(key)
        if role is None:
            self._refused(request, "wrong key", each=False)
            raise RefusedError(429 if access.is_guessed else 403)
        return self._entered(request, role, self._to_the_page())

    async def login(self, request: Request) -> Response:
        """Let a browser in whose password and code are right."""
        access, words = self._access, self._said(request)["web"]
        if not access.is_here(request) or not access.is_ours(request):
            raise RefusedError(403)
        if not access.way.by_password or access.passwords is None:
            raise RefusedError(404)
        asked = await json_object(request)
        password, code = text_of(asked, "password"), text_of(asked, "code", 20)
        if waits := self._waits(request):
            return _too_many(waits, words["too_many"])
        try:
            entered = await access.passwords.enter(password, code, access.sessions.now())
        except (OSError, ValueError):
            logger.exception("page_passwords_unreadable")
            raise RefusedError(503) from None
        if entered is None or not access.sessions.takes(access.passwords.stamp_of(entered.role), entered.step):
            self._refused(request, "wrong password or code", each=True)
            return JSONResponse({"error": words["wrong_login"]}, 403, headers=HEADERS)
        access.limits.entered(access.address_of(request))
        return self._entered(request, entered.role, JSONResponse({"to": f"/{access.room}/"}, headers=HEADERS))

    async def logout(self, request: Request) -> Response:
        """End the browser's session."""
        access = self._access
        if not access.is_here(request) or not access.is_ours(request):
            raise RefusedError(403)
        session = access.session_of(request)
        if session is None:
            raise RefusedError(401)
        left = JSONResponse({"to": "/"}, headers=HEADERS)
        access.let_out(request, left)
        self._recorder.note(program_of(session.role, session.address), ["web", "logout"], Outcome.ACCEPTED)
        return left

    async def confirms(self, request: Request, password: str) -> Response | None:
        """Check the operator's password before a command that needs it again; None if it is right."""
        access, words = self._access, self._said(request)["web"]
        if access.passwords is None:
            raise RefusedError(403)
        if waits := self._waits(request):
            return _too_many(waits, words["too_many"])
        try:
            is_right = await access.passwords.is_of(Role.OPERATOR, password)
        except (OSError, ValueError):
            logger.exception("page_passwords_unreadable")
            raise RefusedError(503) from None
        if not is_right:
            self._refused(request, "wrong password for a command", each=True)
            return JSONResponse({"error": words["wrong_password"], "again": True}, 403, headers=HEADERS)
        access.limits.entered(access.address_of(request))
        return None

    def _to_the_page(self) -> Response:
        return RedirectResponse(f"/{self._access.room}/", status_code=303, headers=HEADERS)

    def _entered(self, request: Request, role: Role, response: Response) -> Response:
        self._access.let_in(request, response, role)
        self._recorder.note(program_of(role, self._access.address_of(request)), _LOGIN, Outcome.ACCEPTED)
        return response

    def _waits(self, request: Request) -> float:
        """Count a try of a password; return the seconds to wait if there were too many."""
        access = self._access
        waits = access.limits.begins(access.address_of(request), access.sessions.now())
        if waits:
            self._refused(request, "too many tries", each=False)
        return waits

    def _refused(self, request: Request, why: str, *, each: bool) -> None:
        """Record a refused try; what any stranger can repeat without limit gets one row a minute."""
        client = program_of("", self._access.address_of(request))
        if each:
            self._recorder.note(client, _LOGIN, Outcome.REFUSED, why)
        else:
            self._recorder.note_once_a_minute(client, _LOGIN, Outcome.REFUSED, why)


def _too_many(waits: float, text: str) -> Response:
    about = {**HEADERS, "Retry-After": str(math.ceil(waits))}
    return JSONResponse({"error": text.replace("{minutes}", str(math.ceil(waits / 60)))}, 429, headers=about)
