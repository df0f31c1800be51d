"""Data for reports on a day: prices while holding, workers' states, fills, and the verifier's latest verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from database.events import event_from_row
from database.exit_rules import rules_from_json
from database.pool import Pool
from domain.event import Event
from domain.event_kind import EventKind
from domain.excursion import PriceRange
from domain.identity import AccountId, IntentId, PositionId, WorkerId
from domain.market import Symbol
from domain.money import Price, Quantity, Won
from domain.rules import ExitRules
from domain.session import SessionDate
from domain.worker_state import WorkerState


@dataclass(frozen=True, slots=True)
class PriceBar:
    """The prices (won) observed for a position in one minute of market time."""

    position_id: PositionId
    minute: datetime
    open: Price
    high: Price
    low: Price
    close: Price


@dataclass(frozen=True, slots=True)
class StateChange:
    """A worker's new state and the market instant at which it started."""

    worker_id: WorkerId
    state: WorkerState
    symbol: Symbol | None
    since: datetime


@dataclass(frozen=True, slots=True)
class FillSeen:
    """Shares and won that one booking added; ``at`` is the market time at which the fill was booked."""

    position_id: PositionId
    intent_id: IntentId
    purpose: str
    quantity: Quantity
    amount: Won
    at: datetime


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """The verifier's verdict on a session, and when it was given (real time)."""

    verdict: dict[str, Any]
    judged_at: datetime


class DaySeen:
    """The tables ``price_marks``, ``worker_states`` and ``verdicts``, and other queries used only by reports."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _BARS = """
    SELECT position_id, minute, open, high, low, close FROM price_marks
    WHERE position_id = ANY($1::text[]) ORDER BY minute, position_id
    """

    async def bars_of(self, positions: Sequence[PositionId]) -> tuple[PriceBar, ...]:
        """Return the bars of positions, oldest first."""
        return tuple(
            PriceBar(
                PositionId(row["position_id"]),
                row["minute"],
                Price(row["open"]),
                Price(row["high"]),
                Price(row["low"]),
                Price(row["close"]),
            )
            for row in await self._pool.fetch(self._BARS, positions)
        )

    _RANGES = """
    SELECT position_id, min(low) AS low, max(high) AS high FROM price_marks
    WHERE position_id IN (SELECT position_id FROM booked_trades WHERE account_id = $1 AND session_date = $2)
    GROUP BY position_id
    """

    async def ranges_on(self, account_id: AccountId, session_date: SessionDate) -> dict[PositionId, PriceRange]:
        """Return the lowest and highest observed price of each position that was closed in a session."""
        rows = await self._pool.fetch(self._RANGES, account_id, session_date)
        return {PositionId(row["position_id"]): PriceRange(Price(row["low"]), Price(row["high"])) for row in rows}

    _STATES = """
    SELECT worker_id, state, symbol, since FROM worker_states
    WHERE account_id = $1 AND (since AT TIME ZONE 'Asia/Seoul')::date = $2
    ORDER BY change
    """

    async def states_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[StateChange, ...]:
        """Return every worker state change on a KST date, in the order written."""
        return tuple(
            StateChange(
                WorkerId(row["worker_id"]),
                WorkerState(row["state"]),
                None if row["symbol"] is None else Symbol(row["symbol"]),
                row["since"],
            )
            for row in await self._pool.fetch(self._STATES, account_id, session_date)
        )

    _FILLS = """
    SELECT orders.position_id, orders.purpose, fills.intent_id, fills.quantity, fills.amount, fills.filled_at
    FROM fills JOIN orders ON orders.intent_id = fills.intent_id
    WHERE orders.position_id = ANY($1::text[]) ORDER BY fills.filled_at, fills.cumulative_quantity
    """

    async def fills_of(self, positions: Sequence[PositionId]) -> tuple[FillSeen, ...]:
        """Return the fills of positions in the order they were booked."""
        return tuple(
            FillSeen(
                PositionId(row["position_id"]),
                IntentId(row["intent_id"]),
                row["purpose"],
                Quantity(row["quantity"]),
                Won(row["amount"]),
                row["filled_at"],
            )
            for row in await self._pool.fetch(self._FILLS, positions)
        )

    _EXIT_RULES = "SELECT position_id, exit_rules FROM positions WHERE position_id = ANY($1::text[])"

    async def exit_rules_of(self, positions: Sequence[PositionId]) -> dict[PositionId, ExitRules]:
        """Return the exit rules under which positions were held."""
        rows = await self._pool.fetch(self._EXIT_RULES, positions)
        return {PositionId(row["position_id"]): rules_from_json(row["exit_rules"]) for row in rows}

    _EVENTS = """
    SELECT account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key FROM events
    WHERE account_id = $1 AND kind <> ALL ($3::text[])
        AND COALESCE(session_date, (at AT TIME ZONE 'Asia/Seoul')::date) = $2
    ORDER BY event_id
    """

    async def events_on(
        self, account_id: AccountId, session_date: SessionDate, but: Sequence[str]
    ) -> tuple[Event, ...]:
        """Return the events of a session except some kinds, in the order written."""
        rows = await self._pool.fetch(self._EVENTS, account_id, session_date, list(but))
        return tuple(event_from_row(row) for row in rows)

    _REFUSALS = """
    SELECT account_id, session_date, worker_id, symbol, kind, level, detail, at, event_key FROM events
    WHERE account_id = $1 AND session_date = $2 AND kind = $3 AND symbol IS NOT NULL ORDER BY event_id
    """

    async def refusals_on(self, account_id: AccountId, session_date: SessionDate) -> tuple[Event, ...]:
        """Return the events of a session in which an entry in one stock was denied."""
        rows = await self._pool.fetch(self._REFUSALS, account_id, session_date, EventKind.ENTRY_DENIED)
        return tuple(event_from_row(row) for row in rows)

    _DATES = """
    SELECT session_date FROM daily_summaries WHERE account_id = $1
    UNION SELECT session_date FROM booked_trades WHERE account_id = $1
    UNION SELECT session_date FROM positions WHERE account_id = $1
    UNION SELECT session_date FROM scans WHERE account_id = $1
    ORDER BY session_date
    """

    async def dates(self, account_id: AccountId) -> tuple[SessionDate, ...]:
        """Return the sessions that the books contain, oldest first."""
        return tuple(SessionDate(row["session_date"]) for row in await self._pool.fetch(self._DATES, account_id))

    _KEEP_VERDICT = """
    INSERT INTO verdicts (account_id, session_date, verdict) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, session_date) DO UPDATE SET verdict = excluded.verdict, judged_at = clock_timestamp()
    """

    async def keep_verdict(self, account_id: AccountId, session_date: SessionDate, verdict: dict[str, Any]) -> None:
        """Store the verifier's verdict on a session, replacing an earlier one."""
        await self._pool.execute(self._KEEP_VERDICT, account_id, session_date, verdict)

    _VERDICT = "SELECT verdict, judged_at FROM verdicts WHERE account_id = $1 AND session_date = $2"

    async def verdict_on(self, account_id: AccountId, session_date: SessionDate) -> KeptVerdict | None:
        """Return the verifier's latest verdict on a session, or None if there is none."""
        row = await self._pool.fetchrow(self._VERDICT, account_id, session_date)
        return None if row is None else KeptVerdict(row["verdict"], row["judged_at"])
