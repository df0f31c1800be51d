"""Processes that host trading: each sends heartbeats; a host that stops without leaving has died."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from database.events import append_on
from database.pool import Pool, transaction
from domain.event import Event
from domain.events.machines import DeadHost
from domain.identity import AccountId
from domain.market import Symbol

HEARD_WITHIN: Final = timedelta(seconds=30)
"""A host without a heartbeat for so long counts as away. It sends one every five seconds."""
_RESTARTS_WITHIN: Final = timedelta(seconds=10)
"""A host that has left may come back within this time. Meanwhile no other host takes over its runs."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """A period (real time, database clock) in which no lease guarded held shares."""

    symbol: Symbol
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class HostBuild:
    """The build that a host runs. A host that has left is listed for a moment: it may be restarting."""

    host_id: str
    build: str
    is_living: bool


@dataclass(frozen=True, slots=True)
class DutyAge:
    """A duty of a living host: real seconds since its last success, or since the host's start, and its bound."""

    host_id: str
    name: str
    seconds: float
    overdue_after: float

    @property
    def is_overdue(self) -> bool:
        """Return whether a round has failed or hung for several intervals."""
        return self.seconds > self.overdue_after


@dataclass(frozen=True, slots=True)
class HostAge:
    """A host that has neither left nor been declared dead: real seconds since its last heartbeat."""

    host_id: str
    seconds: float

    @property
    def is_away(self) -> bool:
        """Return whether it has missed several heartbeats."""
        return self.seconds > HEARD_WITHIN.total_seconds()


class Hosts:
    """The table ``hosts``, and periods in the lease history in which no host watched held shares."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _BEAT = """
    INSERT INTO hosts AS kept (account_id, host_id, machine, pid, build) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, host_id)
    DO UPDATE SET build = $5, seen_at = clock_timestamp(), ended_at = NULL, died = false
    """

    async def beat(self, account_id: AccountId, host_id: str, machine: str, pid: int, build: str = "") -> None:
        """Record a host's heartbeat, even if another host declared it dead."""
        await self._pool.execute(self._BEAT, account_id, host_id, machine, pid, build)

    _BUILDS = """
    SELECT host_id, build, ended_at IS NULL AS is_living FROM hosts
    WHERE account_id = $1 AND seen_at > clock_timestamp() - $2::interval
        AND (ended_at IS NULL OR ended_at > clock_timestamp() - $3::interval)
    """

    async def builds(self, account_id: AccountId) -> tuple[HostBuild, ...]:
        """Return the build of each host that has sent a heartbeat recently, also of one that has left since."""
        rows = await self._pool.fetch(self._BUILDS, account_id, HEARD_WITHIN, _RESTARTS_WITHIN)
        return tuple(HostBuild(row["host_id"], row["build"], row["is_living"]) for row in rows)

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

    _NOTE = "UPDATE hosts SET duties = $3, duties_at = clock_timestamp() WHERE account_id = $1 AND host_id = $2"

    async def note_duties(self, account_id: AccountId, host_id: str, ages: Mapping[str, tuple[float, float]]) -> None:
        """Note a host's duties: seconds since the last success of each, and after how many it is overdue."""
        values = {name: {"seconds": round(age, 1), "overdue_after": bound} for name, (age, bound) in ages.items()}
        await self._pool.execute(self._NOTE, account_id, host_id, values)

    _AGES = """
    SELECT host_id, extract(epoch FROM clock_timestamp() - seen_at)::float AS seconds FROM hosts
    WHERE account_id = $1 AND ended_at IS NULL ORDER BY host_id
    """

    async def ages(self, account_id: AccountId) -> tuple[HostAge, ...]:
        """Return the hosts of an account that have neither left nor been declared dead."""
        rows = await self._pool.fetch(self._AGES, account_id)
        return tuple(HostAge(row["host_id"], row["seconds"]) for row in rows)

    _DUTIES = """
    SELECT host_id, duties, extract(epoch FROM clock_timestamp() - duties_at)::float AS since
    FROM hosts
    WHERE account_id = $1 AND ended_at IS NULL AND duties_at IS NOT NULL
        AND seen_at > clock_timestamp() - $2::interval
    ORDER BY host_id
    """

    async def duties(self, account_id: AccountId) -> tuple[DutyAge, ...]:
        """Return the duties of each host that has a recent heartbeat. A note that is old makes its duties older."""
        rows = await self._pool.fetch(self._DUTIES, account_id, HEARD_WITHIN)
        return tuple(
            DutyAge(row["host_id"], name, age["seconds"] + row["since"], age["overdue_after"])
            for row in rows
            for name, age in sorted(row["duties"].items())
        )
