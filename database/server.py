"""The PostgreSQL server itself: its clock, which leases go by, and its version."""

from datetime import datetime

from database.pool import Pool
from database.schema_level import SchemaLevel, read_level


class Server:
    """What the server says of itself."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def now(self) -> datetime:
        """Return the server's instant (UTC, real time)."""
        instant: datetime = await self._pool.fetchval("SELECT clock_timestamp()")
        return instant

    async def version(self) -> int:
        """Return its major version, such as 18."""
        number: int = await self._pool.fetchval("SELECT current_setting('server_version_num')::integer")
        return number // 10_000

    async def checkpoint(self) -> None:
        """Let the server write out what its log holds, so that the log can be shortened; only a superuser may ask."""
        await self._pool.execute("CHECKPOINT")

    async def schema_level(self) -> SchemaLevel:
        """Return what is between its schema and this code."""
        return await read_level(self._pool)
