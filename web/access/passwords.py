"""Passwords and second factors of the page, one pair for each role, in a private file of the data folder."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from security.private_files import private_folder, read_private, write_private
from web.access.codes import new_secret, step_of

LEAST_CHARACTERS: Final = 12
_MOST_CHARACTERS: Final = 200
_HASHER: Final = PasswordHasher()
"""Argon2id with the parameters of RFC 9106 for little memory (64 MiB), as argon2-cffi has them."""


class Role(StrEnum):
    """What a browser may do: see and command, or see alone."""

    OPERATOR = "operator"
    READER = "read-only"


class WeakPasswordError(ValueError):
    """The password is too short or too long."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A role's password, hashed, and the secret of its second factor."""

    digest: str
    secret: str

    @property
    def stamp(self) -> str:
        """Return a name of these credentials; a session under another one is over."""
        return hashlib.sha256(f"{self.digest} {self.secret}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Entered:
    """The role whose password and code were right, and the step of the code, which counts once."""

    role: Role
    step: int


class Passwords:
    """The file ``web/passwords.json`` of a data folder. It is read at each use, so that a change counts at once."""

    def __init__(self, data: Path) -> None:
        self._file = data / "web" / "passwords.json"
        self._turn = asyncio.Semaphore(1)  # a check takes 64 MiB and its time: guesses wait for each other

    def of(self, role: Role) -> Credentials | None:
        """Return a role's credentials; None if none are set.

        Raises:
            OSError: the file cannot be read or is not private. ValueError: it is damaged.
        """
        return self._read().get(role)

    def stamp_of(self, role: Role) -> str:
        """Return the name of a role's credentials; empty without any, or if they cannot be read."""
        try:
            found = self.of(role)
        except (OSError, ValueError):
            return ""
        return "" if found is None else found.stamp

    def put(self, role: Role, password: str) -> str:
        """Set a role's password with a new second factor, and return its secret. Sessions of the role end.

        Raises:
            WeakPasswordError: the password has fewer than twelve characters, or too many.
            OSError: the file cannot be written.
        """
        if not LEAST_CHARACTERS <= len(password) <= _MOST_CHARACTERS:
            raise WeakPasswordError(f"choose {LEAST_CHARACTERS} to {_MOST_CHARACTERS} characters")
        made = Credentials(_HASHER.hash(password), new_secret())
        self._write({**self._read(), role: made})
        return made.secret

    def remove(self, role: Role) -> bool:
        """Remove a role's password; return whether there was one. Sessions of the role end."""
        found = dict(self._read())
        removed = found.pop(role, None)
        if removed is not None:
            self._write(found)
        return removed is not None

    async def enter(self, password: str, code: str, now: float) -> Entered | None:
        """Return the role whose password and code these are. Both roles and both factors are always checked."""
        async with self._turn:
            return await asyncio.to_thread(self._entered, password, code, now)

    async def is_of(self, role: Role, password: str) -> bool:
        """Return whether this is a role's password."""
        async with self._turn:
            return await asyncio.to_thread(self._matches, self._read().get(role), password)

    def _entered(self, password: str, code: str, now: float) -> Entered | None:
        known, right = self._read(), None
        for role in Role:
            found = known.get(role)
            step = step_of(found.secret if found else _NONE.secret, code, now)
            if self._matches(found, password) and step is not None:
                right = right or Entered(role, step)
        return right

    @staticmethod
    def _matches(found: Credentials | None, password: str) -> bool:
        try:
            _HASHER.verify((found or _NONE).digest, password[:_MOST_CHARACTERS])
        except (Argon2Error, InvalidHashError):
            return False
        return found is not None

    def _read(self) -> Mapping[Role, Credentials]:
        try:
            found = json.loads(read_private(self._file))
            return {Role(role): Credentials(**each) for role, each in found.items()}
        except FileNotFoundError:
            return {}
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"{self._file} is damaged; remove it and set the passwords again") from None

    def _write(self, found: Mapping[Role, Credentials]) -> None:
        folder = private_folder(private_folder(self._file.parent.parent) / self._file.parent.name)
        text = json.dumps({role.value: asdict(each) for role, each in found.items()})
        write_private(folder / self._file.name, text)


_NONE: Final = Credentials(
    "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg", new_secret()
)
"""Compared with when a role has no password, so that the time of an answer does not say so."""
