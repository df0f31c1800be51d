"""A state as JSON values in the words of a language: what the page shows, part by part."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from database.workers import WorkerRow
from domain.clock import in_seoul
from domain.event import Event
from domain.event_kind import EventKind
from domain.headroom import headroom
from domain.order import OrderRecord
from domain.position import OpenPosition
from domain.rules import RiskRules
from domain.session import SessionPhase
from fleet.standings import standing_warnings
from reporting.sentences import Language, Words, command_line_words
from web.exits import exits_of, nearest_of
from web.live_parts import parts_of, steps_of
from web.state import State

UNWATCHED_AFTER: Final = 2.0
"""Real seconds without a renewal after which the page says that no process watches; renewals come each second."""
_MOST_ORDERS: Final = 60


def view_of(state: State, risk: RiskRules, language: Language) -> dict[str, Any]:
    """Return the state in parts. A part is sent again when it has changed."""
    said = command_line_words(language)
    return {
        "head": _head(state, said),
        "limits": list(_limits(state, risk)),
        "warnings": [said.say_parts(each) for each in _warnings(state)],
        "workers": [_worker(row, state, risk, said) for row in state.board.rows],
        "positions": [_position(each, state, said) for each in state.positions],
        "orders": [_order(each, state, said) for each in _shown(state.orders)],
        "incidents": [_event(each, said) for each in state.events],
        **parts_of(state, said),
    }


def _head(state: State, said: Words) -> dict[str, Any]:
    board, plan, now = state.board, state.board.plan, state.board.now
    phase = plan.session.phase_at(now)
    return {
        "environment": board.environment.value,
        "time": _clock(now),
        "date": f"{in_seoul(now):%Y-%m-%d}",
        "speed": board.clock.speed,
        "phase": said.say(phase.value.replace("_", " ")),
        "is_open": phase is SessionPhase.CONTINUOUS,
        "entries_until": f"{in_seoul(plan.entries_until):%H:%M}",
        "sale_from": f"{in_seoul(plan.liquidation_at):%H:%M}",
        "seconds_to_sale": max(int((plan.liquidation_at - now).total_seconds()), 0),
        "kill_switch": board.kill_switch_on,
        "shut": [said.say_parts(each) for each in board.entries_closed_because],
        "realised": board.realised,
        "unrealised": board.unrealised,
        "trades": board.trades,
        "held": len(state.positions),
        "stream": None if board.stream is None else board.stream.is_live,
        "streamed": 0 if board.stream is None else len(board.stream.symbols),
        "hosts": len([each for each in state.hosts if not each.is_away]),
        "temporal": state.beside.links.running,
    }


def _limits(state: State, rules: RiskRules) -> Iterator[dict[str, Any]]:
    """Yield what is left of each limit of the fleet, under the configured rules."""
    left = headroom(state.risk, rules, state.board.now)
    yield {"name": "fleet_loss", "left": left.fleet_loss_left, "limit": rules.fleet_daily_loss}
    yield {"name": "at_stake", "left": state.risk.fleet_at_stake, "limit": None}
    if left.give_back_left is not None:
        yield {"name": "give_back", "left": left.give_back_left, "limit": None}


def _warnings(state: State) -> Iterator[str]:
    board = state.board
    if state.trouble:
        yield state.trouble
    if is_unwatched(state):
        yield f"NO PROCESS WATCHES: the last renewal was {state.unwatched_for or 0:.0f} s ago"
    for host in state.hosts:
        if host.is_away:
            yield f"{host.host_id} sent no heartbeat for {host.seconds:.0f} s"
    if board.kill_switch_on:
        yield "the kill switch is on"
    yield from (f"CLOSE OF {date} MISSED" for date in board.missed_closes)
    yield from (f"CANNOT PROGRESS: {each}" for each in board.failing)
    yield from (f"QUARANTINED: {each}" for each in board.quarantined)
    yield from board.troubles
    yield from standing_warnings(state.standings, board.environment)


def is_unwatched(state: State) -> bool:
    """Return whether held or scanned stocks have no watching process now."""
    return state.unwatched_for is not None and state.unwatched_for > UNWATCHED_AFTER


def _worker(row: WorkerRow, state: State, risk: RiskRules, said: Words) -> dict[str, Any]:
    name = "stopped" if row.worker_id in state.board.stopped else row.state.value
    return {
        "id": row.worker_id,
        "state": name,
        "said": said.of("states", name),
        "paused": row.paused,
        "symbol": row.symbol,
        "name": row.name,
        "realised": row.realised_pnl,
        "unrealised": row.unrealised_pnl if row.quantity else None,
        "trades": row.trades,
        "event": said.say_parts(row.last_event),
        "at": None if row.last_event_at is None else _clock(row.last_event_at),
        "loss_left": max(risk.worker_daily_loss + row.realised_pnl, 0),
        "trades_left": max(risk.trades_per_worker - row.trades, 0),
        "run": state.beside.links.run_of(row.worker_id),
    }


def _position(held: OpenPosition, state: State, said: Words) -> dict[str, Any]:
    entry, last = held.entry_price, held.last_price
    row = next((each for each in state.board.rows if each.worker_id == held.worker_id), None)
    begins = state.board.plan.liquidation_at if row is None or row.sale_begins_at is None else row.sale_begins_at
    working = next((each for each in state.orders if _works_for(each, held)), None)
    return {
        "id": held.position_id,
        "worker": held.worker_id,
        "symbol": held.symbol,
        "name": held.name,
        "quantity": held.quantity,
        "entry": round(float(entry), 2),
        "last": last,
        "best": held.high_water_mark,
        "unrealised": held.unrealised_pnl,
        "percent": round(float((last - entry) / entry * 100), 2),
        "nearest": nearest_of(exits_of(held, state.board.now, begins)),
        "opened": _clock(held.opened_at),
        "sale_from": f"{in_seoul(begins):%H:%M}",
        "strategy": said.of("strategies", held.strategy.name),
        "order": None if working is None else _order(working, state, said),
    }


def _works_for(record: OrderRecord, held: OpenPosition) -> bool:
    return record.is_active and record.intent.position_id == held.position_id


def _shown(orders: Sequence[OrderRecord]) -> list[OrderRecord]:
    """Return the active orders and the latest ones, newest first."""
    latest = orders[-_MOST_ORDERS:]
    return [*reversed(latest), *(each for each in reversed(orders[:-_MOST_ORDERS]) if each.is_active)]


def _order(record: OrderRecord, state: State, said: Words) -> dict[str, Any]:
    intent = record.intent
    average = record.average_price
    return {
        "id": intent.intent_id,
        "at": _clock(intent.decided_at),
        "worker": intent.worker_id,
        "symbol": intent.symbol,
        "side": intent.side.value,
        "quantity": intent.quantity,
        "limit": intent.limit_price,
        "filled": record.filled_quantity,
        "average": round(float(average), 2) if average else None,
        "status": said.say(record.status.value),
        "active": record.is_active,
        "reason": said["reasons"].get(intent.reason) or said.say_parts(intent.reason),
        "reply": record.reject_message,
        "steps": steps_of(record, state.beside),
    }


def _event(event: Event, said: Words) -> dict[str, Any]:
    return {
        "at": _clock(event.at),
        "level": event.level.value,
        "kind": said.of("kinds", str(event.kind)),
        "symbol": event.symbol,
        "worker": event.worker_id,
        "detail": ", ".join(said.details(_told(event))),
    }


def _told(event: Event) -> Mapping[str, str | int]:
    """Return the details that a trader reads; the audit log has the rest of a command."""
    if event.kind is not EventKind.OPERATOR_COMMAND:
        return event.detail
    return {name: event.detail[name] for name in ("command", "outcome", "user", "why") if event.detail.get(name)}


def _clock(at: datetime) -> str:
    return f"{in_seoul(at):%H:%M:%S}"
