"""Processes that host trading: each sends heartbeats; a host that stops without leaving has died."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from database.events import append_on
from database.pool import Pool, transaction
from domain.event import Event
from domain.events.machines import DeadHost
from domain.identity import AccountId
from domain.market import Symbol


@dataclass(frozen=True, slots=True)
class Lapse:
    """A period (real time, database clock) in which no lease guarded held shares."""

    symbol: Symbol
    since: datetime
    until: datetime


class Hosts:
    """The table ``hosts``, and periods in the lease history in which no host watched held shares."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _BEAT = """
    INSERT INTO hosts AS kept (account_id, host_id, machine, pid) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, host_id) DO UPDATE SET seen_at = clock_timestamp(), ended_at = NULL, died = false
    """

    async def beat(self, account_id: AccountId, host_id: str, machine: str, pid: int) -> None:
        """Record a host's heartbeat, even if another host declared it dead."""
        await self._pool.execute(self._BEAT, account_id, host_id, machine, pid)

    _LEAVE = "UPDATE hosts SET ended_at = clock_timestamp() WHERE account_id = $1 AND host_id = $2 AND ended_at IS NULL"

    async def leave(self, account_id: AccountId, host_id: str) -> None:
        """Record that the host ends normally."""
        await self._pool.execute(self._LEAVE, account_id, host_id)

    _BURY = """
    UPDATE hosts SET ended_at = seen_at, died = true
    WHERE account_id = $1 AND ended_at IS NULL AND seen_at < clock_timestamp() - $2::interval
    RETURNING host_id, machine, pid, clock_timestamp() - seen_at AS silent_for
    """

    async def bury(
        self, account_id: AccountId, silence: timedelta, event_of: Callable[[DeadHost], Event]
    ) -> tuple[DeadHost, ...]:
        """Mark hosts without a heartbeat for ``silence`` as dead, each once, and append an event for each."""
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(self._BURY, account_id, silence)
            dead = tuple(DeadHost(row["host_id"], row["machine"], row["pid"], row["silent_for"]) for row in rows)
            for host in dead:
                await append_on(connection, event_of(host))
        return dead

    _LAPSES = """
    SELECT symbol, since, until FROM lease_lapses AS lapses
    WHERE account_id = $1 AND until > clock_timestamp() - $2::interval AND until - since > $3::interval
        AND EXISTS (
            SELECT FROM positions
            WHERE positions.account_id = $1 AND positions.symbol = lapses.symbol AND bought_quantity > 0
                AND created_at < lapses.until AND (is_live OR changed_at > lapses.since)
        )
    ORDER BY until
    """

    async def lapses(self, account_id: AccountId, back: timedelta, longer_than: timedelta) -> tuple[Lapse, ...]:
        """Return recent periods without a lease renewal for stocks whose shares were held."""
        rows = await self._pool.fetch(self._LAPSES, account_id, back, longer_than)
        return tuple(Lapse(Symbol(row["symbol"]), row["since"], row["until"]) for row in rows)
