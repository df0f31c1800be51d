"""The audit log: operators' commands as events, each chained to its predecessor."""

from typing import Final

from database.events import event_from_row
from database.pool import Pool, transaction
from database.pool import Row as Columns
from domain.audit_log import GENESIS, Anchor, AuditLog, Row, digest_of, key_id_of, seal_of
from domain.event import Event
from domain.event_kind import EventKind
from domain.identity import AccountId
from domain.session import SessionDate

_ROWS: Final = """
SELECT sequence, digest, key_id, seal, event_id, account_id, session_date, worker_id, symbol, kind, level, detail, at,
    event_key, recorded_at
FROM audit_chain LEFT JOIN events USING (event_id, account_id)
WHERE account_id = $1
"""


class AuditLogs:
    """The table ``audit_chain``, with the events of kind ``operator_command``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # One writer per account at a time: a row needs the digest of the previous row.
    _WAIT = "SELECT pg_advisory_xact_lock(hashtextextended('haru audit ' || $1, 0))"
    _HEAD = "SELECT sequence, digest FROM audit_chain WHERE account_id = $1 ORDER BY sequence DESC LIMIT 1"
    _KEPT = """
    SELECT sequence, digest FROM audit_chain JOIN events USING (event_id, account_id)
    WHERE account_id = $1 AND event_key = $2
    """
    _ADD_EVENT = """
    INSERT INTO events (account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key, recorded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING event_id
    """
    _CHAIN = """
    INSERT INTO audit_chain (account_id, sequence, event_id, digest, key_id, seal) VALUES ($1, $2, $3, $4, $5, $6)
    """

    async def append(self, event: Event, key: bytes | None = None) -> Anchor:
        """Append a command's event and return its row; a repeated append returns the existing row."""
        account = event.account_id
        async with transaction(self._pool) as connection:
            await connection.execute(self._WAIT, account)
            kept = await connection.fetchrow(self._KEPT, account, event.key)
            if kept is not None:
                return Anchor(kept["sequence"], kept["digest"])
            head = await connection.fetchrow(self._HEAD, account)
            last = Anchor(0, GENESIS) if head is None else Anchor(head["sequence"], head["digest"])
            now = await connection.fetchval("SELECT clock_timestamp()")
            row = Anchor(last.sequence + 1, digest_of(last.digest, last.sequence + 1, event, now))
            about = (account, event.session_date, event.worker_id, event.symbol, event.kind, event.level, event.detail)
            event_id = await connection.fetchval(self._ADD_EVENT, *about, event.at, event.key, now)
            seal = ("", "") if key is None else (key_id_of(key), seal_of(key, row.digest))
            await connection.execute(self._CHAIN, account, row.sequence, event_id, row.digest, *seal)
            return row

    _UNCHAINED = """
    SELECT event_id, event_key FROM events
    WHERE account_id = $1 AND kind = $2
        AND NOT EXISTS (SELECT FROM audit_chain WHERE audit_chain.event_id = events.event_id)
    ORDER BY event_id
    """

    async def whole(self, account_id: AccountId) -> AuditLog:
        """Return an account's whole log for verification."""
        rows = await self._pool.fetch(f"{_ROWS} ORDER BY sequence", account_id)
        unchained = await self._pool.fetch(self._UNCHAINED, account_id, EventKind.OPERATOR_COMMAND)
        beside = [f"event {row['event_id']} ({row['event_key']})" for row in unchained]
        return AuditLog(account_id, tuple(_row(row) for row in rows), beside)

    async def on(self, account_id: AccountId, first: SessionDate, last: SessionDate) -> tuple[Row, ...]:
        """Return the rows of a range of KST market dates, both ends included, oldest first."""
        between = f"{_ROWS} AND session_date BETWEEN $2 AND $3 ORDER BY sequence"
        return tuple(_row(row) for row in await self._pool.fetch(between, account_id, first, last))

    async def last(self, account_id: AccountId) -> Anchor:
        """Return the last row, to be stored outside the database; row 0 for an empty log."""
        head = await self._pool.fetchrow(self._HEAD, account_id)
        return Anchor(0, GENESIS) if head is None else Anchor(head["sequence"], head["digest"])

    async def holds(self, account_id: AccountId, anchor: Anchor) -> bool:
        """Return whether a previously read row still exists unchanged."""
        kept = await self._pool.fetchval(self._DIGEST, account_id, anchor.sequence)
        return anchor.sequence == 0 or kept == anchor.digest

    _DIGEST = "SELECT digest FROM audit_chain WHERE account_id = $1 AND sequence = $2"


def _row(row: Columns) -> Row:
    try:
        event = None if row["kind"] is None else event_from_row(row)
    except ValueError:
        event = None
    return Row(row["sequence"], event, row["recorded_at"], row["digest"], row["key_id"], row["seal"])
