"""The strategies that each hosting process runs, by the hash of their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from database.pool import Pool
from domain.identity import AccountId

_HEARD_WITHIN: Final = timedelta(minutes=1)
"""Real time. A host sends a heartbeat every five seconds; a host silent for longer than this sends no orders."""


@dataclass(frozen=True, slots=True)
class HostedStrategy:
    """A strategy as a living host runs it."""

    host_id: str
    strategy: str
    version: str
    source: str


class StrategySources:
    """The table ``strategy_sources``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _RECORD = """
    INSERT INTO strategy_sources (account_id, host_id, strategy, version, source)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[])
    """

    async def record(self, account_id: AccountId, host_id: str, strategies: Mapping[str, tuple[str, str]]) -> None:
        """Record a host's strategies: version and source hash by name. The host must be registered."""
        versions, sources = [each[0] for each in strategies.values()], [each[1] for each in strategies.values()]
        await self._pool.execute(self._RECORD, account_id, host_id, list(strategies), versions, sources)

    _LIVING = """
    SELECT host_id, strategy, version, source FROM strategy_sources JOIN hosts USING (account_id, host_id)
    WHERE account_id = $1 AND ended_at IS NULL AND seen_at > clock_timestamp() - $2::interval
    ORDER BY host_id, strategy
    """

    async def of_living(self, account_id: AccountId) -> tuple[HostedStrategy, ...]:
        """Return the strategies of each host that has not ended and has a recent heartbeat."""
        rows = await self._pool.fetch(self._LIVING, account_id, _HEARD_WITHIN)
        return tuple(HostedStrategy(**row) for row in rows)
