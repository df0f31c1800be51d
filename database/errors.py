"""Errors of the database. Errors that concern a trade are in ``domain.errors``; the rest concern startup."""

import socket
from collections.abc import Sequence
from typing import Final

import asyncpg

from domain.errors import (
    ActiveOrderExistsError,
    BooksRefusedError,
    EnvironmentMismatchError,
    InvalidTransitionError,
    LivePositionExistsError,
    OversoldError,
    StopTradingError,
)

__all__ = [
    "AccountInUseError",
    "ActiveOrderExistsError",
    "BooksRefusedError",
    "DatabaseAwayError",
    "DatabaseTooNewError",
    "DatabaseTooOldError",
    "EnvironmentMismatchError",
    "InvalidTransitionError",
    "LivePositionExistsError",
    "MigrationRightsError",
    "OversoldError",
    "UnknownIntentError",
]


class DatabaseAwayError(ConnectionError):
    """No usable server answers. The text is for people, without the driver's words."""


class DatabaseTooNewError(StopTradingError):
    """The database has been migrated by newer code, which took away what this code uses."""

    def __init__(self, unknown: Sequence[str]) -> None:
        super().__init__(
            f"the database is newer than this program, which does not know {', '.join(unknown)}: "
            "update the program, or point DATABASE_URL at another database"
        )


class DatabaseTooOldError(StopTradingError):
    """The database lacks migrations that this code needs."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"the database is older than this program, and lacks {_from_to(missing)}: restart `python worker.py` "
            "with this version, which migrates when it starts; existing data is kept"
        )


class MigrationRightsError(StopTradingError):
    """The database lacks migrations, and the connected role may not apply them."""

    def __init__(self, missing: Sequence[str], role: str) -> None:
        super().__init__(
            f"the database lacks {_from_to(missing)}, and the role {role} may not change its tables: set "
            "HARU_DATABASE_MIGRATION_URL to the same database as their owner, here or for `python starter.py migrate`"
        )


def _from_to(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} migrations ({names[0]} to {names[-1]})"


class AccountInUseError(StopTradingError):
    """Another fleet trades this account now."""


class UnknownIntentError(StopTradingError):
    """The ledger does not contain the named order intent, position or worker."""


DATABASE_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""Errors raised by a connection or statement when the server is unavailable, refuses access, or is not migrated.

The driver raises an internal error when a connection is used that the server has just closed.
"""

_LOGIN: Final = "the login is refused; correct the user or the password in DATABASE_URL"
_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (asyncpg.InvalidPasswordError, _LOGIN),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "the login is refused; correct the user or the password in DATABASE_URL",
    ),
    (asyncpg.InvalidCatalogNameError, "the database does not exist; create it, or correct DATABASE_URL"),
    (asyncpg.TooManyConnectionsError, "all its connections are in use; close other clients, or raise max_connections"),
    (asyncpg.CannotConnectNowError, "it is starting or stopping; try again in a moment"),
    (asyncpg.OperatorInterventionError, "it is starting or stopping; try again in a moment"),
    (asyncpg.DiskFullError, "its disk is full; free some room"),
    (asyncpg.ReadOnlySQLTransactionError, "it refuses writes; point DATABASE_URL at the primary"),
    (asyncpg.InsufficientPrivilegeError, "the role lacks a right; `python starter.py migrate` grants it"),
    (asyncpg.UndefinedTableError, "its tables are missing; run `python starter.py migrate`"),
    (ConnectionRefusedError, "the connection is refused, because no server listens there"),
    (socket.gaierror, "the host name is unknown; correct DATABASE_URL"),
    (TimeoutError, "no answer in time"),
    (OSError, "no connection"),
)


_LIBPQ: Final = (
    ("refused", "the connection is refused, because no server listens there"),
    ("authentication failed", _LOGIN),
    ("does not exist", "the database or the role does not exist; create it, or correct DATABASE_URL"),
    ("translate host name", "the host name is unknown; correct DATABASE_URL"),
    ("timeout", "no answer in time"),
    ("starting up", "it is starting or stopping; try again in a moment"),
    ("shutting down", "it is starting or stopping; try again in a moment"),
)
"""Words in libpq's texts about a failed connection, and what they mean. It has no error classes."""


def libpq_cause(text: str) -> str:
    """Return in plain words why libpq could not connect."""
    return next((cause for word, cause in _LIBPQ if word in text), "no connection")


def database_cause(fault: BaseException) -> str:
    """Return in plain words why the database did not answer, with a remedy of its own after a semicolon."""
    if isinstance(fault, DatabaseAwayError):
        return str(fault)
    for kind, cause in _CAUSES:
        if isinstance(fault, kind):
            return cause
    state = getattr(fault, "sqlstate", None)
    return f"it refuses the request (SQLSTATE {state})" if state else "the connection was lost"
