"""The append-only event history, and how many stocks each filter dropped in a session's scans."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from database.pool import Executor, Pool, Row
from domain.event import Event, EventLevel
from domain.event_kind import AnyKind, EventKind, kind_of
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.session import SessionDate
from domain.summary import FLEET

_APPEND = """
INSERT INTO events (account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULLIF($9, ''))
ON CONFLICT (account_id, event_key) DO NOTHING
RETURNING event_id
"""


async def append_on(connection: Executor, event: Event) -> bool:
    """Append an event, within a larger transaction if one is open; return False if its key already exists."""
    written = await connection.fetchval(
        _APPEND,
        event.account_id,
        event.session_date,
        event.worker_id,
        event.symbol,
        event.kind,
        event.level,
        event.detail,
        event.at,
        event.key,
    )
    return written is not None


class Events:
    """The tables ``events`` (append-only), ``scans`` and ``scan_drops``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def append(self, event: Event) -> bool:
        """Append an event; return False if an event with the same key already exists."""
        return await append_on(self._pool, event)

    _LATEST = """
    SELECT account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key FROM events
    WHERE account_id = $1 ORDER BY event_id DESC LIMIT $2
    """

    async def latest(self, account_id: AccountId, limit: int) -> tuple[Event, ...]:
        """Return the latest events, newest first."""
        return tuple(event_from_row(row) for row in await self._pool.fetch(self._LATEST, account_id, limit))

    _MISSED = """
    SELECT DISTINCT session_date FROM events
    WHERE account_id = $1 AND session_date >= $2 AND kind = $3 ORDER BY session_date
    """

    async def missed_closes(self, account_id: AccountId, since: SessionDate) -> tuple[SessionDate, ...]:
        """Return the sessions since a date that ended without a close, oldest first."""
        rows = await self._pool.fetch(self._MISSED, account_id, since, EventKind.CLOSE_MISSED)
        return tuple(SessionDate(row["session_date"]) for row in rows)

    _SINCE = """
    SELECT account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key FROM events
    WHERE account_id = $1 AND session_date = $2 AND kind = ANY ($3) AND at >= $4 ORDER BY event_id
    """

    async def since(
        self, account_id: AccountId, session_date: SessionDate, kinds: Collection[AnyKind], since: datetime
    ) -> tuple[Event, ...]:
        """Return a session's events of some kinds since a market instant, oldest first."""
        rows = await self._pool.fetch(self._SINCE, account_id, session_date, list(kinds), since)
        return tuple(event_from_row(row) for row in rows)

    _COUNT = """
    SELECT count(*) FROM events WHERE account_id = $1 AND session_date = $2 AND kind = $3
    """

    async def counts(self, account_id: AccountId, session_date: SessionDate, kind: EventKind) -> int:
        """Return how often an event kind occurred in a session."""
        return int(await self._pool.fetchval(self._COUNT, account_id, session_date, kind))

    _DENIALS = """
    SELECT CASE GROUPING(worker_id) WHEN 1 THEN $4 ELSE worker_id END AS scope, detail->>'denial' AS name,
        count(*) AS number
    FROM events WHERE account_id = $1 AND session_date = $2 AND kind = $3
    GROUP BY GROUPING SETS ((worker_id, name), (name)) ORDER BY name
    """

    async def denials_on(self, account_id: AccountId, session_date: SessionDate) -> dict[str, dict[str, int]]:
        """Return how often each denial prevented a buy in a session, for the fleet and for each worker."""
        return _by_scope(await self._pool.fetch(self._DENIALS, account_id, session_date, EventKind.ENTRY_DENIED, FLEET))

    _COUNT_SCAN = """
    WITH counted AS (
    INSERT INTO scans AS kept (account_id, session_date, worker_id, scans, looked_at, last_key)
    VALUES ($1, $2, $3, 1, $4, $5)
    ON CONFLICT (account_id, session_date, worker_id) DO UPDATE SET
        scans = kept.scans + 1, looked_at = kept.looked_at + excluded.looked_at, last_key = excluded.last_key
    WHERE excluded.last_key = '' OR excluded.last_key <> kept.last_key
    RETURNING scans
    )
    INSERT INTO scan_drops AS kept (account_id, session_date, worker_id, filter, dropped)
    SELECT $1, $2, $3, filter, dropped FROM unnest($6::text[], $7::bigint[]) AS scan (filter, dropped), counted
    ON CONFLICT (account_id, session_date, worker_id, filter) DO UPDATE SET dropped = kept.dropped + excluded.dropped
    """

    async def add_scan(  # noqa: PLR0913 a scan is counted in one call
        self,
        account_id: AccountId,
        session_date: SessionDate,
        worker_id: WorkerId,
        looked_at: int,
        dropped: Mapping[str, int],
        *,
        key: str = "",
    ) -> None:
        """Count one scan; repeating a worker's latest scan with the same ``key`` counts it once."""
        whose = (account_id, session_date, worker_id)
        names = sorted(dropped)
        numbers = [dropped[name] for name in names]
        await self._pool.execute(self._COUNT_SCAN, *whose, looked_at, key, [str(name) for name in names], numbers)

    _DROPPED = """
    SELECT CASE GROUPING(worker_id) WHEN 1 THEN $3 ELSE worker_id END AS scope, filter AS name,
        sum(dropped)::bigint AS number
    FROM scan_drops WHERE account_id = $1 AND session_date = $2
    GROUP BY GROUPING SETS ((worker_id, filter), (filter)) ORDER BY filter
    """

    async def dropped_on(self, account_id: AccountId, session_date: SessionDate) -> dict[str, dict[str, int]]:
        """Return how many stocks each filter dropped in a session, for the fleet and for each worker."""
        return _by_scope(await self._pool.fetch(self._DROPPED, account_id, session_date, FLEET))

    _SCANS = """
    SELECT CASE GROUPING(worker_id) WHEN 1 THEN $3 ELSE worker_id END AS scope,
        sum(scans)::bigint AS scans, sum(looked_at)::bigint AS looked_at
    FROM scans WHERE account_id = $1 AND session_date = $2
    GROUP BY GROUPING SETS ((worker_id), ()) HAVING count(*) > 0
    """

    async def scans_on(self, account_id: AccountId, session_date: SessionDate) -> dict[str, tuple[int, int]]:
        """Return a session's number of scans and of stocks examined; scopes as in ``dropped_on``."""
        rows = await self._pool.fetch(self._SCANS, account_id, session_date, FLEET)
        return {row["scope"]: (row["scans"], row["looked_at"]) for row in rows}


def _by_scope(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for row in rows:
        counted.setdefault(row["scope"], {})[row["name"]] = row["number"]
    return counted


def event_from_row(row: Row) -> Event:
    """Read an event from its columns."""
    return Event(
        account_id=AccountId(row["account_id"]),
        kind=kind_of(row["kind"]),
        level=EventLevel(row["level"]),
        at=row["at"],
        session_date=None if row["session_date"] is None else SessionDate(row["session_date"]),
        worker_id=None if row["worker_id"] is None else WorkerId(row["worker_id"]),
        symbol=None if row["symbol"] is None else Symbol(row["symbol"]),
        detail=row["detail"],
        key=row["event_key"] or "",
    )
