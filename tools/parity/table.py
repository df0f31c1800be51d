"""A comparison as tables and as JSON."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from domain.position import ClosedTrade
from tools.parity.book import clock
from tools.parity.comparing import Comparison


def pairs_table(found: Comparison) -> Table:
    """Return the trades side by side."""
    table = Table(title="trades", title_justify="left", box=None)
    for name in ("stock", "processes", "backtest", "differences"):
        table.add_column(name, justify="right" if name == "differences" else "left")
    for pair, differences in found.pairs:
        table.add_row(pair.any.symbol, _trade(pair.real), _trade(pair.lab), f"{len(differences)}")
    return table


def _trade(trade: ClosedTrade | None) -> str:
    if trade is None:
        return "–"
    paid, received = trade.entry_amount / trade.quantity, trade.exit_amount / trade.quantity
    times = f"{clock(trade.opened_at)}–{clock(trade.closed_at)}"
    return f"{times} ×{trade.quantity:,} {paid:,.0f} → {received:,.0f} {trade.exit_reason} {trade.net_pnl:+,}"


def differences_table(found: Comparison) -> Table:
    """Return each difference with its cause and the evidence."""
    table = Table(title="differences", title_justify="left", box=None)
    for name in ("stock", "what", "processes", "backtest", "cause", "evidence"):
        table.add_column(name)
    for each in found.differences:
        table.add_row(each.symbol, each.what, each.real, each.lab, each.cause.value, each.evidence)
    return table


def lines_of(found: Comparison) -> Iterator[str]:
    """Yield the counts."""
    equal = sum(not differences for _, differences in found.pairs)
    real, lab = (sum(getattr(pair, name) is not None for pair, _ in found.pairs) for name in ("real", "lab"))
    yield f"{real} trades on processes, {lab} in the backtest, {equal} equal"
    for cause, count in found.causes.most_common():
        yield f"{count} × {cause.value}"
    for how, count in found.violations.items():
        yield f"verifier, {how}: {count} violations"


def to_json(found: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "date": f"{found.day.session.date}",
        "stocks": list(found.day.rules.universe.symbols),
        "workers": found.day.workers,
        "speed": found.day.speed,
        "violations": dict(found.violations),
        "causes": {cause.value: count for cause, count in found.causes.items()},
        "trades": [
            {"symbol": pair.any.symbol, "processes": _trade(pair.real), "backtest": _trade(pair.lab)}
            for pair, _ in found.pairs
        ],
        "differences": [{**each._asdict(), "at": each.at.isoformat()} for each in found.differences],
    }
