"""The fleet's state at a moment: a value for the live table and the page, and as JSON."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from temporalio.service import RPCError

from domain.clock import LIVE_CLOCK, MarketClock, in_seoul
from domain.identity import Environment, WorkerId
from domain.market import Symbol
from domain.money import Won, total
from domain.session import SessionDate, SessionPlan, session_date_of
from domain.unreadable import UnreadableRow
from domain.worker_state import WorkerState
from fleet.fleet import Fleet
from fleet.foreign import ForeignObject, foreign_objects
from fleet.troubles import read_channel_troubles, read_troubles

if TYPE_CHECKING:
    from database.stream_leases import StreamState
    from database.workers import WorkerRow


@dataclass(frozen=True, slots=True)
class Board:
    """The whole fleet at a market instant (UTC). PnL in won: realised net, unrealised before costs."""

    environment: Environment
    now: datetime
    plan: SessionPlan
    rows: "tuple[WorkerRow, ...]"
    kill_switch_on: bool = False
    web_ui: str | None = None
    missed_closes: tuple[SessionDate, ...] = ()
    """Sessions that ended without a market close: this session or the previous one."""
    stopped: frozenset[WorkerId] = frozenset()
    """Workers whose workflow has ended. Their last state in the books is history."""
    entries_closed_because: tuple[str, ...] = ()
    """Every reason why entries are shut in this session, oldest first."""
    failing: tuple[str, ...] = ()
    """Ids of workflows that cannot progress."""
    foreign: tuple[ForeignObject, ...] = ()
    """Objects at Temporal that are not ours, as far as the server lists them."""
    quarantined: tuple[Symbol, ...] = ()
    """Stocks in which an order waits for the operator (`starter.py quarantine`)."""
    unreadable: tuple[UnreadableRow, ...] = ()
    """Rows of the broker's lists that cannot be read now. These lists decide nothing about their stocks."""
    stream: "StreamState | None" = None
    """The broker's real-time session as last reported by its owner, in market time; None if there never was one."""
    clock: MarketClock = LIVE_CLOCK
    """The clock of this table. Every instant shown is in market time."""
    troubles: tuple[str, ...] = ()
    """Causes that prevent buying stocks or sending alerts, one line each."""
    trouble: str = ""
    """Why this state is not current; empty when it is."""

    @property
    def realised(self) -> Won:
        """Return the fleet's net result of the session's closed trades."""
        return total([row.realised_pnl for row in self.rows])

    @property
    def unrealised(self) -> Won:
        """Return the fleet's unrealised result at the last prices."""
        return total([row.unrealised_pnl for row in self.rows])

    @property
    def trades(self) -> int:
        """Return how many trades the session has closed."""
        return sum(row.trades for row in self.rows)


async def read_board(fleet: Fleet, market_now: datetime) -> Board:
    """Read the fleet's state from the books."""
    plan = fleet.plan_of_the_day(market_now, await fleet.registered_workers())
    rows = await fleet.database.workers.board(fleet.account_id, plan.session.date)
    risk = await fleet.database.risk.state(fleet.account_id)
    before = fleet.calendar.session_before(plan.session.date).date
    missed = await fleet.database.events.missed_closes(fleet.account_id, before)
    stopped = await _stopped(fleet, rows)
    shut = await fleet.database.risk.closed_because(fleet.account_id, plan.session.date)
    board = Board(fleet.environment, market_now, plan, rows, risk.kill_switch_on, fleet.web_ui, missed, stopped, shut)
    waiting = tuple(order.intent.symbol for order in await fleet.database.orders.quarantined(fleet.account_id))
    stream = _in_market_time(await fleet.database.stream_leases.state(fleet.account_id), fleet.clock)
    failing = await _failing(fleet)
    unreadable = await fleet.database.unreadable_rows.on(fleet.account_id, session_date_of(market_now))
    troubles = await read_troubles(fleet.database.events, fleet.account_id, plan.session.date, market_now)
    troubles += await read_channel_troubles(fleet.database.alerts, fleet.account_id, fleet.environment)
    board = replace(board, stream=stream, quarantined=waiting, clock=fleet.clock)
    foreign = await foreign_objects(fleet)
    return replace(board, failing=failing, foreign=foreign, unreadable=unreadable, troubles=troubles)


def _in_market_time(stream: "StreamState | None", clock: MarketClock) -> "StreamState | None":
    if stream is None or stream.connected_since is None:
        return stream
    return replace(stream, connected_since=clock.market_time(stream.connected_since))


async def _stopped(fleet: Fleet, rows: "tuple[WorkerRow, ...]") -> frozenset[WorkerId]:
    """Query only workers that appear idle. While Temporal is away, no worker counts as stopped."""
    idle = frozenset(row.worker_id for row in rows if row.state is WorkerState.IDLE)
    if not idle:
        return idle
    try:
        return idle - await fleet.running_workers()
    except (RPCError, RuntimeError):
        return frozenset()


async def _failing(fleet: Fleet) -> tuple[str, ...]:
    """Return which workflows cannot progress; none while Temporal is away."""
    try:
        return tuple(each.workflow_id for each in await fleet.failing_workflows())
    except RPCError:
        return ()


def as_json(board: Board) -> dict[str, Any]:
    """Return the table as JSON values; instants are ISO 8601, in market time."""
    return {
        "environment": board.environment.value,
        "market_time": in_seoul(board.now).isoformat(),
        "market_speed": board.clock.speed,
        "session_date": board.plan.session.date.isoformat(),
        "phase": board.plan.session.phase_at(board.now).value,
        "entries_until": in_seoul(board.plan.entries_until).isoformat(),
        "liquidation_at": in_seoul(board.plan.liquidation_at).isoformat(),
        "liquidation_because": board.plan.because,
        "kill_switch_on": board.kill_switch_on,
        "entries_closed_because": list(board.entries_closed_because),
        "missed_closes": [date.isoformat() for date in board.missed_closes],
        "failing_workflows": list(board.failing),
        "foreign_objects": [str(each) for each in board.foreign],
        "quarantined": list(board.quarantined),
        "unreadable": [{"list": row.of, "symbol": row.symbol, "field": row.field} for row in board.unreadable],
        "troubles": list(board.troubles),
        "realised_pnl": board.realised,
        "unrealised_pnl": board.unrealised,
        "trades": board.trades,
        "web_ui": board.web_ui,
        "stream": None if board.stream is None else _stream_json(board.stream),
        "workers": [_row_json(row, board) for row in board.rows],
    }


def _stream_json(stream: "StreamState") -> dict[str, Any]:
    since = stream.connected_since
    return {**asdict(stream), "connected_since": None if since is None else in_seoul(since).isoformat()}


def _row_json(row: "WorkerRow", board: Board) -> dict[str, Any]:
    entry, at, begins = row.entry_price, row.last_event_at, row.sale_begins_at
    return {
        **asdict(row),
        "state": "stopped" if row.worker_id in board.stopped else row.state.value,
        "entry_price": None if entry is None else round(float(entry), 2),
        "last_event_at": None if at is None else in_seoul(at).isoformat(),
        "sale_begins_at": None if begins is None else in_seoul(begins).isoformat(),
    }
