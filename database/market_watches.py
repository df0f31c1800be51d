"""Shards of held positions: which positions are watched, by which attempt, and the renewal of their leases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from database.pool import Executor, Pool, transaction
from domain.identity import AccountId, PositionId, WorkerId
from domain.lock import LEASE_DURATION, Lease
from domain.market import Symbol
from domain.watch import SCANS, WatchRow, WatchWish

CHANNEL: Final = "haru_watch"
RENEWED_AFTER: Final = LEASE_DURATION / 6
"""Age at which a lease is renewed. The statement runs each second, so a missed one is made up for at once."""
ATTENDED_WITHIN: Final = timedelta(seconds=5)
"""Real time since the last renewal for which a shard counts as attended."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The shard of a wish, and whether an attempt watches it now."""

    shard: int
    is_attended: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """Result of a renewal: whether the shard is still ours, and the leases that have ended or have another holder."""

    is_ours: bool
    lost: frozenset[Lease] = frozenset()


class MarketWatches:
    """The tables ``market_watches`` and ``position_watches``. Durations are real time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _SHARD = """
    WITH room AS (
        SELECT shard FROM position_watches WHERE account_id = $1 GROUP BY shard HAVING count(*) >= $3
    )
    SELECT COALESCE(
        (SELECT shard FROM position_watches WHERE account_id = $1 AND worker_id = $2),
        (SELECT min(number) FROM generate_series(0, (SELECT count(*)::integer FROM room)) AS number
            WHERE number NOT IN (SELECT shard FROM room))
    )
    """
    _OPEN = """
    INSERT INTO market_watches AS held (account_id, shard) VALUES ($1, $2)
    ON CONFLICT (account_id, shard) DO UPDATE SET owner = held.owner
    RETURNING owner <> '' AND renewed_at > clock_timestamp() - $3::interval
    """
    _ASK = """
    INSERT INTO position_watches
        (account_id, worker_id, shard, position_id, symbol, fencing_token, workflow_id, request)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (account_id, worker_id) DO UPDATE SET shard = $3, position_id = $4, symbol = $5, fencing_token = $6,
        workflow_id = $7, request = $8, asked_at = clock_timestamp()
    """
    _NOTIFY = f"SELECT pg_notify('{CHANNEL}', $1)"

    async def ask(self, wish: WatchWish, most: int) -> Placed:
        """Store a wish in the first shard with fewer than ``most`` positions, and notify the shard's attempt.

        A worker has one wish: a later one replaces it, in the same shard.
        """
        lease = wish.lease
        async with transaction(self._pool) as connection:
            shard = await connection.fetchval(self._SHARD, lease.account_id, lease.worker_id, most)
            # Locks the shard's row, so that its attempt cannot end between the two statements.
            is_attended = await connection.fetchval(self._OPEN, lease.account_id, shard, ATTENDED_WITHIN)
            about = (wish.position_id, lease.symbol, lease.fencing_token, wish.workflow_id, wish.request)
            await connection.execute(self._ASK, lease.account_id, lease.worker_id, shard, *about)
            await self._notify(connection, lease.account_id, shard)
            return Placed(shard, is_attended)

    _END = """
    DELETE FROM position_watches
    WHERE account_id = $1 AND worker_id = $2 AND fencing_token = $3 AND ($4::timestamptz IS NULL OR asked_at = $4)
    RETURNING shard
    """

    async def end(
        self, account_id: AccountId, worker_id: WorkerId, fencing_token: int, asked_at: datetime | None = None
    ) -> None:
        """Remove a worker's wish, because it sells or has lost the lease; with ``asked_at`` only that version."""
        shard = await self._pool.fetchval(self._END, account_id, worker_id, fencing_token, asked_at)
        if shard is not None:
            await self._notify(self._pool, account_id, shard)

    _UNWATCHED = """
    SELECT max(extract(epoch FROM clock_timestamp() - renewed_at))::float FROM market_watches
    WHERE account_id = $1 AND shard IN (
        SELECT shard FROM position_watches WHERE account_id = $1
        UNION SELECT $2::integer FROM scan_wishes WHERE account_id = $1
    )
    """

    async def unwatched_for(self, account_id: AccountId) -> float | None:
        """Return for how many seconds the slowest shard was not renewed; None while no worker holds or scans."""
        seconds: float | None = await self._pool.fetchval(self._UNWATCHED, account_id, SCANS)
        return seconds

    _TAKE = """
    INSERT INTO market_watches AS held (account_id, shard, token, owner) VALUES ($1, $2, 1, $3)
    ON CONFLICT (account_id, shard) DO UPDATE SET
        token = held.token + 1, owner = $3, taken_at = clock_timestamp(), renewed_at = clock_timestamp()
    RETURNING token
    """

    async def take(self, account_id: AccountId, shard: int, owner: str) -> int:
        """Take the shard from any earlier attempt, which then may renew nothing; return the new token."""
        token: int = await self._pool.fetchval(self._TAKE, account_id, shard, owner)
        return token

    # A row that another transaction holds is left for the next second: one symbol must not delay the others' leases.
    # So is the shard's own row, which a wish locks: its token is read without a lock.
    _KEEP = """
    WITH shard AS MATERIALIZED (
        SELECT shard FROM market_watches WHERE account_id = $1 AND shard = $2 AND token = $3
    ),
    free AS MATERIALIZED (
        SELECT shard FROM market_watches WHERE account_id = $1 AND shard = $2 AND token = $3
        FOR NO KEY UPDATE SKIP LOCKED
    ),
    attended AS (
        UPDATE market_watches SET renewed_at = clock_timestamp()
        WHERE account_id = $1 AND shard = $2 AND EXISTS (SELECT FROM free)
    ),
    held AS (
        SELECT * FROM unnest($4::text[], $5::text[], $6::bigint[]) WITH ORDINALITY
            AS held (symbol, worker_id, fencing_token, number)
    ),
    due AS MATERIALIZED (
        SELECT stock_locks.account_id, stock_locks.symbol FROM stock_locks
        JOIN held USING (symbol, worker_id, fencing_token)
        JOIN position_watches USING (account_id, worker_id, symbol, fencing_token)
        WHERE stock_locks.account_id = $1 AND position_watches.shard = $2
            AND stock_locks.heartbeat_at < clock_timestamp() - $8::interval AND EXISTS (SELECT FROM shard)
        FOR UPDATE OF stock_locks SKIP LOCKED
    ),
    renewed AS (
        UPDATE stock_locks SET heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + $7::interval
        FROM due WHERE stock_locks.account_id = due.account_id AND stock_locks.symbol = due.symbol
    )
    SELECT EXISTS (SELECT FROM shard) AS is_ours, array(
        SELECT held.number FROM held WHERE NOT EXISTS (
            SELECT FROM stock_locks
            WHERE account_id = $1 AND symbol = held.symbol AND worker_id = held.worker_id
                AND fencing_token = held.fencing_token
        )
    ) AS lost
    """

    async def keep(
        self,
        account_id: AccountId,
        shard: int,
        token: int,
        leases: Sequence[Lease],
        duration: timedelta = LEASE_DURATION,
    ) -> Kept:
        """Renew the shard and those of its leases that are due, in one statement. An older token renews nothing."""
        row = await self._pool.fetchrow(
            self._KEEP,
            account_id,
            shard,
            token,
            [lease.symbol for lease in leases],
            [lease.worker_id for lease in leases],
            [lease.fencing_token for lease in leases],
            duration,
            RENEWED_AFTER,
        )
        if row is None:
            return Kept(is_ours=False)
        return Kept(row["is_ours"], frozenset(leases[number - 1] for number in row["lost"]))

    _ROWS = """
    SELECT account_id, worker_id, position_id, symbol, fencing_token, workflow_id, asked_at, is_sent,
        CASE WHEN known.worker_id IS NULL OR is_sent THEN request ELSE '{}' END AS request
    FROM position_watches
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM orders WHERE intent_id = request #>> '{first,intent_id}') AS is_sent
    ) AS first_order
    LEFT JOIN unnest($3::text[], $4::timestamptz[]) AS known (worker_id, asked_at) USING (worker_id, asked_at)
    WHERE account_id = $1 AND shard = $2 ORDER BY asked_at, worker_id
    """

    async def of_shard(
        self, account_id: AccountId, shard: int, known: Mapping[WorkerId, datetime] | None = None
    ) -> tuple[WatchRow, ...]:
        """Return the wishes of a shard, oldest first.

        ``known`` are versions that the caller has read: their requests come empty unless a first order is recorded.
        """
        workers, versions = list(known or {}), list((known or {}).values())
        rows = await self._pool.fetch(self._ROWS, account_id, shard, workers, versions)
        return tuple(_from_row(row) for row in rows)

    _LOCK = "SELECT token FROM market_watches WHERE account_id = $1 AND shard = $2 FOR UPDATE"
    _RELEASE = """
    UPDATE market_watches SET owner = '' WHERE account_id = $1 AND shard = $2
        AND NOT EXISTS (SELECT FROM position_watches WHERE account_id = $1 AND shard = $2)
        AND NOT (shard = -1 AND EXISTS (SELECT FROM scan_wishes WHERE account_id = $1))
    RETURNING shard
    """

    async def release(self, account_id: AccountId, shard: int, token: int) -> bool:
        """Release an empty shard; return False while it has a wish. A wish that comes later finds it unattended."""
        async with transaction(self._pool) as connection:
            # The second statement sees what was stored before the first one got the row.
            if await connection.fetchval(self._LOCK, account_id, shard) != token:
                return True
            return await connection.fetchval(self._RELEASE, account_id, shard) is not None

    _UNATTENDED = """
    SELECT shard FROM market_watches WHERE account_id = $1
        AND (owner = '' OR renewed_at < clock_timestamp() - $2::interval)
        AND (EXISTS (SELECT FROM position_watches WHERE account_id = $1 AND shard = market_watches.shard)
            OR shard = -1 AND EXISTS (SELECT FROM scan_wishes WHERE account_id = $1))
    ORDER BY shard
    """

    async def unattended(self, account_id: AccountId, within: timedelta = ATTENDED_WITHIN) -> tuple[int, ...]:
        """Return the shards with a wish that no attempt has renewed lately."""
        rows = await self._pool.fetch(self._UNATTENDED, account_id, within)
        return tuple(row["shard"] for row in rows)

    _WATCHED = "SELECT worker_id FROM position_watches WHERE account_id = $1 ORDER BY worker_id"

    async def workers(self, account_id: AccountId) -> tuple[WorkerId, ...]:
        """Return the workers whose position is to be watched."""
        return tuple(WorkerId(row["worker_id"]) for row in await self._pool.fetch(self._WATCHED, account_id))

    _OWNER = """
    SELECT market_watches.owner, market_watches.taken_at
    FROM position_watches JOIN market_watches USING (account_id, shard)
    WHERE position_watches.account_id = $1 AND position_watches.worker_id = $2
    """

    async def owner_of(self, account_id: AccountId, worker_id: WorkerId) -> tuple[str, datetime] | None:
        """Return the process that watches a worker's position, and since when; None while it is not watched."""
        row = await self._pool.fetchrow(self._OWNER, account_id, worker_id)
        return (row["owner"], row["taken_at"]) if row is not None and row["owner"] else None

    _OWNERS = """
    SELECT owner, taken_at FROM market_watches WHERE account_id = $1
        AND EXISTS (SELECT FROM position_watches WHERE account_id = $1 AND shard = market_watches.shard)
    """

    async def owners(self, account_id: AccountId) -> tuple[tuple[str, datetime], ...]:
        """Return for each shard with a position the process that holds it, and since when."""
        rows = await self._pool.fetch(self._OWNERS, account_id)
        return tuple((row["owner"], row["taken_at"]) for row in rows)

    async def _notify(self, executor: Executor, account_id: AccountId, shard: int) -> None:
        await executor.execute(self._NOTIFY, topic(account_id, shard))


def topic(account_id: AccountId, shard: int) -> str:
    """Return the payload that notifies a shard's attempt."""
    return f"{account_id}/{shard}"


def _from_row(row: Any) -> WatchRow:
    return WatchRow(
        AccountId(row["account_id"]),
        WorkerId(row["worker_id"]),
        PositionId(row["position_id"]),
        Symbol(row["symbol"]),
        row["fencing_token"],
        row["workflow_id"],
        row["request"],
        row["asked_at"],
        row["is_sent"],
    )
