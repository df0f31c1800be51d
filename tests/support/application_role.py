"""The application's role in the tests' databases: as in the product, it owns no table."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from runtime.embedded.postgres import USER
from runtime.embedded.roles import APPLICATION

MAKE_ROLE: Final = f"CREATE ROLE {APPLICATION} LOGIN PASSWORD 'application' IN ROLE pg_monitor, pg_checkpoint"


def as_owner(url: str, folder: Path) -> str:
    """Return the URL of an embedded database for the role that owns its tables."""
    parts = urlsplit(url)
    password = (folder / "postgres-password").read_text()
    return urlunsplit(parts._replace(netloc=f"{USER}:{password}@{parts.netloc.rpartition('@')[2]}"))


def as_application(url: str) -> str:
    """Return the URL of the same database for the application's role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{APPLICATION}:application@{parts.netloc.rpartition('@')[2]}"))
