"""What the books refuse. The errors a trade meets live in ``domain.errors``; the rest concern starting up."""

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
            "with this version, which migrates when it starts; what the books hold stays"
        )


class MigrationRightsError(StopTradingError):
    """The database lacks migrations, and our role may not apply them."""

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
    """An order intent, position or worker that the ledger does not have was asked for by name."""


DATABASE_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a connection or statement raises when the server is away, refuses us, or has not been migrated.

The driver calls it an internal error when a connection is used that the server has just cut and nobody has noticed.
"""
