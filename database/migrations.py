"""Migrate the schema to this code's version: plain ``.sql`` files, applied in order, once, by the first process."""

import logging
from contextlib import closing
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from yoyo import get_backend, read_migrations  # type: ignore[import-untyped]

from database.errors import DatabaseAwayError, DatabaseTooNewError, MigrationRightsError, libpq_cause
from database.rights import grant_rights
from database.schema_level import APPLIED, MIGRATIONS, SchemaLevel, level_of

_SCHEMES: Final = ("postgres", "postgresql")
_ADVISORY_KEY: Final = 0x68617275
"""Haru's own lock key ("haru"). Unlike yoyo's lock row, it disappears with a killed process."""

_LOCK = "SELECT pg_advisory_lock(%s)"

_MAY_MIGRATE: Final = "SELECT has_schema_privilege(current_schema(), 'CREATE')"

_log = logging.getLogger(__name__)


def apply(database_url: str, application_url: str | None = None) -> int:
    """Apply missing migrations and return their number; a second caller waits for the first.

    If ``application_url`` names another role, that role is then granted its rights to the tables.

    Raises:
        DatabaseTooNewError: newer code has taken away what this code uses.
        MigrationRightsError: migrations are missing, and the role of ``database_url`` may not change the schema.
        DatabaseAwayError: no server answers, or it refuses the login.
        ValueError: the URL is not a PostgreSQL URL.
    """
    yoyo_url = _yoyo_url(database_url)
    try:
        opened = psycopg.connect(database_url, autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseAwayError(libpq_cause(str(error))) from error
    with closing(opened) as connection:
        connection.execute(_LOCK, [_ADVISORY_KEY])
        level = _usable_level(connection)
        applied = _apply_locked(yoyo_url) if level.missing else 0
        role = unquote(urlsplit(application_url or database_url).username or "")
        if role and role != connection.info.user:
            grant_rights(connection, role, beside_newer=bool(level.unknown))
        return applied


def _usable_level(connection: psycopg.Connection) -> SchemaLevel:
    """Return the level of a schema that this code can use or migrate; a role that may only use the tables can ask."""
    try:
        applied = [row[0] for row in connection.execute(APPLIED)]
    except psycopg.errors.UndefinedTable:
        applied = []
    level = level_of(applied)
    if level.too_new:
        raise DatabaseTooNewError(level.too_new)
    if level.missing and not connection.execute(_MAY_MIGRATE).fetchone() == (True,):
        raise MigrationRightsError(level.missing, connection.info.user)
    return level


def _apply_locked(yoyo_url: str) -> int:
    migrations = read_migrations(str(MIGRATIONS))
    backend = get_backend(yoyo_url)
    with closing(backend.connection):
        backend.ensure_internal_schema_updated()
        missing = backend.to_apply(migrations)
        backend.apply_migrations(missing)
        if missing:
            _log.info("migrations_applied", extra={"migrations": [each.id for each in missing]})
        return len(missing)


def _yoyo_url(database_url: str) -> str:
    parts = urlsplit(database_url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme}://")
    return urlunsplit(parts._replace(scheme="postgresql+psycopg"))
