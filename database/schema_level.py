"""Compare the schema with this code's migrations: at every connection and in a diagnostic check."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from database.errors import DatabaseTooNewError, DatabaseTooOldError
from database.pool import Pool

MIGRATIONS: Final = Path(__file__).with_name("migrations")

APPLIED: Final = "SELECT migration_id FROM _yoyo_migration"


@dataclass(frozen=True, slots=True)
class SchemaLevel:
    """Difference between a schema and this code: missing migrations, and migrations that only newer code knows."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    def require_ours(self) -> None:
        """Check that the schema matches this code.

        Raises:
            DatabaseTooNewError: the database has been migrated by newer code.
            DatabaseTooOldError: the database has not been migrated to this code yet.
        """
        if self.unknown:
            raise DatabaseTooNewError(self.unknown)
        if self.missing:
            raise DatabaseTooOldError(self.missing)


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
