"""One database that the tests of a process use in turn, empty and with the schema at the start of each."""

from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

from lab.emptying import EMPTY_EVERYTHING

_END_OTHERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""A session that a failed test left open might hold locks, or write into the next test's books."""
_RESTART_SEQUENCES: Final = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
_SCHEMA_TABLES: Final = (
    *("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc", "pg_namespace"),
    "_yoyo_migration",
)
_VERSION: Final = " UNION ALL ".join(
    f"SELECT '{table}', count(*), max(xmin::text::bigint) FROM {table}" for table in _SCHEMA_TABLES
)
"""Every change of the schema or of the list of migrations adds or removes a row version of one of these tables."""


class ReusedDatabase:
    """A copy of a template. Only a test that changes the schema costs a new copy, which takes ten times longer."""

    def __init__(self, server_url: str, template: str, name: str) -> None:
        self._server_url = server_url
        self._template = template
        self._name = name
        self.url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        self._renew()

    def restore(self) -> None:
        """Remove what a test has left: sessions, rows, the state of sequences, changes of the schema."""
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                for statement in (_END_OTHERS, EMPTY_EVERYTHING, _RESTART_SEQUENCES):
                    connection.execute(statement.encode())
                unchanged = self._version == connection.execute(_VERSION.encode()).fetchall()
        except psycopg.Error:
            # A table is missing, or the test has locked everyone out.
            unchanged = False
        if not unchanged:
            self._renew()

    def _renew(self) -> None:
        name = Identifier(self._name)
        with psycopg.connect(self._server_url, autocommit=True) as admin:
            admin.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            admin.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, Identifier(self._template)))
        with psycopg.connect(self.url, autocommit=True) as connection:
            self._version = connection.execute(_VERSION.encode()).fetchall()
