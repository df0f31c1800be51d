"""Parts of the live page beside the board: health, close plan, last scans, and the steps of orders."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from database.last_scans import LastScan
from domain.clock import in_seoul
from domain.event import EventLevel
from domain.order import OrderRecord, OrderStatus
from reporting.sentences import Words
from web.beside import Beside
from web.state import State

_NEVER_SENT: Final = frozenset({OrderStatus.DENIED, OrderStatus.NEVER_PLACED})
_SECOND: Final = timedelta(seconds=1)


def parts_of(state: State, said: Words) -> dict[str, Any]:
    """Return the parts by name."""
    return {
        "health": _health(state),
        "close": _close(state, said),
        "scans": [_scan(each, said) for each in state.beside.scans],
        "ages": {key: int(seconds) for key, seconds in state.beside.unchanged.items()},
    }


def _health(state: State) -> dict[str, Any]:
    beside, clock = state.beside, state.board.clock
    alive = [each for each in state.hosts if not each.is_away]
    worst = [each.level for each in state.events if each.session_date == state.board.plan.session.date]
    verdict = None
    if beside.verdict is not None:
        kept = beside.verdict.verdict
        verdict = {
            "at": _clock(clock.market_time(beside.verdict.judged_at)),
            "violations": kept.get("violations", 0),
            "over": bool(kept.get("over")),
        }
    return {
        "rate_taken": beside.gauged.rate_slots_taken,
        "rate_slots": beside.gauged.rate_slots,
        "unsent": beside.gauged.unsent_alerts,
        "warnings": len([each for each in worst if each is EventLevel.WARNING]),
        "errors": len([each for each in worst if each in (EventLevel.ERROR, EventLevel.CRITICAL)]),
        "unknown_orders": beside.gauged.unknown_orders,
        "hosts": len(alive),
        "hosts_away": len(state.hosts) - len(alive),
        "watched": None if state.unwatched_for is None else round(state.unwatched_for, 1),
        "verified": verdict,
    }


def _close(state: State, said: Words) -> dict[str, Any]:
    """Return the deadlines of the session, and the proof of the close once there is one."""
    plan, now, proof = state.board.plan, state.board.now, state.beside.proof
    steps = (
        ("entries_end", plan.entries_until),
        ("sale_begins", plan.liquidation_at),
        ("auction", plan.session.auction_at),
        ("session_ends", plan.session.ends_at),
    )
    named = {each.worker_id: each for each in state.board.rows}
    own = [row for each in state.positions if (row := named.get(each.worker_id)) and row.sale_begins_at is not None]
    return {
        "steps": [
            {"name": name, "at": _clock(at), "seconds": max(int((at - now).total_seconds()), 0), "done": now >= at}
            for name, at in steps
        ],
        "because": said.say_parts(plan.because),
        "own": [
            {
                "stock": f"{row.symbol} {row.name}",
                "at": f"{in_seoul(row.sale_begins_at):%H:%M}" if row.sale_begins_at else "",
                "why": said.say_parts(row.sale_begins_because),
            }
            for row in own
        ],
        "held": len(state.positions),
        "working": len([each for each in state.orders if each.is_active]),
        "proof": None
        if proof is None
        else {"flat": proof.flat, "open_orders": proof.open_orders, "at": _clock(proof.at)},
    }


def _scan(scan: LastScan, said: Words) -> dict[str, Any]:
    return {
        "strategies": ", ".join(said.of("strategies", each) for each in scan.strategies.split(",")),
        "at": _clock(scan.scanned_at),
        "looked_at": scan.looked_at,
        "stocks": [_stock(each, said) for each in scan.stocks],
    }


def _stock(stock: Mapping[str, Any], said: Words) -> dict[str, Any]:
    dropped_by = str(stock["dropped_by"])
    why = said.of("filters", dropped_by) if dropped_by else ""
    return {
        "symbol": stock["symbol"],
        "name": stock["name"],
        "price": stock["price"] or None,
        "change": stock["change"] if stock["price"] else None,
        "is_candidate": not dropped_by,
        "filter": why,
        "detail": stock["detail"] if dropped_by else said.say_parts(str(stock["detail"])),
    }


def steps_of(record: OrderRecord, beside: Beside) -> list[dict[str, Any]]:
    """Return the steps of an order: its name, whether it is done, and the milliseconds since the step before."""
    found = beside.steps.get(record.intent.intent_id)
    if found is None:
        return []
    times: list[tuple[str, datetime | None]] = [
        ("decided", found.recorded_at),
        ("sent", None if record.status in _NEVER_SENT else found.sent_at),
        ("answered", found.answered_at),
        ("filled", found.last_fill_at),
    ]
    steps: list[dict[str, Any]] = []
    before: datetime | None = None
    for name, at in times:
        is_done = at is not None and (name != "filled" or record.filled_quantity == record.intent.quantity)
        milliseconds = None if at is None or before is None else round((at - before) / _SECOND * 1000)
        steps.append({"name": name, "done": is_done, "ms": milliseconds})
        before = at or before
    return steps


def _clock(at: datetime) -> str:
    return f"{in_seoul(at):%H:%M:%S}"
