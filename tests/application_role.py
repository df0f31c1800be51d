"""The role that the application has in the tests' databases: as in the product, it owns no table."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

from embedded.roles import APPLICATION

MAKE_ROLE: Final = f"CREATE ROLE {APPLICATION} LOGIN PASSWORD 'application' IN ROLE pg_monitor, pg_checkpoint"


def as_application(url: str) -> str:
    """Return the URL of the same database for the application's role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{APPLICATION}:application@{parts.netloc.rpartition('@')[2]}"))
