"""Rights of the application's role per table: rows only, and only what the code needs."""

from collections.abc import Collection
from typing import Final, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

DELETED: Final = (
    *("alerts", "closed_entries", "payload_keys", "position_snapshots", "position_watches", "price_marks"),
    *("scan_wishes", "statement_lines", "unreadable_rows", "chat_plans", "chat_updates"),
)
"""Tables from which the code deletes. Remove one a release after the code that deletes: both use the same role."""
INSERT_ONLY: Final = (
    *("cash_baselines", "fills", "first_looks", "listed_orders", "owners_shares", "session_days"),
    *("share_restatements", "strategy_sources", "strategy_verdicts", "trades", "unproven_strategies", "worker_states"),
)
"""Tables whose rows the code never changes. Tables with a trigger that refuses changes are not listed."""
_APPEND_ONLY: Final = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE NOT tgisinternal AND proname LIKE 'refuse\\_change\\_of\\_%'
"""
_PRESENT: Final = """
SELECT relname, coalesce((
    SELECT array_agg(privilege_type::text) FROM aclexplode(relacl) WHERE grantee = %s::regrole
), '{}') FROM pg_class
WHERE relkind IN ('r', 'p', 'v') AND relnamespace = current_schema()::regnamespace
"""
_BOOKKEEPING: Final = ("_yoyo", "yoyo_lock")
"""Tables of the migrations themselves, which the application may only read."""


def grant_rights(connection: psycopg.Connection, role: str, *, beside_newer: bool = False) -> None:
    """Grant a role the rights that the application needs and revoke all others, in one transaction.

    Rights that are already correct are not written again. ``beside_newer``: a newer release, which knows more tables,
    has granted rights to the same role. They stay as they are.
    """
    who = Identifier(role)
    with connection.transaction():
        appended = {row[0] for row in connection.execute(_APPEND_ONLY)} | set(INSERT_ONLY)
        present = connection.execute(_PRESENT, [f'"{role}"']).fetchall()
        for name, rights in present:
            wanted = _wanted(name, appended)
            if set(rights) != set(wanted) and not (beside_newer and rights):
                connection.execute(SQL("REVOKE ALL ON TABLE {} FROM {}").format(Identifier(name), who))
                granted = SQL(", ").join(map(SQL, wanted))
                connection.execute(SQL("GRANT {} ON TABLE {} TO {}").format(granted, Identifier(name), who))


def _wanted(table: str, appended: Collection[str]) -> list[LiteralString]:
    rights: list[LiteralString] = ["SELECT"]
    if not table.startswith(_BOOKKEEPING):
        rights += ["INSERT"]
        rights += ["UPDATE"] if table not in appended else []
        rights += ["DELETE"] if table in DELETED else []
    return rights
