"""A day's trades and summaries, read from the ledger and put into words or JSON."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.clock import in_seoul
from domain.money import average_price
from domain.performance import Performance
from domain.position import ClosedTrade
from domain.session import SessionDate
from domain.summary import FLEET, DailySummary, summarise
from operations.fleet import Fleet

_SUMMARY: Final = TypeAdapter(DailySummary)


async def read_trades(fleet: Fleet, session_date: SessionDate) -> tuple[ClosedTrade, ...]:
    """Return the session's closed trades in the sequence they closed."""
    return await fleet.database.trades.on(fleet.account_id, session_date)


async def read_summaries(fleet: Fleet, session_date: SessionDate) -> tuple[DailySummary, ...]:
    """Sum up a session from the ledger as it stands: the fleet first, then each worker that traded."""
    trades = await read_trades(fleet, session_date)
    events, account = fleet.database.events, fleet.account_id
    summaries = [
        summarise(
            session_date,
            FLEET,
            trades,
            await events.denials_on(account, session_date),
            await events.dropped_on(account, session_date),
        )
    ]
    for worker in dict.fromkeys(trade.worker_id for trade in sorted(trades, key=lambda trade: trade.worker_id)):
        denials = await events.denials_on(account, session_date, worker)
        dropped = await events.dropped_on(account, session_date, worker)
        own = [trade for trade in trades if trade.worker_id == worker]
        summaries.append(summarise(session_date, worker, own, denials, dropped))
    return tuple(summaries)


def trade_json(trade: ClosedTrade) -> dict[str, Any]:
    """Return a trade for programs: won, shares, instants in Seoul's time."""
    return {
        "position_id": trade.position_id,
        "worker": trade.worker_id,
        "symbol": trade.symbol,
        "name": trade.name,
        "quantity": trade.quantity,
        "entry_amount": trade.entry_amount,
        "exit_amount": trade.exit_amount,
        "opened_at": in_seoul(trade.opened_at).isoformat(),
        "closed_at": in_seoul(trade.closed_at).isoformat(),
        "exit_reason": trade.exit_reason.value,
        "strategy": f"{trade.strategy.name} {trade.strategy.version}",
        "why": trade.strategy.reason,
        "gross_pnl": trade.gross_pnl,
        "commission": trade.costs.commission,
        "tax": trade.costs.tax,
        "net_pnl": trade.net_pnl,
        "slippage": trade.slippage,
    }


def trades_table(trades: Iterable[ClosedTrade]) -> RenderableType:
    """Return the trades for a terminal."""
    table = Table(title="closed trades", title_justify="left", pad_edge=False)
    for column in ("worker", "stock"):
        table.add_column(column, no_wrap=True)
    for column in ("qty", "bought at", "sold at", "from", "to", "net won"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("exit")
    for trade in trades:
        table.add_row(*_trade_cells(trade))
    return table


def summary_json(summary: DailySummary) -> dict[str, Any]:
    """Return a summary for programs; ratios are decimal texts."""
    dumped: dict[str, Any] = _SUMMARY.dump_python(summary, mode="json")
    return dumped


def summaries_table(summaries: Iterable[DailySummary]) -> RenderableType:
    """Return the day's summaries for a terminal: a line each, and the fleet's in detail."""
    all_of_them = tuple(summaries)
    fleet = all_of_them[0]
    table = Table(title=f"session {fleet.session_date}", title_justify="left", pad_edge=False)
    table.add_column("scope", no_wrap=True)
    for column in ("trades", "wins", "win rate", "gross", "commission", "tax", "net won", "drawdown"):
        table.add_column(column, justify="right", no_wrap=True)
    for summary in all_of_them:
        table.add_row(summary.scope, *_performance_cells(summary.performance))
    return Group(table, *(Text(line) for line in _details(fleet)))


def _trade_cells(trade: ClosedTrade) -> list[str]:
    return [
        trade.worker_id,
        f"{trade.symbol} {trade.name}",
        f"{trade.quantity:,}",
        f"{average_price(trade.entry_amount, trade.quantity):,.0f}",
        f"{average_price(trade.exit_amount, trade.quantity):,.0f}",
        f"{in_seoul(trade.opened_at):%H:%M:%S}",
        f"{in_seoul(trade.closed_at):%H:%M:%S}",
        f"{trade.net_pnl:+,}",
        trade.exit_reason.value,
    ]


def _performance_cells(performance: Performance) -> list[str]:
    return [
        str(performance.trades),
        str(performance.wins),
        f"{performance.win_rate:.1%}",
        f"{performance.gross:+,}",
        f"{performance.commission:,}",
        f"{performance.tax:,}",
        f"{performance.net:+,}",
        f"{performance.maximum_drawdown:,}",
    ]


def _details(summary: DailySummary) -> list[str]:
    performance = summary.performance
    return [
        f"average win {performance.average_win:,}, average loss {performance.average_loss:,} won",
        f"largest loss {performance.largest_loss:,}, expectancy {performance.expectancy:+,} won a trade",
        f"profit factor {_ratio(performance.profit_factor)}, payoff ratio {_ratio(performance.payoff_ratio)}",
        f"by exit reason: {_amounts(summary.net_by_exit_reason)}",
        f"by strategy: {_amounts(summary.net_by_strategy)}",
        f"by symbol: {_amounts(summary.net_by_symbol)}",
        f"slippage {summary.slippage:+,} won, forced liquidation cost {summary.forced_liquidation_cost:+,} won",
        f"average holding {summary.average_holding_seconds // 60} min",
        f"poorly liquid: {', '.join(summary.poor_symbols) or 'none'}",
        f"buys denied: {_counts(summary.denials)}",
        f"stocks dropped by scans: {_counts(summary.dropped)}",
    ]


def _ratio(ratio: object) -> str:
    return "none" if ratio is None else str(ratio)


def _amounts(by_name: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {amount:+,}" for name, amount in by_name.items()) or "none"


def _counts(by_name: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none"
