"""The limits of each hosting process: written at its start, referenced by every buy that it sends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from database.pool import Pool, Row
from domain.host_limits import Ceiling, HostLimits, as_texts, from_texts
from domain.identity import AccountId, Environment, PositionId, WorkerId
from domain.money import Rate, Won
from domain.session import SessionDate

_HEARD_WITHIN: Final = timedelta(minutes=1)
"""Real time. A host sends a heartbeat every five seconds; a host silent for longer than this sends no orders."""


@dataclass(frozen=True, slots=True)
class RecordedLimits:
    """A host's limits as recorded; ``recorded_at`` is real time (database clock)."""

    number: int
    host_id: str
    machine: str
    environment: Environment
    recorded_at: datetime
    live_consent: bool
    ceiling: Ceiling


@dataclass(frozen=True, slots=True)
class BookedResult:
    """The amount that one booking added to a session's result: a trade, or a later correction. Net, in won."""

    position_id: PositionId
    worker_id: WorkerId
    net_pnl: Won
    closed_at: datetime
    """Market time."""
    recorded_at: datetime
    """Real time (database clock)."""


class LimitsOfHosts:
    """The table ``host_limits``, and the data that shows whether a session kept its limits."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _RECORD = """
    INSERT INTO host_limits (account_id, host_id, live_consent, rules) VALUES ($1, $2, $3, $4) RETURNING number
    """

    async def record(self, account_id: AccountId, host_id: str, limits: HostLimits) -> HostLimits:
        """Record a host's limits from now on; return them with their number. The host must be registered."""
        about = (account_id, host_id, limits.live_consent, as_texts(limits.ceiling))
        return replace(limits, number=await self._pool.fetchval(self._RECORD, *about))

    _LIVING = """
    SELECT DISTINCT ON (host_id) number, host_id, machine, environment, recorded_at, live_consent, rules
    FROM host_limits JOIN hosts USING (account_id, host_id) JOIN accounts USING (account_id)
    WHERE account_id = $1 AND ended_at IS NULL AND seen_at > clock_timestamp() - $2::interval
    ORDER BY host_id, number DESC
    """

    async def of_living(self, account_id: AccountId) -> tuple[RecordedLimits, ...]:
        """Return the latest limits of each host that has not ended and has a recent heartbeat."""
        return tuple(_from_row(row) for row in await self._pool.fetch(self._LIVING, account_id, _HEARD_WITHIN))

    _BY_ORDERS = """
    SELECT number, host_id, machine, environment, recorded_at, live_consent, rules
    FROM host_limits JOIN hosts USING (account_id, host_id) JOIN accounts USING (account_id)
    WHERE account_id = $1
        AND number IN (SELECT host_limits FROM orders WHERE account_id = $1 AND session_date = $2)
    """

    async def referred_on(self, account_id: AccountId, session_date: SessionDate) -> Mapping[int, RecordedLimits]:
        """Return the limits that orders of a session refer to, by number."""
        rows = await self._pool.fetch(self._BY_ORDERS, account_id, session_date)
        return {row["number"]: _from_row(row) for row in rows}

    _RESULTS = """
    SELECT position_id, worker_id, net_pnl, closed_at, recorded_at FROM trades
    WHERE account_id = $1 AND session_date = $2
    UNION ALL
    SELECT position_id, trades.worker_id, later.net_pnl, later.closed_at, later.recorded_at
    FROM trade_corrections AS later JOIN trades USING (position_id)
    WHERE later.account_id = $1 AND later.session_date = $2
    ORDER BY recorded_at
    """

    async def results_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[BookedResult, ...]:
        """Return the bookings to a session's result, in booking order."""
        rows = await self._pool.fetch(self._RESULTS, account_id, session_date)
        return tuple(
            BookedResult(
                PositionId(row["position_id"]),
                WorkerId(row["worker_id"]),
                Won(row["net_pnl"]),
                row["closed_at"],
                row["recorded_at"],
            )
            for row in rows
        )

    _STOPS = """
    SELECT position_id, COALESCE((exit_rules ->> 'stop_loss')::numeric, 0) AS stop FROM positions
    WHERE account_id = $1 AND session_date = $2
    """

    async def stops_on(self, account_id: AccountId, session_date: SessionDate) -> dict[PositionId, Rate]:
        """Return the stop loss (0: none) under which each position of a session was opened."""
        rows = await self._pool.fetch(self._STOPS, account_id, session_date)
        return {PositionId(row["position_id"]): Rate(row["stop"]) for row in rows}

    _FIRST = "SELECT min(recorded_at) FROM host_limits WHERE account_id = $1"

    async def first_recorded_at(self, account_id: AccountId) -> datetime | None:
        """Return when (real time) a host of the account first recorded its limits, or None."""
        first: datetime | None = await self._pool.fetchval(self._FIRST, account_id)
        return first


def _from_row(row: Row) -> RecordedLimits:
    return RecordedLimits(
        number=row["number"],
        host_id=row["host_id"],
        machine=row["machine"],
        environment=Environment(row["environment"]),
        recorded_at=row["recorded_at"],
        live_consent=row["live_consent"],
        ceiling=from_texts(row["rules"]),
    )
