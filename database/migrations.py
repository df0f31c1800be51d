"""Brings the schema up to the code: plain ``.sql`` files, applied in order, once, whoever starts first."""

import logging
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from yoyo import get_backend, read_migrations  # type: ignore[import-untyped]

from database.errors import DatabaseTooNewError

DIRECTORY: Final = Path(__file__).with_name("migrations")
_SCHEMES: Final = ("postgres", "postgresql")
_ADVISORY_KEY: Final = 0x68617275
"""Ours alone ("haru"). Unlike yoyo's own lock row, it vanishes with a killed process."""

_CONNECT_WITHIN: Final = 5
"""Seconds."""

_LOCK = "SELECT pg_advisory_lock(%s)"

_log = logging.getLogger(__name__)


def apply(database_url: str) -> int:
    """Apply what is missing and return how many migrations that was; a second caller waits for the first.

    Raises:
        DatabaseTooNewError: the database has been migrated by newer code.
        ConnectionError: no server answers there, or it does not let us in.
        ValueError: the URL is not one of PostgreSQL.
    """
    yoyo_url = _yoyo_url(database_url)
    try:
        opened = psycopg.connect(database_url, autocommit=True)
    except psycopg.OperationalError as error:
        raise ConnectionError(str(error).strip()) from None
    with closing(opened) as connection:
        connection.execute(_LOCK, [_ADVISORY_KEY])
        return _apply_locked(yoyo_url)


def missing(database_url: str) -> list[str]:
    """Return the migrations that the database has not had yet, without changing it.

    Raises:
        ConnectionError: no server answers there, or it does not let us in.
    """
    try:
        with psycopg.connect(database_url, connect_timeout=_CONNECT_WITHIN) as connection:
            began = connection.execute("SELECT to_regclass('_yoyo_migration')").fetchone()
            applied = _applied(connection.execute(_APPLIED).fetchall()) if began and began[0] else set()
    except psycopg.OperationalError as error:
        raise ConnectionError(str(error).strip()) from None
    return sorted(each.id for each in read_migrations(str(DIRECTORY)) if each.id not in applied)


def _apply_locked(yoyo_url: str) -> int:
    migrations = read_migrations(str(DIRECTORY))
    backend = get_backend(yoyo_url)
    with closing(backend.connection):
        backend.ensure_internal_schema_updated()
        unknown = sorted(_applied(backend.execute(_APPLIED).fetchall()) - {each.id for each in migrations})
        if unknown:
            raise DatabaseTooNewError(
                f"the database already has {', '.join(unknown)}, which this code does not know: "
                "start the newer version, or point DATABASE_URL at another database"
            )
        missing = backend.to_apply(migrations)
        backend.apply_migrations(missing)
        if missing:
            _log.info("migrations_applied", extra={"migrations": [each.id for each in missing]})
        return len(missing)


_APPLIED = "SELECT migration_id FROM _yoyo_migration"


def _applied(rows: list[tuple[str]]) -> set[str]:
    return {row[0] for row in rows}


def _yoyo_url(database_url: str) -> str:
    parts = urlsplit(database_url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme}://")
    return urlunsplit(parts._replace(scheme="postgresql+psycopg"))
