"""Tables in freqtrade's format: a row per name, with trades, wins, profit and durations."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any, Final

from domain.excursion import PriceRange, entry_slippage_ticks, excursion, exit_slippage_ticks
from domain.handling import handling
from domain.identity import PositionId
from domain.money import Won, average_price
from domain.performance import performance
from domain.position import ClosedTrade
from domain.verdict import Standing

Ranges = Mapping[PositionId, PriceRange]
_PERCENT: Final = Decimal("0.01")


def percent(part: int | Decimal, whole: int) -> float | None:
    """Return the part in percent of the whole, rounded to 0.01; None if the whole is zero."""
    return float((Decimal(part) * 100 / whole).quantize(_PERCENT, ROUND_HALF_UP)) if whole else None


def profit_percent(trade: ClosedTrade) -> float:
    """Return a trade's net result in percent of its entry amount."""
    return percent(trade.net_pnl, trade.entry_amount) or 0.0


def rows_by(
    name_of: Callable[[ClosedTrade], str], trades: Sequence[ClosedTrade], ranges: Ranges, capital: Won
) -> list[dict[str, Any]]:
    """Return a row per name, best net result first, and the total at the end."""
    ordered = sorted(trades, key=name_of)
    rows = [row(name, tuple(members), ranges, capital) for name, members in groupby(ordered, name_of)]
    rows.sort(key=lambda each: (-each["net"], each["name"]))
    return [*rows, {**row("total", trades, ranges, capital), "label": "", "total": True}]


def row(name: str, trades: Sequence[ClosedTrade], ranges: Ranges, capital: Won) -> dict[str, Any]:
    """Return the figures of trades: won, percent of the entry amounts and of the capital, minutes."""
    figures, handled = performance(trades), handling(trades, ranges)
    return {
        "name": name,
        "total": False,
        "label": trades[0].name if trades and name == trades[0].symbol != trades[0].name else "",
        "trades": figures.trades,
        "wins": figures.wins,
        "draws": figures.trades - figures.wins - figures.losses,
        "losses": figures.losses,
        "win_percent": percent(figures.wins, figures.trades),
        "average_profit_percent": _mean([profit_percent(trade) for trade in trades]),
        "gross": figures.gross,
        "costs": figures.commission + figures.tax,
        "net": figures.net,
        "net_percent": percent(figures.net, capital),
        "profit_factor": _number(figures.profit_factor),
        "expectancy": figures.expectancy,
        "drawdown": figures.maximum_drawdown,
        "average_minutes": round(handled.average_holding_seconds / 60, 1),
        "slippage": handled.slippage,
        "entry_ticks": _number(handled.entry_ticks),
        "exit_ticks": _number(handled.exit_ticks),
        "average_adverse": handled.average_adverse,
        "average_favourable": handled.average_favourable,
    }


def trade_row(trade: ClosedTrade, ranges: Ranges) -> dict[str, Any]:
    """Return a trade as the page shows it: won, percent, ticks; instants in UTC milliseconds."""
    seen = ranges.get(trade.position_id)
    went = None if seen is None else excursion(trade, seen)
    return {
        "position_id": trade.position_id,
        "worker": trade.worker_id,
        "symbol": trade.symbol,
        "name": trade.name,
        "strategy": f"{trade.strategy.name} {trade.strategy.version}",
        "strategy_parameters": trade.strategy.parameters,
        "strategy_source": trade.strategy.source,
        "why": trade.strategy.reason,
        "exit_reason": trade.exit_reason.value,
        "quantity": trade.quantity,
        "opened_at": milliseconds(trade.opened_at.timestamp()),
        "closed_at": milliseconds(trade.closed_at.timestamp()),
        "minutes": round(trade.held_for.total_seconds() / 60, 1),
        "entry_price": float(round(average_price(trade.entry_amount, trade.quantity), 2)),
        "exit_price": float(round(average_price(trade.exit_amount, trade.quantity), 2)),
        "entry_decision_price": trade.entry_decision_price,
        "exit_decision_price": trade.exit_decision_price,
        "gross": trade.gross_pnl,
        "commission": trade.costs.commission,
        "tax": trade.costs.tax,
        "net": trade.net_pnl,
        "net_percent": profit_percent(trade),
        "net_bp": return_bp(trade),
        "slippage": trade.slippage,
        "entry_ticks": float(entry_slippage_ticks(trade)) if trade.quantity else None,
        "exit_ticks": _number(exit_slippage_ticks(trade)) if trade.quantity else None,
        "adverse": None if went is None else went.adverse,
        "favourable": None if went is None else went.favourable,
        "adverse_bp": None if went is None else in_bp(went.adverse, trade.entry_amount),
        "favourable_bp": None if went is None else in_bp(went.favourable, trade.entry_amount),
    }


def named(trade: ClosedTrade) -> str:
    """Return code and name of a trade's stock; recorded bars may know no name, which is then the code."""
    return trade.symbol if trade.name == trade.symbol else f"{trade.symbol} {trade.name}"


def in_bp(part: int, whole: int) -> float | None:
    """Return the part in basis points of the whole, to 0.1; None if the whole is zero."""
    return round(part * 10_000 / whole, 1) if whole else None


def return_bp(trade: ClosedTrade) -> float | None:
    """Return a trade's net result in basis points of its entry amount; None without an entry amount."""
    return in_bp(trade.net_pnl, trade.entry_amount)


def milliseconds(seconds: float) -> int:
    """Return an instant in milliseconds, as the page's charts need it."""
    return round(seconds * 1000)


def greatest_capital(trades: Sequence[ClosedTrade]) -> Won:
    """Return the most won ever tied up at once: the default base of percentages."""
    steps = sorted(
        [(trade.opened_at, trade.entry_amount) for trade in trades]
        + [(trade.closed_at, -trade.entry_amount) for trade in trades]
    )
    tied_up = greatest = 0
    for _, change in steps:
        tied_up += change
        greatest = max(greatest, tied_up)
    return Won(greatest)


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def standing_rows(standings: Iterable[Standing]) -> list[dict[str, Any]]:
    """Return each code once: its verdict (None without one), and why it was confirmed without a pass."""
    return [
        {
            "strategy": each.strategy,
            "source": each.source,
            "verdict": None if each.conclusion is None else each.conclusion.value,
            "confirmed_because": each.accepted_because,
        }
        for each in dict.fromkeys(standings)
    ]
