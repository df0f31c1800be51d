"""Who may use the page: a browser on this machine that has opened the printed link."""

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Collection
from typing import Final

from starlette.requests import Request

_TRIES: Final = 10
"""Wrong keys a minute; more are guessing. The right one always opens: a limit on it would let others lock it out."""
_MINUTE: Final = 60.0


def new_key() -> str:
    """Return a key that cannot be guessed."""
    return secrets.token_urlsafe(32)


class Access:
    """The key of the printed link, and the cookie that a browser gets for it.

    A browser sends a cookie to every port of a host. So the cookie is limited to ``room``, a path that only this page
    knows: another server on this machine does not receive it, and another page does not overwrite it.
    ``may_act`` is False for a page that only shows.
    """

    def __init__(self, key: str, hosts: Collection[str], *, may_act: bool = True) -> None:
        self._key = key
        self._hosts = frozenset(hosts)
        self.may_act = may_act
        self._wrong: deque[float] = deque(maxlen=_TRIES + 1)

    @property
    def room(self) -> str:
        """Return the first part of each path of the page. It does not reveal the key."""
        return self._derived("room")[:32]

    @property
    def cookie_name(self) -> str:
        """Return the cookie's name; another server of this machine cannot set one of this name."""
        return f"haru-{self.room}"

    @property
    def cookie(self) -> str:
        """Return the cookie's value. It does not reveal the key."""
        return self._derived("page")

    def is_here(self, request: Request) -> bool:
        """Return whether a request names this page's own address; another name may be an attack by DNS."""
        return request.headers.get("host") in self._hosts

    def is_known(self, request: Request) -> bool:
        """Return whether a request has the cookie."""
        return hmac.compare_digest(request.cookies.get(self.cookie_name, "").encode(), self.cookie.encode())

    def is_ours(self, request: Request) -> bool:
        """Return whether a command comes from this page: another site can send neither this origin nor this type."""
        origin = f"{request.url.scheme}://{request.headers.get('host')}"
        return (
            request.headers.get("origin") == origin
            and request.headers.get("content-type", "").partition(";")[0] == "application/json"
            and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        )

    def opens(self, key: str) -> bool:
        """Return whether a key is right."""
        if hmac.compare_digest(key.encode(), self._key.encode()):
            return True
        self._wrong.append(time.monotonic())
        return False

    @property
    def is_guessed(self) -> bool:
        """Return whether too many wrong keys came within a minute."""
        return len(self._wrong) > _TRIES and time.monotonic() - self._wrong[0] < _MINUTE

    def _derived(self, purpose: str) -> str:
        return hashlib.sha256(f"haru {purpose} {self._key}".encode()).hexdigest()
