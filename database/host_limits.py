"""What each hosting process allows at most: written when it starts, and referred to by every buy that it sends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from database.pool import Pool, Row
from domain.host_limits import Ceiling, HostLimits, as_texts, from_texts
from domain.identity import AccountId
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class RecordedLimits:
    """A host's limits as the books have them; ``recorded_at`` is real time (database clock)."""

    number: int
    host_id: str
    machine: str
    recorded_at: datetime
    live_consent: bool
    ceiling: Ceiling


class LimitsOfHosts:
    """The table ``host_limits``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _RECORD = """
    INSERT INTO host_limits (account_id, host_id, live_consent, rules) VALUES ($1, $2, $3, $4) RETURNING number
    """

    async def record(self, account_id: AccountId, host_id: str, limits: HostLimits) -> HostLimits:
        """Write down what a host allows from now on; return the limits with their number. The host must be known."""
        about = (account_id, host_id, limits.live_consent, as_texts(limits.ceiling))
        return replace(limits, number=await self._pool.fetchval(self._RECORD, *about))

    _LIVING = """
    SELECT DISTINCT ON (host_id) number, host_id, machine, recorded_at, live_consent, rules
    FROM host_limits JOIN hosts USING (account_id, host_id)
    WHERE account_id = $1 AND ended_at IS NULL ORDER BY host_id, number DESC
    """

    async def of_living(self, account_id: AccountId) -> tuple[RecordedLimits, ...]:
        """Return the latest limits of each host that has not ended."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._LIVING, account_id))

    _BY_ORDERS = """
    SELECT number, host_id, machine, recorded_at, live_consent, rules
    FROM host_limits JOIN hosts USING (account_id, host_id)
    WHERE account_id = $1
        AND number IN (SELECT host_limits FROM orders WHERE account_id = $1 AND session_date = $2)
    """

    async def referred_on(self, account_id: AccountId, session_date: SessionDate) -> Mapping[int, RecordedLimits]:
        """Return the limits that orders of a session refer to, by number."""
        rows = await self._pool.fetch(self._BY_ORDERS, account_id, session_date)
        return {row["number"]: _from_row(row) for row in rows}

    _FIRST = "SELECT min(recorded_at) FROM host_limits WHERE account_id = $1"

    async def first_recorded_at(self, account_id: AccountId) -> datetime | None:
        """Return since when (real time) hosts of the account record their limits, None where none has yet."""
        first: datetime | None = await self._pool.fetchval(self._FIRST, account_id)
        return first


def _from_row(row: Row) -> RecordedLimits:
    return RecordedLimits(
        number=row["number"],
        host_id=row["host_id"],
        machine=row["machine"],
        recorded_at=row["recorded_at"],
        live_consent=row["live_consent"],
        ceiling=from_texts(row["rules"]),
    )
