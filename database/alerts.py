"""The alert outbox: unsent alerts per channel, sent by one process at a time, on the database's clock."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from database.events import event_from_row
from database.pool import Pool, transaction
from domain.alert import PendingAlert, pause_after
from domain.event import EventLevel
from domain.identity import AccountId

LEASE: Final = timedelta(seconds=60)
"""Real time after which another process sends the alerts of a dead one; longer than one send may take."""
GATHERED_FOR: Final = timedelta(minutes=5)
"""Real time during which warnings are collected into one message."""
_BETWEEN_MESSAGES: Final = timedelta(seconds=5)
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Outlet:
    """One channel of an account, identified by the digest of its address, and the process that wants to send."""

    account_id: AccountId
    channel: str
    owner: str


@dataclass(frozen=True, slots=True)
class OutletState:
    """State of a channel: consecutive failed attempts, the last error, and the number of unsent alerts."""

    channel: str
    failures: int
    trouble: str
    unsent: int
    unknown_for: timedelta = timedelta(0)
    """Real time since a host last had this address configured."""


class Alerts:
    """The tables ``alert_channels`` and ``alerts``; a trigger fills ``alerts`` from ``events``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _REGISTER = """
    INSERT INTO alert_channels (account_id, channel, levels, tells_days, tells_trades, tells_digests)
    SELECT $1, channel, $3::text[], $4, $5, $6 FROM unnest($2::text[]) AS channel
    ON CONFLICT (account_id, channel) DO UPDATE SET
        levels = excluded.levels, tells_days = excluded.tells_days, tells_trades = excluded.tells_trades,
        tells_digests = excluded.tells_digests,
        is_active = true, known_at = clock_timestamp()
    """

    async def register(  # noqa: PLR0913 - what a channel wants is one call
        self,
        account_id: AccountId,
        channels: Sequence[str],
        levels: Sequence[EventLevel],
        *,
        sends_days: bool,
        sends_trades: bool = False,
        sends_digests: bool = False,
    ) -> None:
        """Send events from now on to these channels too; channels of other hosts stay unchanged."""
        wanted = [level.value for level in levels]
        sent = (sends_days, sends_trades, sends_digests)
        await self._pool.execute(self._REGISTER, account_id, list(channels), wanted, *sent)

    _KEEP_KNOWN = """
    UPDATE alert_channels SET known_at = clock_timestamp()
    WHERE account_id = $1 AND channel = ANY ($2::text[]) AND is_active
    """

    async def keep_known(self, account_id: AccountId, channels: Sequence[str]) -> None:
        """Record that a live host has these addresses configured; a removed channel stays removed."""
        await self._pool.execute(self._KEEP_KNOWN, account_id, list(channels))

    _REMOVE = """
    UPDATE alert_channels SET is_active = false WHERE account_id = $1 AND channel = $2 AND is_active RETURNING true
    """
    _FORGET = """
    WITH forgotten AS (
        DELETE FROM alerts WHERE account_id = $1 AND channel = $2 AND sent_at IS NULL RETURNING event_id
    )
    SELECT count(*) FROM forgotten
    """

    async def remove(self, account_id: AccountId, channel: str) -> int | None:
        """Remove a channel for an operator; return how many unsent alerts were deleted, None if it is unknown."""
        async with transaction(self._pool) as connection:
            if not await connection.fetchval(self._REMOVE, account_id, channel):
                return None
            return int(await connection.fetchval(self._FORGET, account_id, channel))

    _CLAIM = """
    UPDATE alert_channels SET owner = $3, leased_until = clock_timestamp() + $4::interval
    WHERE account_id = $1 AND channel = $2 AND is_active
        AND leased_until <= clock_timestamp() AND next_try_at <= clock_timestamp()
        AND EXISTS (
            SELECT FROM alerts JOIN events USING (event_id)
            WHERE alerts.account_id = $1 AND alerts.channel = $2 AND sent_at IS NULL
                AND (level <> 'warning' OR recorded_at <= clock_timestamp() - $5::interval)
        )
    RETURNING true
    """
    _PENDING = """
    SELECT event_id, events.account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key,
        recorded_at <= clock_timestamp() - $3::interval AS is_old
    FROM alerts JOIN events USING (event_id)
    WHERE alerts.account_id = $1 AND alerts.channel = $2 AND sent_at IS NULL
    ORDER BY kind IN ('position_bought', 'position_sold'), level = 'warning', event_id LIMIT $4
    """

    async def claim(self, outlet: Outlet, gathered_for: timedelta = GATHERED_FOR) -> tuple[PendingAlert, ...]:
        """Claim and return the channel's unsent alerts; empty while another process sends or none is due."""
        mine = (outlet.account_id, outlet.channel)
        if not await self._pool.fetchval(self._CLAIM, *mine, outlet.owner, LEASE, gathered_for):
            return ()
        rows = await self._pool.fetch(self._PENDING, *mine, gathered_for, _MOST)
        if not rows:
            await self.delivered(outlet, ())
        return tuple(PendingAlert(row["event_id"], event_from_row(row), row["is_old"]) for row in rows)

    _DROP_TRADES = """
    DELETE FROM alerts USING (
        SELECT channel, event_id, row_number() OVER (PARTITION BY channel ORDER BY event_id DESC) AS place
        FROM alerts JOIN events USING (event_id)
        WHERE alerts.account_id = $1 AND sent_at IS NULL AND kind IN ('position_bought', 'position_sold')
    ) AS waiting
    WHERE place > $2 AND alerts.account_id = $1 AND alerts.channel = waiting.channel
        AND alerts.event_id = waiting.event_id AND sent_at IS NULL
    RETURNING alerts.channel
    """

    async def drop_trades(self, account_id: AccountId, most: int) -> Counter[str]:
        """Delete the oldest unsent messages about trades beyond so many per channel; return how many, by channel."""
        return Counter(row["channel"] for row in await self._pool.fetch(self._DROP_TRADES, account_id, most))

    _SENT = """
    UPDATE alerts SET sent_at = clock_timestamp()
    WHERE account_id = $1 AND channel = $2 AND event_id = ANY ($3::bigint[]) AND sent_at IS NULL
    """
    _DONE = """
    UPDATE alert_channels SET leased_until = clock_timestamp(), failures = 0, trouble = '',
        next_try_at = clock_timestamp() + $4::interval
    WHERE account_id = $1 AND channel = $2 AND owner = $3
    """

    async def delivered(self, outlet: Outlet, event_ids: Sequence[int], rest: timedelta = _BETWEEN_MESSAGES) -> None:
        """Record that the channel accepted these alerts and pause it (real time), so a flood becomes one message."""
        async with transaction(self._pool) as connection:
            await connection.execute(self._SENT, outlet.account_id, outlet.channel, list(event_ids))
            await connection.execute(self._DONE, outlet.account_id, outlet.channel, outlet.owner, rest)

    _FAILURES = "SELECT failures FROM alert_channels WHERE account_id = $1 AND channel = $2 AND owner = $3 FOR UPDATE"
    _FAILED = """
    UPDATE alert_channels SET leased_until = clock_timestamp(), failures = $4, trouble = $5,
        next_try_at = clock_timestamp() + $6::interval
    WHERE account_id = $1 AND channel = $2 AND owner = $3
    """

    async def failed(self, outlet: Outlet, trouble: str) -> timedelta:
        """Pause the channel after a failure, longer each time; return the pause (real time)."""
        mine = (outlet.account_id, outlet.channel, outlet.owner)
        async with transaction(self._pool) as connection:
            failures = (await connection.fetchval(self._FAILURES, *mine) or 0) + 1
            pause = pause_after(failures)
            await connection.execute(self._FAILED, *mine, failures, trouble, pause)
        return pause

    _STATES = """
    SELECT channel, failures, trouble, clock_timestamp() - known_at AS unknown_for,
        (SELECT count(*) FROM alerts WHERE account_id = $1 AND alerts.channel = alert_channels.channel
            AND sent_at IS NULL) AS unsent
    FROM alert_channels WHERE account_id = $1 AND is_active ORDER BY channel
    """

    async def states(self, account_id: AccountId) -> tuple[OutletState, ...]:
        """Return the state of each channel."""
        rows = await self._pool.fetch(self._STATES, account_id)
        return tuple(
            OutletState(row["channel"], row["failures"], row["trouble"], row["unsent"], row["unknown_for"])
            for row in rows
        )
