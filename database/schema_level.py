"""Compare the schema with this code's migrations: at every connection and in a diagnostic check."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from database.errors import DatabaseTooNewError, DatabaseTooOldError
from database.pool import Pool

MIGRATIONS: Final = Path(__file__).with_name("migrations")

APPLIED: Final = "SELECT migration_id FROM _yoyo_migration"


_CONTRACT: Final = re.compile(r"\d{4}_contract_")
"""A migration of this name takes away what earlier code uses. Any other only adds (docs/upgrade.md)."""


@dataclass(frozen=True, slots=True)
class SchemaLevel:
    """Difference between a schema and this code: missing migrations, and migrations that only newer code knows."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def too_new(self) -> tuple[str, ...]:
        """Return the unknown migrations if this code cannot work beside them; those that only add do not count."""
        return self.unknown if any(map(is_contract, self.unknown)) else ()

    def require_ours(self) -> None:
        """Check that the schema matches this code.

        Raises:
            DatabaseTooNewError: newer code has taken away what this code uses.
            DatabaseTooOldError: the database has not been migrated to this code yet.
        """
        if self.too_new:
            raise DatabaseTooNewError(self.too_new)
        if self.missing:
            raise DatabaseTooOldError(self.missing)


def is_contract(migration: str) -> bool:
    """Return whether a migration takes away what earlier code uses."""
    return _CONTRACT.match(migration) is not None


def level_of(applied: Collection[str]) -> SchemaLevel:
    """Compare the applied migrations with the files in this package."""
    ours = {file.stem for file in MIGRATIONS.glob("*.sql")}
    return SchemaLevel(tuple(sorted(ours.difference(applied))), tuple(sorted(set(applied) - ours)))


async def read_level(pool: Pool) -> SchemaLevel:
    """Return a database's level; a database that was never migrated lacks every migration."""
    try:
        rows = await pool.fetch(APPLIED)
    except asyncpg.UndefinedTableError:
        rows = []
    return level_of([row["migration_id"] for row in rows])
