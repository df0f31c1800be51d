"""What the books refuse. The errors a trade meets live in ``domain.errors``; the rest concern starting up."""

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
    "EnvironmentMismatchError",
    "InvalidTransitionError",
    "LivePositionExistsError",
    "OversoldError",
    "UnknownIntentError",
]


class DatabaseTooNewError(StopTradingError):
    """The database has migrations that this code does not know."""


class AccountInUseError(StopTradingError):
    """Another fleet trades this account now."""


class UnknownIntentError(StopTradingError):
    """An order intent, position or worker that the ledger does not have was asked for by name."""


DATABASE_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What a connection or statement raises when the server is away, refuses us, or has not been migrated.

The driver calls it an internal error when a connection is used that the server has just cut and nobody has noticed.
"""
