"""Leases on symbols: which worker may trade a stock, by the database's clock, with a monotonic fencing token."""

from datetime import timedelta
from typing import Final

from database.entry_attempts import OVERTAKEN_BY
from database.pool import Connection, Pool, Row, transaction
from domain.errors import OvertakenError
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.lock import LEASE_DURATION, EntryAttempt, Lease, LockHeld, OrphanFound
from domain.market import Symbol

RELEASE: Final = """
UPDATE stock_locks SET worker_id = NULL, expires_at = clock_timestamp()
WHERE account_id = $1 AND symbol = $2 AND worker_id = $3 AND fencing_token = $4
RETURNING fencing_token
"""
_GIVE_BACK: Final = f"""
UPDATE stock_locks SET worker_id = NULL, expires_at = clock_timestamp()
WHERE account_id = $1 AND symbol = $2 AND worker_id = $3 AND fencing_token = $4
    AND NOT EXISTS ({OVERTAKEN_BY.format("$5", "$6")})
RETURNING fencing_token
"""  # noqa: S608 our own condition


class Locks:
    """The table ``stock_locks``. Durations are real time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # A losing attempt only reads: it does not start the insert while another lease is live or an orphan exists.
    _ACQUIRE = f"""
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    seen AS MATERIALIZED (
        SELECT worker_id, fencing_token, expires_at FROM stock_locks WHERE account_id = $1 AND symbol = $2
    ),
    holder AS MATERIALIZED (
        SELECT worker_id, expires_at FROM seen, clock WHERE worker_id <> $3 AND expires_at > now
    ),
    later AS MATERIALIZED ({OVERTAKEN_BY.format("$5", "$6")}),
    orphan AS MATERIALIZED (
        SELECT worker_id, position_id FROM positions
        WHERE account_id = $1 AND symbol = $2 AND is_live AND worker_id <> $3 AND NOT EXISTS (SELECT FROM holder)
        UNION ALL
        SELECT worker_id, position_id FROM orders
        WHERE account_id = $1 AND symbol = $2 AND is_active AND worker_id <> $3 AND NOT EXISTS (SELECT FROM holder)
        LIMIT 1
    ),
    won AS (
        INSERT INTO stock_locks AS held
            (account_id, symbol, worker_id, fencing_token, acquired_at, heartbeat_at, expires_at)
        SELECT $1, $2, $3, 1, now, now, now + $4 FROM clock
        WHERE NOT EXISTS (SELECT FROM holder) AND NOT EXISTS (SELECT FROM orphan) AND NOT EXISTS (SELECT FROM later)
        ON CONFLICT (account_id, symbol) DO UPDATE SET
            worker_id = $3,
            fencing_token = CASE WHEN held.worker_id = $3 AND held.expires_at > clock_timestamp()
                THEN held.fencing_token ELSE held.fencing_token + 1 END,
            acquired_at = CASE WHEN held.worker_id = $3 AND held.expires_at > clock_timestamp()
                THEN held.acquired_at ELSE clock_timestamp() END,
            heartbeat_at = clock_timestamp(),
            expires_at = clock_timestamp() + $4
        WHERE held.fencing_token = (SELECT fencing_token FROM seen)
            AND (held.worker_id IS NULL OR held.worker_id = $3 OR held.expires_at <= clock_timestamp())
        RETURNING fencing_token, acquired_at, expires_at
    )
    SELECT 'overtaken' AS answer, NULL AS worker_id, NULL::bigint AS fencing_token, NULL::timestamptz AS acquired_at,
        NULL::timestamptz AS expires_at, NULL AS position_id FROM later
    UNION ALL SELECT 'won', $3, fencing_token, acquired_at, expires_at, NULL FROM won
    UNION ALL SELECT 'held', worker_id, NULL, NULL, expires_at, NULL FROM holder
    UNION ALL SELECT 'orphan', worker_id, NULL, NULL, NULL, position_id FROM orphan
    """  # noqa: S608 our own condition

    async def acquire(
        self,
        account_id: AccountId,
        symbol: Symbol,
        worker_id: WorkerId,
        duration: timedelta = LEASE_DURATION,
        attempt: EntryAttempt | None = None,
    ) -> Lease | LockHeld | OrphanFound:
        """Take the symbol's lock, or return its holder; the current holder keeps its token.

        Raises:
            OvertakenError: a later attempt of the same buy has begun.
        """
        about = (account_id, symbol, worker_id, duration)
        by = (None, None) if attempt is None else (attempt.intent_id, attempt.number)
        while True:
            row = await self._pool.fetchrow(self._ACQUIRE, *about, *by)
            if row is not None and row["answer"] == "overtaken":
                raise OvertakenError(f"{by[0]}")
            if row is not None:
                return _answer(account_id, symbol, row)
            # Another worker won between the read and the insert: try again.

    _IS_FREE_FOR_A_POSITION = """
    SELECT NOT EXISTS (SELECT FROM positions WHERE account_id = $1 AND worker_id = $3 AND is_live AND symbol <> $2)
    """
    _ADOPT_POSITION = """
    UPDATE positions SET worker_id = $3, changed_at = clock_timestamp()
    WHERE account_id = $1 AND symbol = $2 AND is_live AND worker_id <> $3
    """
    _ADOPT_ORDERS = """
    UPDATE orders SET worker_id = $3, changed_at = clock_timestamp()
    WHERE account_id = $1 AND symbol = $2 AND is_active AND worker_id <> $3
    """

    async def adopt_orphan(
        self, account_id: AccountId, symbol: Symbol, new_worker: WorkerId, duration: timedelta = LEASE_DURATION
    ) -> Lease | None:
        """Take lock, position and active orders together; None if a lease is live or the worker holds another stock.

        Orders keep their fencing token, so an intent that the lost worker has not sent yet can never be sent.
        """
        about = (account_id, symbol, new_worker)
        async with transaction(self._pool) as connection:
            if not await connection.fetchval(self._IS_FREE_FOR_A_POSITION, *about):
                return None
            row = await connection.fetchrow(self._SEIZE, *about, duration, False)  # noqa: FBT003 not by force
            if row is None:
                return None
            await connection.execute(self._ADOPT_POSITION, *about)
            await connection.execute(self._ADOPT_ORDERS, *about)
            return _from_row(account_id, symbol, row)

    _SEIZE = """
    INSERT INTO stock_locks AS held
        (account_id, symbol, worker_id, fencing_token, acquired_at, heartbeat_at, expires_at)
    SELECT $1, $2, $3, 1, now, now, now + $4 FROM (SELECT clock_timestamp() AS now) AS clock
    ON CONFLICT (account_id, symbol) DO UPDATE SET
        worker_id = $3,
        fencing_token = CASE WHEN NOT $5::boolean AND held.worker_id = $3 AND held.expires_at > clock_timestamp()
            THEN held.fencing_token ELSE held.fencing_token + 1 END,
        acquired_at = clock_timestamp(),
        heartbeat_at = clock_timestamp(),
        expires_at = clock_timestamp() + $4
    WHERE $5 OR held.worker_id IS NULL OR held.worker_id = $3 OR held.expires_at <= clock_timestamp()
    RETURNING worker_id, fencing_token, acquired_at, expires_at
    """

    async def take_over(
        self, account_id: AccountId, symbol: Symbol, by_worker: WorkerId, duration: timedelta = LEASE_DURATION
    ) -> Lease:
        """Take the lock from any holder, always with a higher token; position and orders keep their owner."""
        row = await self._pool.fetchrow(self._SEIZE, account_id, symbol, by_worker, duration, True)  # noqa: FBT003 by force
        if row is None:
            raise LookupError(f"the lock of {symbol} was not written")
        return _from_row(account_id, symbol, row)

    _TAKE_LAPSED = """
    UPDATE stock_locks SET worker_id = $3, fencing_token = fencing_token + 1,
        acquired_at = clock_timestamp(), heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + $5
    WHERE account_id = $1 AND symbol = $2 AND fencing_token = $4 AND expires_at <= clock_timestamp()
    RETURNING worker_id, fencing_token, acquired_at, expires_at
    """

    async def take_lapsed(
        self,
        account_id: AccountId,
        symbol: Symbol,
        by_worker: WorkerId,
        token: int,
        duration: timedelta = LEASE_DURATION,
    ) -> Lease | None:
        """Take a lock whose lease has ended under a fencing token; None if it was renewed or taken since."""
        row = await self._pool.fetchrow(self._TAKE_LAPSED, account_id, symbol, by_worker, token, duration)
        return None if row is None else _from_row(account_id, symbol, row)

    _RENEW = """
    UPDATE stock_locks SET heartbeat_at = clock_timestamp(), expires_at = clock_timestamp() + $5
    WHERE account_id = $1 AND symbol = $2 AND worker_id = $3 AND fencing_token = $4
    RETURNING worker_id, fencing_token, acquired_at, expires_at
    """

    async def renew(self, lease: Lease, duration: timedelta = LEASE_DURATION) -> Lease | None:
        """Extend the lease from now, even an expired one that no worker took; None when its token is stale."""
        row = await self._pool.fetchrow(self._RENEW, *_key(lease), duration)
        return None if row is None else _from_row(lease.account_id, lease.symbol, row)

    _KEEP_FOR = """
    UPDATE stock_locks
    SET heartbeat_at = clock_timestamp(), expires_at = GREATEST(expires_at, clock_timestamp() + $2)
    WHERE (account_id, symbol, worker_id) = (SELECT account_id, symbol, worker_id FROM orders WHERE intent_id = $1)
    RETURNING fencing_token
    """

    async def keep_for(self, intent_id: IntentId, duration: timedelta = LEASE_DURATION) -> bool:
        """Extend the lease of the worker that owns this order; return False when another worker has the symbol."""
        return await self._pool.fetchval(self._KEEP_FOR, intent_id, duration) is not None

    async def release(self, lease: Lease) -> bool:
        """Release the lock; return False when it was not ours or no longer ours."""
        return await self._pool.fetchval(RELEASE, *_key(lease)) is not None

    async def give_back(self, lease: Lease, attempt: EntryAttempt) -> bool:
        """Release the lock of a stock that is not bought; an attempt that is overtaken changes nothing.

        A later attempt of the same worker has the same token, and may have bought under it.
        """
        return await self._pool.fetchval(_GIVE_BACK, *_key(lease), attempt.intent_id, attempt.number) is not None

    _LOCKED = """
    SELECT symbol FROM stock_locks WHERE account_id = $1 AND worker_id IS NOT NULL AND expires_at > clock_timestamp()
    """

    _ORPHANS = """
    SELECT positions.symbol FROM positions
    LEFT JOIN stock_locks ON stock_locks.account_id = positions.account_id AND stock_locks.symbol = positions.symbol
    WHERE positions.account_id = $1 AND positions.is_live
        AND positions.bought_quantity > 0
        AND (stock_locks.expires_at IS NULL OR stock_locks.expires_at <= clock_timestamp())
    ORDER BY positions.cost DESC
    """

    async def orphans(self, account_id: AccountId) -> tuple[Symbol, ...]:
        """Return the symbols of positions without a live lease, the largest first.

        This includes sold-out positions whose trade is not booked. A late fill can orphan a position of a worker that
        is scanning already, so the worker's own positions count too.
        """
        return tuple(Symbol(row["symbol"]) for row in await self._pool.fetch(self._ORPHANS, account_id))

    _LOST_OPENINGS = """
    SELECT positions.worker_id FROM positions
    LEFT JOIN stock_locks ON stock_locks.account_id = positions.account_id AND stock_locks.symbol = positions.symbol
    WHERE positions.account_id = $1 AND positions.worker_id LIKE 'recovery-%' AND positions.is_live
        AND positions.bought_quantity = 0
        AND (stock_locks.expires_at IS NULL OR stock_locks.expires_at <= clock_timestamp())
    """

    async def lost_openings(self, account_id: AccountId) -> tuple[WorkerId, ...]:
        """Return the recovery workers whose buy may still fill and that no live lease guards."""
        return tuple(WorkerId(row["worker_id"]) for row in await self._pool.fetch(self._LOST_OPENINGS, account_id))

    _LAST_HELD = "SELECT symbol FROM stock_locks WHERE account_id = $1 AND worker_id = $2"

    async def last_held_by(self, account_id: AccountId, worker_id: WorkerId) -> set[Symbol]:
        """Return the symbols whose latest lease belongs to a worker, ended or not."""
        return {Symbol(row["symbol"]) for row in await self._pool.fetch(self._LAST_HELD, account_id, worker_id)}

    async def locked_symbols(self, account_id: AccountId) -> set[Symbol]:
        """Return the symbols with a live lease."""
        return {Symbol(row["symbol"]) for row in await self._pool.fetch(self._LOCKED, account_id)}


async def release_on(connection: Connection, lease: Lease) -> bool:
    """Release the lock within a larger transaction."""
    return await connection.fetchval(RELEASE, *_key(lease)) is not None


def _key(lease: Lease) -> tuple[AccountId, Symbol, WorkerId, int]:
    return lease.account_id, lease.symbol, lease.worker_id, lease.fencing_token


def _answer(account_id: AccountId, symbol: Symbol, row: Row) -> Lease | LockHeld | OrphanFound:
    match row["answer"]:
        case "won":
            return _from_row(account_id, symbol, row)
        case "held":
            return LockHeld(WorkerId(row["worker_id"]), row["expires_at"])
        case _:
            return OrphanFound(WorkerId(row["worker_id"]), PositionId(row["position_id"]))


def _from_row(account_id: AccountId, symbol: Symbol, row: Row) -> Lease:
    return Lease(
        account_id=account_id,
        symbol=symbol,
        worker_id=WorkerId(row["worker_id"]),
        fencing_token=row["fencing_token"],
        acquired_at=row["acquired_at"],
        expires_at=row["expires_at"],
    )
