"""The page's door: the printed links on this machine, passwords beyond it, and the cookie of a session."""

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from web.access.limits import LoginLimits
from web.access.passwords import Passwords, Role
from web.access.sessions import Session, Sessions

_TRIES: Final = 10
"""Wrong keys a minute; more are guessing. The right one always opens: a limit on it would let others lock it out."""
_MINUTE: Final = 60.0
SESSION_HOURS: Final = 12.0


def new_key() -> str:
    """Return a key that cannot be guessed."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Way:
    """How browsers reach the page. The defaults are those of a page on loopback, opened by its link."""

    by_password: bool = False
    """Whether they enter by password and second factor. There is no link then."""
    secure: bool = False
    """Whether they speak TLS, with us or with a reverse proxy."""
    is_behind_proxy: bool = False
    """Whether a reverse proxy on this machine names the browser's address (the last of ``X-Forwarded-For``)."""


class Access:
    """The keys of the printed links, and the sessions of browsers that have entered.

    A browser sends a cookie to every port of a host. So on loopback the cookie is limited to ``room``, a path that
    only this page knows: another server on this machine does not receive it, and another page does not overwrite it.
    With TLS its name begins with ``__Host-``: it goes to this host alone, and no other host can set it.
    ``commands`` is False for a page that only shows.
    """

    def __init__(  # noqa: PLR0913 - each of them is another part of the door
        self,
        key: str,
        hosts: Collection[str],
        *,
        commands: bool = True,
        way: Way | None = None,
        passwords: Passwords | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self._key = key
        self._hosts = frozenset(hosts)
        self._commands = commands
        self.way = way or Way()
        self.passwords = passwords
        self.sessions = sessions or Sessions(SESSION_HOURS)
        self.limits = LoginLimits()
        self._wrong: deque[float] = deque(maxlen=_TRIES + 1)

    @property
    def room(self) -> str:
        """Return the first part of each path of the page. It does not reveal the key."""
        return self._derived("room")[:32]

    @property
    def cookie_name(self) -> str:
        """Return the cookie's name; another server of this machine cannot set one of this name."""
        return f"__Host-haru-{self.room[:8]}" if self.way.secure else f"haru-{self.room}"

    @property
    def readers_key(self) -> str:
        """Return the key of the second link, for browsers that only see. It does not reveal the other."""
        return self._derived("read-only link")

    def is_here(self, request: Request) -> bool:
        """Return whether a request names this page's own address; another name may be an attack by DNS."""
        return len(request.headers.getlist("host")) == 1 and request.headers["host"].lower() in self._hosts

    def session_of(self, request: Request) -> Session | None:
        """Return the session of a request's cookie, unless it is over or was begun under another key or password."""
        found = self.sessions.of(request.cookies.get(self.cookie_name, ""))
        if found is None or not found.stamp:
            return None
        return found if hmac.compare_digest(found.stamp, self._stamp(found.role)) else None

    def is_known(self, request: Request) -> bool:
        """Return whether a request comes from a browser that has entered."""
        return self.session_of(request) is not None

    def may_act(self, request: Request) -> bool:
        """Return whether a request comes from an operator's browser, and this page has commands."""
        found = self.session_of(request)
        return found is not None and found.role is Role.OPERATOR and self._commands

    def is_ours(self, request: Request) -> bool:
        """Return whether a command comes from this page: another site can send neither this origin nor this type."""
        origin = f"{'https' if self.way.secure else 'http'}://{request.headers.get('host')}"
        return (
            request.headers.getlist("origin") == [origin]
            and request.headers.get("content-type", "").partition(";")[0] == "application/json"
            and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        )

    def address_of(self, request: Request) -> str:
        """Return the address of a request's browser."""
        if self.way.is_behind_proxy:
            forwarded = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
            return forwarded[:64] or "unknown"
        return request.client.host if request.client else "unknown"

    def opens(self, key: str) -> Role | None:
        """Return the role that a link's key opens the page for; None if it is wrong."""
        is_operators = hmac.compare_digest(key.encode("utf-8", "replace"), self._key.encode()) and self._commands
        is_readers = hmac.compare_digest(key.encode("utf-8", "replace"), self.readers_key.encode())
        if is_operators or is_readers:
            return Role.OPERATOR if is_operators else Role.READER
        self._wrong.append(time.monotonic())
        return None

    @property
    def is_guessed(self) -> bool:
        """Return whether too many wrong keys came within a minute."""
        return len(self._wrong) > _TRIES and time.monotonic() - self._wrong[0] < _MINUTE

    def let_in(self, request: Request, response: Response, role: Role) -> None:
        """Begin a session of a browser, with a new cookie; an earlier session of it ends."""
        self.sessions.end(request.cookies.get(self.cookie_name, ""))
        token = self.sessions.begin(role, self.address_of(request), self._stamp(role))
        response.set_cookie(self.cookie_name, token, max_age=self.sessions.seconds, **self._about)

    def let_out(self, request: Request, response: Response) -> None:
        """End the session of a browser."""
        self.sessions.end(request.cookies.get(self.cookie_name, ""))
        response.delete_cookie(self.cookie_name, **self._about)

    @property
    def _about(self) -> dict[str, Any]:
        path = "/" if self.way.secure else f"/{self.room}"
        return {"path": path, "httponly": True, "samesite": "lax", "secure": self.way.secure}

    def _stamp(self, role: Role) -> str:
        if self.way.by_password:
            return "" if self.passwords is None else self.passwords.stamp_of(role)
        return self._derived(f"session {role}")[:16]

    def _derived(self, purpose: str) -> str:
        return hashlib.sha256(f"haru {purpose} {self._key}".encode()).hexdigest()
