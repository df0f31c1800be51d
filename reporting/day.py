"""One session as plain values: the data of the page and of its JSON file."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from pydantic import TypeAdapter

from domain.clock import in_seoul
from domain.event import Event
from domain.money import Won, notional
from domain.order import OrderStatus
from domain.position import OpenPosition
from domain.summary import KEYS, DailySummary
from reporting.after_close import after_close_values
from reporting.candles import charts_of_session
from reporting.curves import drawdown, equity
from reporting.market import UNRECORDED, Recorded
from reporting.metrics import metrics
from reporting.reading import DayBooks
from reporting.research import of_trades
from reporting.tables import greatest_capital, milliseconds, rows_by, standing_rows, trade_row
from reporting.timeline import timeline

_SUMMARY: Final = TypeAdapter(DailySummary)


def day_values(day: DayBooks, capital: Won | None = None, recorded: Recorded = UNRECORDED) -> dict[str, Any]:
    """Return the report of a session. Won, percent, ticks, minutes; instants in UTC milliseconds."""
    base = capital or greatest_capital(day.trades)
    ranges = day.ranges()
    return {
        "kind": "day",
        "account": day.account_id,
        "session_date": day.date.isoformat(),
        "opens_at": _instant(day.session.opens_at),
        "ends_at": _instant(day.session.ends_at),
        "capital": {"won": base, "given": capital is not None},
        "metrics": metrics(day.trades, ranges, base),
        "orders": _orders(day),
        "equity": _equity(day),
        "tables": {name: rows_by(name_of, day.trades, ranges, base) for name, name_of in KEYS.items()},
        "trades": [trade_row(trade, ranges) for trade in day.trades],
        "timeline": timeline(day),
        "left": [_left(day, position) for position in day.left],
        "incidents": list(_incidents(day)),
        "screening": screening(day.fleet),
        "denials": day.fleet.denials,
        "poor_symbols": list(day.fleet.poor_symbols),
        "summaries": [_SUMMARY.dump_python(summary, mode="json") for summary in day.summaries],
        "verdict": _verdict(day),
        "standings": standing_rows(day.standings),
        "after_close": after_close_values(day.after_close),
        "commands": [_command(row.event) for row in day.commands if row.event is not None],
        "charts": charts_of_session(day, recorded),
        **of_trades(day.trades, recorded),
        "audit_log": None if day.last_row is None else {"row": day.last_row.sequence, "digest": day.last_row.digest},
    }


def screening(summary: DailySummary) -> dict[str, Any]:
    """Return how many stock checks each filter dropped and passed, in filter order; custom filters follow by name."""
    rows = [
        {"filter": name, "dropped": summary.dropped.get(name, 0), "passed": passed}
        for name, passed in summary.passed.items()
    ]
    custom = [{"filter": name, "dropped": n, "passed": None} for name, n in summary.dropped.items()]
    known = set(summary.passed)
    return {
        "scans": summary.scans,
        "looked_at": summary.looked_at,
        "filters": [*rows, *(each for each in custom if each["filter"] not in known)],
    }


def _instant(at: datetime) -> int:
    return milliseconds(at.timestamp())


def _equity(day: DayBooks) -> dict[str, list[list[int]]]:
    points = equity(day)
    closings = sorted(day.trades, key=lambda trade: (trade.closed_at, trade.position_id))
    steps = zip(closings, accumulate(trade.net_pnl for trade in closings), strict=True)
    edges = [points[0], points[-1]] if points else []
    fallen = drawdown([point.marked for point in points])
    return {
        "realised": [
            *([_instant(edge.at), edge.realised] for edge in edges[:1]),
            *([_instant(trade.closed_at), earned] for trade, earned in steps),
            *([_instant(edge.at), edge.realised] for edge in edges[1:]),
        ],
        "marked": [[_instant(point.at), point.marked] for point in points],
        "drawdown": [[_instant(point.at), fall] for point, fall in zip(points, fallen, strict=True)],
    }


def _orders(day: DayBooks) -> dict[str, int]:
    statuses = Counter(order.record.status for order in day.orders)
    return {"all": len(day.orders), **{status.value: statuses[status] for status in OrderStatus if statuses[status]}}


def _left(day: DayBooks, position: OpenPosition) -> dict[str, Any]:
    """Return a position still held at the end of the session's books. Later sales do not count."""
    done = [
        fill for fill in day.fills if fill.position_id == position.position_id and in_seoul(fill.at).date() <= day.date
    ]
    bought = [fill for fill in done if fill.purpose == "entry"]
    held = sum(fill.quantity for fill in bought) - sum(fill.quantity for fill in done if fill.purpose != "entry")
    cost = sum(fill.amount for fill in bought) * held // max(sum(fill.quantity for fill in bought), 1)
    value = notional(position.last_price, type(position.quantity)(held))
    return {
        "worker": position.worker_id,
        "symbol": position.symbol,
        "name": position.name,
        "quantity": held,
        "cost": cost,
        "last_price": position.last_price,
        "unrealised": value - cost,
        "opened_at": _instant(position.opened_at),
    }


def _incidents(day: DayBooks) -> Iterator[dict[str, Any]]:
    for event in sorted(day.events, key=lambda each: each.at):
        yield {
            "at": _instant(event.at),
            "level": event.level.value,
            "kind": event.kind,
            "worker": event.worker_id,
            "symbol": event.symbol,
            "detail": {name: value for name, value in event.detail.items() if value != ""},
        }


def _command(event: Event) -> dict[str, Any]:
    return {"at": _instant(event.at), **event.detail}


def _verdict(day: DayBooks) -> dict[str, Any] | None:
    """Return the verifier's verdict with every field that the page shows, whichever version of Haru recorded it."""
    if day.verdict is None:
        return None
    unsaid: dict[str, Any] = {"over": False, "violations": 0, "invariants": {}, "longest_unwatched_seconds": None}
    counts = dict.fromkeys(("orders", "broker_orders", "fills", "trades"))
    return {**unsaid, **counts, **day.verdict.verdict, "judged_at": _instant(day.verdict.judged_at)}
