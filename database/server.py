"""The PostgreSQL server: its clock, which decides leases, and its version."""

from dataclasses import dataclass
from datetime import datetime

from database.pool import Pool
from database.schema_level import SchemaLevel, read_level


@dataclass(frozen=True, slots=True)
class Durability:
    """Durability settings of the server. ``replicas`` counts streaming replicas, as far as our role can see them."""

    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    replicas: int
    waits_for_standby: bool

    @property
    def loses_on_crash(self) -> tuple[str, ...]:
        """Return the settings with which a machine crash loses commits or damages data."""
        said = {
            "fsync=off": not self.fsync,
            "full_page_writes=off": not self.full_page_writes,
            "synchronous_commit=off": self.synchronous_commit == "off",
        }
        return tuple(name for name, is_so in said.items() if is_so)

    @property
    def loses_on_failover(self) -> bool:
        """Return whether a replica that takes over may lack the last commits."""
        waits = self.waits_for_standby and self.synchronous_commit not in {"off", "local"}
        return self.replicas > 0 and not waits


@dataclass(frozen=True, slots=True)
class Role:
    """The role of this connection on the server."""

    name: str
    is_superuser: bool
    owns_tables: bool


class Server:
    """Queries about the server."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def now(self) -> datetime:
        """Return the server's instant (UTC, real time)."""
        instant: datetime = await self._pool.fetchval("SELECT clock_timestamp()")
        return instant

    async def version(self) -> int:
        """Return the server's major version, such as 18."""
        number: int = await self._pool.fetchval("SELECT current_setting('server_version_num')::integer")
        return number // 10_000

    async def checkpoint(self) -> None:
        """Write a checkpoint, so that the server can shorten its log; requires pg_checkpoint."""
        await self._pool.execute("CHECKPOINT")

    _DURABILITY = """
    SELECT current_setting('fsync') = 'on' AS fsync,
        current_setting('full_page_writes') = 'on' AS full_page_writes,
        current_setting('synchronous_commit') AS synchronous_commit,
        (SELECT count(*) FROM pg_stat_replication) AS replicas,
        current_setting('synchronous_standby_names') <> '' AS waits_for_standby
    """

    async def durability(self) -> Durability:
        """Return what the server keeps of a commit when it, its machine or its disk fails."""
        (row,) = await self._pool.fetch(self._DURABILITY)
        return Durability(**dict(row))

    _ROLE = """
    SELECT rolname AS name, rolsuper AS is_superuser, EXISTS (
        SELECT FROM pg_class
        WHERE relowner = pg_roles.oid AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
    ) AS owns_tables FROM pg_roles WHERE rolname = current_user
    """

    async def role(self) -> Role:
        """Return the role of this connection and its rights."""
        (row,) = await self._pool.fetch(self._ROLE)
        return Role(**dict(row))

    async def schema_level(self) -> SchemaLevel:
        """Return the difference between the server's schema and this code."""
        return await read_level(self._pool)
