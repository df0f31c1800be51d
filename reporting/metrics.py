"""The summary block: one metric per line, in the order of interest."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Literal

from domain.handling import handling
from domain.money import Won
from domain.performance import performance
from domain.position import ClosedTrade
from reporting.tables import Ranges, named, percent, profit_percent

Unit = Literal["won", "percent", "count", "minutes", "ratio", "ticks", "text"]


def metric(key: str, value: float | str | None, unit: Unit, note: str = "") -> dict[str, Any]:
    """Return a line of the block. ``key`` is looked up in the page's words; ``note`` is shown unchanged."""
    return {"key": key, "value": value, "unit": unit, "note": note}


def metrics(trades: Sequence[ClosedTrade], ranges: Ranges, capital: Won) -> list[dict[str, Any]]:
    """Return the block of any set of closed trades."""
    return [*_results(trades, capital), *_trades(trades), *_handling(trades, ranges)]


def _results(trades: Sequence[ClosedTrade], capital: Won) -> Iterator[dict[str, Any]]:
    figures = performance(trades)
    yield metric("trades", figures.trades, "count")
    yield metric("net", figures.net, "won")
    yield metric("net_percent", percent(figures.net, capital), "percent")
    yield metric("capital", capital, "won")
    yield metric("gross", figures.gross, "won")
    yield metric("commission", figures.commission, "won")
    yield metric("tax", figures.tax, "won")
    yield metric("costs", figures.commission + figures.tax, "won")
    yield metric("win_rate", percent(figures.wins, figures.trades), "percent")
    yield metric("profit_factor", None if figures.profit_factor is None else float(figures.profit_factor), "ratio")
    yield metric("payoff_ratio", None if figures.payoff_ratio is None else float(figures.payoff_ratio), "ratio")
    yield metric("expectancy", figures.expectancy, "won")
    yield metric("average_win", figures.average_win, "won")
    yield metric("average_loss", figures.average_loss, "won")
    yield metric("largest_loss", figures.largest_loss, "won")
    yield metric("drawdown", figures.maximum_drawdown, "won")


def _trades(trades: Sequence[ClosedTrade]) -> Iterator[dict[str, Any]]:
    best = max(trades, key=lambda trade: trade.net_pnl, default=None)
    worst = min(trades, key=lambda trade: trade.net_pnl, default=None)
    yield metric("best_trade", *_value_of(best))
    yield metric("worst_trade", *_value_of(worst))
    yield metric("winner_minutes", _minutes([trade.held_for for trade in trades if trade.net_pnl > 0]), "minutes")
    yield metric("loser_minutes", _minutes([trade.held_for for trade in trades if trade.net_pnl < 0]), "minutes")
    in_order = sorted(trades, key=lambda trade: (trade.closed_at, trade.position_id))
    yield metric("wins_in_a_row", _in_a_row([trade.net_pnl > 0 for trade in in_order]), "count")
    yield metric("losses_in_a_row", _in_a_row([trade.net_pnl < 0 for trade in in_order]), "count")


def _handling(trades: Sequence[ClosedTrade], ranges: Ranges) -> Iterator[dict[str, Any]]:
    handled = handling(trades, ranges)
    yield metric("slippage", handled.slippage, "won")
    yield metric("entry_ticks", None if handled.entry_ticks is None else float(handled.entry_ticks), "ticks")
    yield metric("exit_ticks", None if handled.exit_ticks is None else float(handled.exit_ticks), "ticks")
    yield metric("forced_cost", handled.forced_liquidation_cost, "won")
    yield metric("average_minutes", round(handled.average_holding_seconds / 60, 1) if trades else None, "minutes")
    yield metric("time_in_market", round(handled.time_in_market_seconds / 60, 1), "minutes")
    yield metric("average_adverse", handled.average_adverse, "won")
    yield metric("average_favourable", handled.average_favourable, "won")
    yield metric("greatest_adverse", handled.greatest_adverse, "won")


def _value_of(trade: ClosedTrade | None) -> tuple[float | None, Unit, str]:
    if trade is None:
        return None, "won", ""
    return trade.net_pnl, "won", f"{named(trade)} {profit_percent(trade):+.2f} %".replace("-", "−")


def _minutes(held: Sequence[timedelta]) -> float | None:
    return round(sum(held, timedelta()).total_seconds() / 60 / len(held), 1) if held else None


def _in_a_row(outcomes: Sequence[bool]) -> int:
    return max((len(tuple(run)) for happened, run in groupby(outcomes) if happened), default=0)
