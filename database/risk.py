"""The gate of every entry: kill switch, closed sessions, cool-downs, and today's losses and trades."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from database.errors import EnvironmentMismatchError
from database.events import append_on
from database.pool import Connection, Executor, Pool, Row, transaction
from domain.event import Event
from domain.events.entries import entries_shut, kill_switch_lifted, kill_switch_pressed
from domain.events.orders import order_denied
from domain.identity import AccountId, WorkerId
from domain.market import Symbol
from domain.money import Won
from domain.order import OrderIntent
from domain.risk import LOSS_WITHOUT_A_STOP, Denied, RiskSnapshot
from domain.session import SessionDate


@dataclass(frozen=True, slots=True)
class RiskState:
    """State across sessions: the kill switch, who changed it last and why. ``changed_at`` is real time."""

    kill_switch_on: bool
    kill_switch_by: str
    kill_switch_reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RiskView:
    """The scope of a risk snapshot: one worker in one session, at a market instant."""

    account_id: AccountId
    worker_id: WorkerId
    session_date: SessionDate
    now: datetime


_SNAPSHOT = """
WITH live AS (
    SELECT *, COALESCE(NULLIF((exit_rules ->> 'stop_loss')::numeric, 0), $5::numeric) AS stop FROM positions
    WHERE account_id = $1 AND is_live
), held_at_stake AS (
    SELECT GREATEST(cost - proceeds - taken_amount - (bought_quantity - sold_quantity)
        * LEAST(cost::numeric / bought_quantity * (1 - stop), last_price), 0) AS at_stake
    FROM live WHERE bought_quantity > 0
), bought_at_stake AS (
    SELECT (orders.quantity - filled_quantity) * COALESCE(limit_price, orders.decision_price) * stop AS at_stake,
        position_id
    FROM orders JOIN live USING (position_id)
    WHERE side = 'buy' AND is_active AND (orders.status <> 'intended' OR orders.worker_id = $2)
)
SELECT
    risk_state.kill_switch_on,
    (SELECT COALESCE(string_agg(reason, ' · ' ORDER BY closed_at, cause), '') FROM closed_entries
        WHERE account_id = $1 AND session_date = $3) AS closed_because,
    result.fleet_pnl, result.worker_pnl, result.worker_trades, result.last_loss_at, result.losses_in_a_row,
    GREATEST((SELECT max(reached) FROM (
        SELECT sum(net_pnl) OVER (ORDER BY closed_at, position_id) AS reached FROM booked_trades
        WHERE account_id = $1 AND session_date = $3
    ) AS curve), 0)::bigint AS fleet_peak_pnl,
    ARRAY(SELECT symbol FROM symbol_cool_downs WHERE account_id = $1 AND until > $4) AS cooling,
    ceil(COALESCE((SELECT sum(at_stake) FROM held_at_stake), 0)
        + COALESCE((SELECT sum(at_stake) FROM bought_at_stake), 0))::bigint AS fleet_at_stake,
    (SELECT count(*) FROM live WHERE worker_id <> $2 AND (
        bought_quantity > 0 OR position_id IN (SELECT position_id FROM bought_at_stake)
    )) AS held_by_others,
    EXISTS (SELECT FROM stream_leases WHERE account_id = $1 AND expires_at > clock_timestamp()
        AND connected_since IS NOT NULL) AS stream_is_live
FROM risk_state, (
    SELECT
        COALESCE(sum(net_pnl), 0)::bigint AS fleet_pnl,
        COALESCE(sum(net_pnl) FILTER (WHERE worker_id = $2), 0)::bigint AS worker_pnl,
        count(*) FILTER (WHERE worker_id = $2) AS worker_trades,
        max(closed_at) FILTER (WHERE worker_id = $2 AND net_pnl < 0) AS last_loss_at,
        count(*) FILTER (WHERE worker_id = $2 AND net_pnl < 0 AND NOT EXISTS (
            SELECT FROM booked_trades AS later
            WHERE later.account_id = $1 AND later.session_date = $3 AND later.worker_id = $2 AND later.net_pnl >= 0
                AND (later.closed_at, later.position_id) > (trades.closed_at, trades.position_id)
        )) AS losses_in_a_row
    FROM booked_trades AS trades WHERE account_id = $1 AND session_date = $3
) AS result
WHERE risk_state.account_id = $1
"""
_OF_WORKERS = """
WITH mine AS (
    SELECT worker_id, net_pnl, closed_at, net_pnl < 0 AND NOT COALESCE(bool_or(net_pnl >= 0) OVER (
        PARTITION BY worker_id ORDER BY closed_at DESC, position_id DESC
    ), false) AS is_of_the_streak
    FROM booked_trades WHERE account_id = $1 AND session_date = $3 AND worker_id = ANY ($2)
)
SELECT asked.worker_id, COALESCE(sum(net_pnl), 0)::bigint AS worker_pnl, count(net_pnl) AS worker_trades,
    max(closed_at) FILTER (WHERE net_pnl < 0) AS last_loss_at,
    count(*) FILTER (WHERE is_of_the_streak) AS losses_in_a_row
FROM unnest($2::text[]) AS asked (worker_id) LEFT JOIN mine USING (worker_id)
GROUP BY asked.worker_id
"""
"""The workers' own parts of ``_SNAPSHOT``."""
_NO_WORKER: Final = WorkerId("")
_HOLD_GATE = "SELECT kill_switch_on FROM risk_state WHERE account_id = $1 FOR UPDATE"


async def snapshot_behind_gate(connection: Connection, view: RiskView) -> RiskSnapshot:
    """Read the risk for one buy at a time; other buys, the kill switch and closures wait until the transaction ends."""
    await hold_gate(connection, view.account_id)
    return await _snapshot(connection, view)


async def hold_gate(connection: Connection, account_id: AccountId) -> None:
    """Block every entry from being sent until the transaction ends; the next entry sees its writes."""
    await connection.execute(_HOLD_GATE, account_id)


async def _snapshot(connection: Executor, view: RiskView) -> RiskSnapshot:
    asked = (view.account_id, view.worker_id, view.session_date, view.now, LOSS_WITHOUT_A_STOP)
    row = await connection.fetchrow(_SNAPSHOT, *asked)
    if row is None:
        raise EnvironmentMismatchError(f"account {view.account_id} is not pinned to this database")
    return _from_row(view, row)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn of the kill switch: its statement, and the event that records it."""

    statement: str
    event: Callable[[AccountId, str, str, bool, datetime], Event]


_PRESS = _Turn(
    """
    UPDATE risk_state SET kill_switch_on = true, kill_switch_by = $2, kill_switch_reason = $3,
        changed_at = clock_timestamp()
    WHERE account_id = $1 AND NOT kill_switch_on
    """,
    kill_switch_pressed,
)
_LIFT = _Turn(
    """
    UPDATE risk_state SET kill_switch_on = false, kill_switch_by = $2, kill_switch_reason = $3,
        changed_at = clock_timestamp()
    WHERE account_id = $1 AND kill_switch_on
    """,
    kill_switch_lifted,
)


class Risk:
    """The tables ``risk_state``, ``closed_entries`` and ``symbol_cool_downs``, with the session's trades."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def snapshot(
        self, account_id: AccountId, worker_id: WorkerId, session_date: SessionDate, now: datetime
    ) -> RiskSnapshot:
        """Return the ledger's state at a market instant; ``begin_sending`` reads it again behind the gate."""
        return await _snapshot(self._pool, RiskView(account_id, worker_id, session_date, now))

    async def snapshots(
        self, account_id: AccountId, workers: Collection[WorkerId], session_date: SessionDate, now: datetime
    ) -> dict[WorkerId, RiskSnapshot]:
        """Return the snapshots of workers without an open order, in two statements whatever their number."""
        fleet = await self.snapshot(account_id, _NO_WORKER, session_date, now)
        rows = await self._pool.fetch(_OF_WORKERS, account_id, list(workers), session_date)
        return {
            WorkerId(row["worker_id"]): replace(
                fleet,
                worker_id=WorkerId(row["worker_id"]),
                worker_pnl=Won(row["worker_pnl"]),
                worker_trades=row["worker_trades"],
                last_loss_at=row["last_loss_at"],
                worker_losses_in_a_row=row["losses_in_a_row"],
            )
            for row in rows
        }

    async def record_denial(self, intent: OrderIntent, verdict: Denied) -> None:
        """Record that a buy was denied before it became an order."""
        key = f"denied/{intent.intent_id}/{intent.symbol}/{verdict.denial}"
        await append_on(self._pool, order_denied(intent, verdict, key))

    async def press_kill_switch(self, account_id: AccountId, by: str, reason: str, at: datetime | None = None) -> None:
        """Stop all entries immediately; pressing again changes nothing, but each press is recorded.

        ``at`` is market time; without it the database's clock is used.
        """
        await self._turn(_PRESS, account_id, by, reason, at)

    async def lift_kill_switch(
        self, account_id: AccountId, by: str, reason: str = "", at: datetime | None = None
    ) -> None:
        """Allow entries again; each lift is recorded."""
        await self._turn(_LIFT, account_id, by, reason, at)

    async def _turn(self, turn: _Turn, account_id: AccountId, by: str, reason: str, at: datetime | None) -> None:
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            state = await self._state(connection, account_id)
            await connection.execute(turn.statement, account_id, by, reason)
            now = at or await connection.fetchval("SELECT clock_timestamp()")
            await append_on(connection, turn.event(account_id, by, reason, state.kill_switch_on, now))

    _CLOSE_ENTRIES = """
    INSERT INTO closed_entries AS kept (account_id, session_date, cause, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, session_date, cause) DO UPDATE SET
        reason = excluded.reason, agreements = 0, checked_at = clock_timestamp()
    RETURNING xmax = 0 AS is_new
    """

    async def close_entries(
        self,
        account_id: AccountId,
        session_date: SessionDate,
        reason: str,
        at: datetime | None = None,
        *,
        cause: str = "",
    ) -> None:
        """Close a session's entries for one cause; entries stay closed until every cause is lifted.

        ``reason`` is shown to people, ``cause`` identifies it for `reopen_entries` and defaults to the reason. A new
        cause is recorded as an event; closing again for the same cause only updates the reason. ``at`` as for the
        kill switch.
        """
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            row = (account_id, session_date, cause or reason, reason)
            if not await connection.fetchval(self._CLOSE_ENTRIES, *row):
                return
            now = at or await connection.fetchval("SELECT clock_timestamp()")
            await append_on(connection, entries_shut(account_id, session_date, reason, now))

    _REOPEN_ENTRIES = "DELETE FROM closed_entries WHERE account_id = $1 AND session_date = $2 AND cause = $3"

    async def reopen_entries(self, account_id: AccountId, session_date: SessionDate, cause: str) -> None:
        """Lift one cause of closed entries; the session's other causes stay in force."""
        async with transaction(self._pool) as connection:
            await hold_gate(connection, account_id)
            await connection.execute(self._REOPEN_ENTRIES, account_id, session_date, cause)

    _CLOSED_BECAUSE = """
    SELECT reason FROM closed_entries WHERE account_id = $1 AND session_date = $2 ORDER BY closed_at, cause
    """

    async def closed_because(self, account_id: AccountId, session_date: SessionDate) -> tuple[str, ...]:
        """Return the reasons for a session's closed entries, oldest first; empty while entries are open."""
        rows = await self._pool.fetch(self._CLOSED_BECAUSE, account_id, session_date)
        return tuple(row["reason"] for row in rows)

    async def cool_down(self, account_id: AccountId, symbol: Symbol, until: datetime) -> None:
        """Block buys of a symbol before a market instant; a later stored instant stays."""
        await cool_down_on(self._pool, account_id, symbol, until)

    async def state(self, account_id: AccountId) -> RiskState:
        """Return the state of the kill switch."""
        return await self._state(self._pool, account_id)

    _STATE = """
    SELECT kill_switch_on, kill_switch_by, kill_switch_reason, changed_at FROM risk_state WHERE account_id = $1
    """

    async def _state(self, connection: Executor, account_id: AccountId) -> RiskState:
        row = await connection.fetchrow(self._STATE, account_id)
        if row is None:
            raise EnvironmentMismatchError(f"account {account_id} is not pinned to this database")
        return RiskState(row["kill_switch_on"], row["kill_switch_by"], row["kill_switch_reason"], row["changed_at"])


_COOL_DOWN = """
INSERT INTO symbol_cool_downs AS kept (account_id, symbol, until) VALUES ($1, $2, $3)
ON CONFLICT (account_id, symbol) DO UPDATE SET until = excluded.until WHERE kept.until < excluded.until
"""


async def cool_down_on(connection: Executor, account_id: AccountId, symbol: Symbol, until: datetime) -> None:
    """Start a symbol's cool-down, within a larger transaction if one is open."""
    await connection.execute(_COOL_DOWN, account_id, symbol, until)


def _from_row(view: RiskView, row: Row) -> RiskSnapshot:
    return RiskSnapshot(
        account_id=view.account_id,
        worker_id=view.worker_id,
        kill_switch_on=row["kill_switch_on"],
        entries_closed_because=row["closed_because"],
        worker_pnl=Won(row["worker_pnl"]),
        fleet_pnl=Won(row["fleet_pnl"]),
        worker_trades=row["worker_trades"],
        last_loss_at=row["last_loss_at"],
        fleet_peak_pnl=Won(row["fleet_peak_pnl"]),
        worker_losses_in_a_row=row["losses_in_a_row"],
        symbols_cooling_down=frozenset(Symbol(symbol) for symbol in row["cooling"]),
        fleet_at_stake=Won(row["fleet_at_stake"]),
        held_by_others=row["held_by_others"],
        stream_is_live=row["stream_is_live"],
    )
