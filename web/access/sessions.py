"""Sessions of browsers that have entered. A session ends by itself, by logout, or with the password it entered by."""

import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from security.private_files import private_folder, read_private, write_private
from web.access.passwords import Role

_MOST: Final = 200
"""Sessions at once; the oldest end first."""


def real_seconds() -> float:
    """Return the seconds since 1970 by this machine's clock."""
    return datetime.now(UTC).timestamp()  # noqa: TID251 - browsers and authenticators live in real time


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has entered; ``stamp`` names the key or the credentials by which it did."""

    role: Role
    address: str
    until: float
    stamp: str


class Sessions:
    """Sessions by the digest of their token. With a file they outlive a restart of the page."""

    def __init__(self, hours: float, file: Path | None = None, now: Callable[[], float] = real_seconds) -> None:
        self._lasts = hours * 3600
        self._file = file
        self._now = now
        self._found: dict[str, Session] = {}
        self._steps: dict[str, int] = {}
        """The last step of each credential's second factor that was used; a code counts once."""
        self._load()

    @property
    def seconds(self) -> int:
        """Return how long a session lasts."""
        return int(self._lasts)

    def now(self) -> float:
        """Return the seconds since 1970."""
        return self._now()

    def begin(self, role: Role, address: str, stamp: str) -> str:
        """Begin a session; return its token, which only the browser keeps."""
        token = secrets.token_urlsafe(32)
        self._found[_digest(token)] = Session(role, address, self._now() + self._lasts, stamp)
        self._tidy()
        return token

    def of(self, token: str) -> Session | None:
        """Return the session of a token, unless it is over."""
        found = self._found.get(_digest(token)) if token else None
        return found if found is not None and found.until > self._now() else None

    def end(self, token: str) -> None:
        """End a session."""
        if self._found.pop(_digest(token), None) is not None:
            self._tidy()

    def takes(self, stamp: str, step: int) -> bool:
        """Use a step of a second factor; return whether it was not used before."""
        if step <= self._steps.get(stamp, -1):
            return False
        self._steps[stamp] = step
        self._tidy()
        return True

    def _tidy(self) -> None:
        living = {name: each for name, each in self._found.items() if each.until > self._now()}
        self._found = dict(list(living.items())[-_MOST:])
        if self._file is not None:
            about = {"sessions": {name: asdict(each) for name, each in self._found.items()}, "steps": self._steps}
            with suppress(OSError):  # a full disk shuts no browser out; sessions then end with the page
                private_folder(self._file.parent)
                write_private(self._file, json.dumps(about))

    def _load(self) -> None:
        """Read the file. A damaged one means that browsers enter again."""
        if self._file is None:
            return
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            about = json.loads(read_private(self._file))
            self._steps = {str(stamp): int(step) for stamp, step in about["steps"].items()}
            self._found = {
                name: Session(Role(each["role"]), each["address"], float(each["until"]), each["stamp"])
                for name, each in about["sessions"].items()
            }


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
