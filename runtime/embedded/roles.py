"""Two roles of the embedded database: the owner migrates, the application only reads and writes rows."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.embedded.errors import CorruptFolderError, PartFailedError
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.postgres import DATABASE, DURABLE, Cluster, prepared_cluster, query, run_server
from runtime.embedded.process import Launcher
from security.private_files import NotPrivateError, read_private, write_private

APPLICATION: Final = "haru_app"
_KEPT_IN: Final = "postgres-application-password"
_MADE: Final = "made"
# Without this setting, a failed statement would appear in the server's log with its password.
_MAKE: Final = f"""
SET log_min_error_statement = panic;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION}') THEN
        CREATE ROLE {APPLICATION};
    END IF;
END
$$;
ALTER ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '%s';
GRANT CONNECT ON DATABASE {DATABASE} TO {APPLICATION};
GRANT pg_monitor, pg_checkpoint TO {APPLICATION};
SELECT '{_MADE}';
"""


@dataclass(frozen=True, slots=True)
class BooksUrls:
    """The embedded database's URLs, including the passwords of its roles."""

    application: str
    owner: str


async def start_books(launcher: Launcher, port: int, durability: Sequence[str] = DURABLE) -> BooksUrls:
    """Start PostgreSQL and ensure the application's role exists, also in data of an older version.

    Raises:
        EmbeddedError: it cannot be started, or the role cannot be made.
    """
    cluster = await prepared_cluster(launcher)
    await run_server(launcher, cluster, port, durability)
    password = _kept_password(cluster.folder)
    await _make_role(cluster, port, password)
    return BooksUrls(
        application=f"postgresql://{APPLICATION}:{password}@{LOOPBACK}:{port}/{DATABASE}",
        owner=cluster.url(port),
    )


async def _make_role(cluster: Cluster, port: int, password: str) -> None:
    if await query(cluster, port, _MAKE % password) != _MADE:
        raise PartFailedError(
            f"PostgreSQL in {cluster.data} refused to make the role {APPLICATION}; look into {cluster.folder}/logs"
        )


def _kept_password(folder: Path) -> str:
    path = folder / _KEPT_IN
    try:
        return read_private(path).decode().strip()
    except FileNotFoundError:
        password = secrets.token_urlsafe(24)
        write_private(path, password)
        return password
    except NotPrivateError as error:
        raise CorruptFolderError(f"the password of {APPLICATION} cannot be trusted: {error}; or remove it") from error
