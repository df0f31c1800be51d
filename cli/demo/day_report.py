"""Report of a day: our ledger, the result of the close, and whether the broker's own books agree."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.demo.broker_books import BrokerBooks
from cli.tables.figures import trade_json, trades_table
from domain.money import NO_SHARES, Won, total
from domain.order import OrderPurpose, OrderRecord
from domain.position import ClosedTrade, ExitReason, OpenPosition
from domain.session import SessionDate
from fleet.fleet import Fleet
from reporting.spoken import label, say
from security.private_files import private_folder, write_private
from workflows.close_outcome import CloseOutcome


@dataclass(frozen=True, slots=True)
class Ledger:
    """Our own books of a session. ``fills`` is the number of booked fills."""

    orders: tuple[OrderRecord, ...]
    fills: int
    trades: tuple[ClosedTrade, ...]
    held: tuple[OpenPosition, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One session from its three sources: the ledger, the market close and the broker."""

    seed: int
    workers: int
    ledger: Ledger
    outcome: CloseOutcome
    broker: BrokerBooks

    @property
    def session_date(self) -> SessionDate:
        """Return the KST date of the session."""
        return self.outcome.session_date

    @property
    def net_pnl(self) -> Won:
        """Return the result of all closed trades after costs."""
        return total([trade.net_pnl for trade in self.ledger.trades])

    @property
    def open_orders(self) -> int:
        """Return how many orders may still trade, at the broker or according to the ledger."""
        at_broker = sum(order.is_new and order.remaining > 0 for order in self.broker.orders)
        return max(at_broker, sum(order.is_active for order in self.ledger.orders))


async def read_ledger(fleet: Fleet, session_date: SessionDate) -> Ledger:
    """Read our own books of a session."""
    database, account = fleet.database, fleet.account_id
    return Ledger(
        orders=await database.orders.on(account, session_date),
        fills=await database.orders.count_fills(account, session_date),
        trades=await database.trades.on(account, session_date),
        held=await database.positions.held_in(account),
    )


def _broker_not_flat(day: Day) -> int:
    others = day.outcome.owners
    not_the_owners = [held for held in day.broker.held if held.quantity > others.get(held.symbol, NO_SHARES)]
    return max(len(not_the_owners), 0 if day.outcome.flat else 1)


def _open_orders(day: Day) -> int:
    return day.open_orders


def _net_pnl_differs_from_cash(day: Day) -> int:
    return int(day.net_pnl != day.broker.cash_change)


def _costs_differ(day: Day) -> int:
    commission = sum(trade.costs.commission for trade in day.ledger.trades)
    tax = sum(trade.costs.tax for trade in day.ledger.trades)
    return (commission != day.broker.commission) + (tax != day.broker.tax)


def _order_sent_twice(day: Day) -> int:
    """Count mismatches: each broker order belongs to one intent, and each accepted intent to one broker order."""
    ours = Counter(order.ref.number for order in day.ledger.orders if order.ref is not None)
    theirs = Counter(order.number for order in day.broker.orders if order.is_new and order.day == day.session_date)
    return (ours - theirs).total() + (theirs - ours).total()


def _fills_differ(day: Day) -> int:
    ours = {order.ref.number: (order.filled_quantity, order.filled_amount) for order in day.ledger.orders if order.ref}
    theirs = {order.number: (order.filled, order.amount) for order in day.broker.orders if order.is_new}
    return sum(fills != theirs.get(number, (0, 0)) for number, fills in ours.items())


def _position_left_open(day: Day) -> int:
    return len(day.ledger.held)


def _trade_without_exit_reason(day: Day) -> int:
    """Count entries with fills that did not lead to one booked trade with a known exit reason."""
    explained = {trade.position_id for trade in day.ledger.trades if trade.exit_reason in ExitReason}
    bought = {
        order.intent.position_id
        for order in day.ledger.orders
        if order.intent.purpose is OrderPurpose.ENTRY and order.filled_quantity
    }
    return len(bought - explained)


def _workers_not_notified(day: Day) -> int:
    return max(day.workers - day.outcome.workers_told, 0)


CHECKS: Final[Mapping[str, Callable[[Day], int]]] = {
    "broker_not_flat": _broker_not_flat,
    "open_orders": _open_orders,
    "net_pnl_differs_from_cash": _net_pnl_differs_from_cash,
    "costs_differ": _costs_differ,
    "order_sent_twice": _order_sent_twice,
    "fills_differ": _fills_differ,
    "position_left_open": _position_left_open,
    "trade_without_exit_reason": _trade_without_exit_reason,
    "workers_not_notified": _workers_not_notified,
}
"""Each check counts violations. A day is sound when all counts are zero."""


def violations(day: Day) -> dict[str, int]:
    """Return the number of violations of each check."""
    return {name: count(day) for name, count in CHECKS.items()}


def report_json(day: Day) -> dict[str, Any]:
    """Return the report; amounts in won."""
    trades = day.ledger.trades
    return {
        "session_date": day.session_date.isoformat(),
        "seed": day.seed,
        "workers": day.workers,
        "orders": len(day.ledger.orders),
        "fills": day.ledger.fills,
        "trades": [trade_json(trade) for trade in trades],
        "exit_reasons": dict(sorted(Counter(trade.exit_reason.value for trade in trades).items())),
        "gross_pnl": sum(trade.gross_pnl for trade in trades),
        "commission": sum(trade.costs.commission for trade in trades),
        "tax": sum(trade.costs.tax for trade in trades),
        "net_pnl": day.net_pnl,
        "broker_cash_change": day.broker.cash_change,
        "broker_flat": not _broker_not_flat(day),
        "owners_shares": dict(sorted(day.outcome.owners.items())),
        "unexplained_shares": dict(sorted(day.outcome.unexplained.items())),
        "open_orders": day.open_orders,
        "checks": violations(day),
    }


def save_report(day: Day, folder: Path) -> Path:
    """Write the report as ``<session date>.json`` and return its path."""
    path = private_folder(folder) / f"{day.session_date}.json"
    write_private(path, json.dumps(report_json(day), ensure_ascii=False, indent=2) + "\n")
    return path


def report_table(day: Day) -> RenderableType:
    """Return the report for a terminal."""
    report = report_json(day)
    counts = report["exit_reasons"].items()
    reasons = ", ".join(f"{label('reasons', name)} {count}" for name, count in counts) or say("none")
    lines = (
        f"session {report['session_date']}, seed {day.seed}, {day.workers} workers",
        f"{report['orders']} orders, {report['fills']} fills, {len(day.ledger.trades)} trades; exits: {reasons}",
        f"gross {report['gross_pnl']:+,} − commission {report['commission']:,} − tax {report['tax']:,} won",
        f"= net {report['net_pnl']:+,} won; the broker's cash changed by {report['broker_cash_change']:+,} won",
    )
    return Group(trades_table(day.ledger.trades), *(Text(say(line)) for line in lines), _checks_table(day))


def _checks_table(day: Day) -> Table:
    table = Table(title=say("checks against the broker's own books"), title_justify="left")
    table.add_column(say("check"), no_wrap=True)
    table.add_column(say("violations"), justify="right")
    for name, count in violations(day).items():
        table.add_row(say(name.replace("_", " ")), Text(str(count), style="red bold" if count else "green"))
    return table
