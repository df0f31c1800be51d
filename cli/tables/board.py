"""The live table as plain lines."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from domain.clock import MarketClock, in_seoul
from domain.session import SessionPhase
from domain.unreadable import UnreadableRow
from fleet.board import Board
from fleet.foreign import ForeignObject
from reporting.spoken import label, say, say_each

if TYPE_CHECKING:
    from database.stream_leases import StreamState
    from database.workers import WorkerRow

_MOST_FOREIGN: Final = 5


def heading(board: Board) -> tuple[str, ...]:
    """Return the lines above the table: account type, time, and the fleet's state."""
    now = f"{in_seoul(board.now):%Y-%m-%d %H:%M:%S} KST{_whose_time(board.clock)}"
    first = f"HARU · {board.environment.upper()} · {now} · {countdown(board)}"
    if board.kill_switch_on:
        first += " · KILL SWITCH ON"
    for date in board.missed_closes:
        first += f" · CLOSE OF {date} MISSED"
    if board.failing:
        first += f" · CANNOT PROGRESS: {', '.join(board.failing)}"
    if board.quarantined:
        first += f" · QUARANTINED: {', '.join(board.quarantined)}"
    if board.trouble:
        first += f" · {board.trouble}"
    trades = _counted(board.trades, "trade")
    second = f"net {board.realised:+,} won in {trades} · unrealised {board.unrealised:+,} won"
    if board.stream is not None:
        second += f" · {_heard_by(board.stream)}"
    plan = board.plan
    third = f"entries until {in_seoul(plan.entries_until):%H:%M}, sale from {in_seoul(plan.liquidation_at):%H:%M}"
    third += f" ({plan.because})"
    shut = [f"entries shut: {reason}" for reason in board.entries_closed_because]
    odd = f"unreadable at the broker: {', '.join(map(_odd, board.unreadable))}" if board.unreadable else ""
    web_ui = f"Web UI {board.web_ui}" if board.web_ui else ""
    no_workers = "" if board.rows else "no workers yet: `python starter.py --workers 5` starts some"
    foreign = _foreign(board.foreign)
    lines = (first, second, third, *_own_starts(board), *shut, odd, *board.troubles, *foreign, no_workers, web_ui)
    return tuple(line for line in lines if line)


def _foreign(found: tuple[ForeignObject, ...]) -> list[str]:
    """Name the first foreign objects and count the others."""
    lines = [f"not ours at Temporal, left alone: {each}" for each in found[:_MOST_FOREIGN]]
    more = len(found) - len(lines)
    return [*lines, f"not ours at Temporal, left alone: {more} more"] if more else lines


def _odd(row: UnreadableRow) -> str:
    return f"{row.symbol or 'a row without a code'} ({row.of} {row.field})"


def _whose_time(clock: MarketClock) -> str:
    """Name the clock unless it is live."""
    if clock.is_live:
        return ""
    return " (market time)" if clock.speed == 1 else f" (market time, {clock.speed}-fold)"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _own_starts(board: Board) -> list[str]:
    """Return a line with the earlier sale time of each illiquid position."""
    return [
        f"{row.worker_id} {row.symbol} {row.name}: sale from {in_seoul(row.sale_begins_at):%H:%M}"
        f" ({row.sale_begins_because})"
        for row in board.rows
        if row.sale_begins_at is not None and row.quantity
    ]


def _heard_by(stream: "StreamState") -> str:
    if stream.is_live and stream.connected_since is not None:
        since = f"{in_seoul(stream.connected_since):%H:%M:%S}"
        return f"stream: {_counted(len(stream.symbols), 'stock')}, {stream.owner} since {since}"
    return f"no stream: {stream.trouble or 'no process holds it'}"


def countdown(board: Board) -> str:
    """Describe the session's phase and what comes next, in market time."""
    session, now = board.plan.session, board.now
    phase = session.phase_at(now)
    if now < session.opens_at:
        return f"{_words(phase)}, opens in {_left(session.opens_at - now)}"
    if now < board.plan.entries_until:
        return f"{_words(phase)}, liquidation in {_left(board.plan.liquidation_at - now)}"
    if now < board.plan.liquidation_at:
        return f"{_words(phase)}, no more entries, liquidation in {_left(board.plan.liquidation_at - now)}"
    if now < session.ends_at:
        return f"{_words(phase)}, liquidating, ends in {_left(session.ends_at - now)}"
    return "the session is over"


def plain_lines(board: Board) -> list[str]:
    """Return the table for a log file or a pipe."""
    return [*say_each(heading(board)), *(_plain(row, board) for row in board.rows)]


def _plain(row: "WorkerRow", board: Board) -> str:
    held = ""
    if row.quantity:
        held = (
            f" {row.symbol} {row.name} ×{row.quantity:,} {say('at')} {price_text(row.entry_price)}"
            f" {say('now')} {price_text(row.last_price)} {row.unrealised_pnl:+,}"
        )
    net = say(f"net {row.realised_pnl:+,} in {row.trades}")
    return f"  {row.worker_id} {state_of(row, board)}{held} | {net} | {event_of(row)}"


def state_of(row: "WorkerRow", board: Board) -> str:
    """Return a worker's state for people."""
    if row.worker_id in board.stopped:
        return label("states", "stopped")
    state = label("states", row.state)
    return f"{state} ({say('paused')})" if row.paused else state


def event_of(row: "WorkerRow") -> str:
    """Return a worker's last event with its market time."""
    if row.last_event_at is None:
        return say(row.last_event)
    return f"{in_seoul(row.last_event_at):%H:%M:%S} {say(row.last_event)}"


def price_text(price: Any) -> str:
    """Return a price in won; empty if there is none."""
    return "" if price is None else f"{price:,.0f}"


def _words(phase: SessionPhase) -> str:
    return phase.value.replace("_", " ")


def _left(left: timedelta) -> str:
    minutes, seconds = divmod(max(int(left.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
