"""Errors of the database. Errors that concern a trade are in ``domain.errors``; the rest concern startup."""

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
    "DatabaseTooNewError",
    "DatabaseTooOldError",
    "EnvironmentMismatchError",
    "InvalidTransitionError",
    "LivePositionExistsError",
    "MigrationRightsError",
    "OversoldError",
    "UnknownIntentError",
]


class DatabaseTooNewError(StopTradingError):
    """The database has migrations that this code does not know."""

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
