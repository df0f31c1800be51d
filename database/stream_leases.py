"""The lease on the account's one real-time session, on the database's clock, and the holder's reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from database.pool import Pool, Row
from domain.identity import AccountId
from domain.market import Symbol

LEASE: Final = timedelta(seconds=10)
"""Real time after which another process may open the session of a dead process."""

SESSIONS_A_MINUTE: Final = 8
"""KIS temporarily blocks a key whose sessions are opened and closed continuously (notice of 2026-02-24)."""
_MINUTE: Final = timedelta(minutes=1)
_LOST_MEANWHILE: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class StreamState:
    """The session's state as last reported by its owner; instants are real time (UTC)."""

    owner: str
    is_live: bool
    """Whether the owner's lease is valid."""
    connected_since: datetime | None
    symbols: tuple[Symbol, ...]
    trouble: str


class StreamLeases:
    """The table ``stream_leases``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _TAKE = """
    INSERT INTO stream_leases AS held (account_id, owner, expires_at)
    SELECT $1, $2, clock_timestamp() + $3
    WHERE NOT EXISTS (
        SELECT FROM stream_leases WHERE account_id = $1 AND owner <> $2 AND expires_at > clock_timestamp()
    )
    ON CONFLICT (account_id) DO UPDATE SET
        owner = excluded.owner,
        expires_at = excluded.expires_at,
        taken_at = CASE held.owner WHEN excluded.owner THEN held.taken_at ELSE clock_timestamp() END,
        connected_since = CASE held.owner WHEN excluded.owner THEN held.connected_since END,
        symbols = CASE held.owner WHEN excluded.owner THEN held.symbols ELSE '{}' END
    WHERE held.owner = excluded.owner OR held.expires_at <= clock_timestamp()
    RETURNING true
    """

    async def take(self, account_id: AccountId, owner: str, duration: timedelta = LEASE) -> bool:
        """Take or extend the lease; return whether it is ours. A waiting process only reads."""
        taken: bool | None = await self._pool.fetchval(self._TAKE, account_id, owner, duration)
        return bool(taken)

    _MAY_OPEN = """
    WITH recent AS (
        SELECT account_id, array(
            SELECT at FROM unnest(opened_at) AS at WHERE at > clock_timestamp() - $3::interval ORDER BY at
        ) AS opened
        FROM stream_leases WHERE account_id = $1 AND owner = $2 FOR UPDATE
    )
    UPDATE stream_leases AS held SET opened_at =
        CASE WHEN cardinality(opened) < $4 THEN opened || clock_timestamp() ELSE opened END
    FROM recent WHERE held.account_id = recent.account_id
    RETURNING CASE WHEN cardinality(opened) < $4 THEN interval '0'
        ELSE opened[cardinality(opened) - $4 + 1] + $3::interval - clock_timestamp() END
    """

    async def turn_to_open(self, account_id: AccountId, owner: str, most: int = SESSIONS_A_MINUTE) -> timedelta:
        """Count a session that the owner is about to open; if there were too many, return how long to wait instead.

        Sessions of all processes of the account count, in any minute of the database's clock.
        """
        wait: timedelta | None = await self._pool.fetchval(self._MAY_OPEN, account_id, owner, _MINUTE, most)
        return _LOST_MEANWHILE if wait is None else max(wait, timedelta(0))

    _RELEASE = """
    UPDATE stream_leases SET expires_at = clock_timestamp(), connected_since = NULL, symbols = '{}'
    WHERE account_id = $1 AND owner = $2
    """

    async def release(self, account_id: AccountId, owner: str) -> None:
        """Release the lease so that another process can open the session."""
        await self._pool.execute(self._RELEASE, account_id, owner)

    _CONNECTED = """
    UPDATE stream_leases SET connected_since = coalesce(connected_since, clock_timestamp()), symbols = $3, trouble = ''
    WHERE account_id = $1 AND owner = $2
    """

    async def report(self, account_id: AccountId, owner: str, symbols: Sequence[Symbol]) -> None:
        """Record that the session is open, and for which stocks."""
        await self._pool.execute(self._CONNECTED, account_id, owner, list(symbols))

    _LOST = """
    UPDATE stream_leases SET connected_since = NULL, symbols = '{}', trouble = $3 WHERE account_id = $1 AND owner = $2
    """

    async def report_lost(self, account_id: AccountId, owner: str, trouble: str) -> None:
        """Record why there is no session."""
        await self._pool.execute(self._LOST, account_id, owner, trouble)

    _STATE = """
    SELECT owner, expires_at > clock_timestamp() AS is_live, connected_since, symbols, trouble
    FROM stream_leases WHERE account_id = $1
    """

    async def state(self, account_id: AccountId) -> StreamState | None:
        """Return the last owner's report, or None if there has been no owner."""
        row = await self._pool.fetchrow(self._STATE, account_id)
        return None if row is None else _from_row(row)


def _from_row(row: Row) -> StreamState:
    symbols = tuple(Symbol(code) for code in row["symbols"])
    return StreamState(row["owner"], row["is_live"], row["connected_since"], symbols, row["trouble"])
