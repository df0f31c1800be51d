"""A day's trades and summaries from the ledger, as text or JSON."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter
from rich.console import Group, RenderableType
from rich.text import Text

from cli.asked_dates import unknown_stretch
from cli.tables.fitting import Column, FittedTable
from cli.tables.terminal import cell
from domain.clock import in_seoul
from domain.handling import Group as TradeGroup
from domain.handling import Handling
from domain.money import average_price
from domain.performance import Performance, performance
from domain.position import ClosedTrade
from domain.screening import ScreeningFilter
from domain.session import SessionDate
from domain.summary import DailySummary
from fleet.errors import OperationError
from fleet.fleet import Fleet
from reporting.spoken import label, say

_SUMMARY: Final = TypeAdapter(DailySummary)
T = TypeVar("T")
_NO_TRADE: Final = "no trade was closed"
_TRADE_COLUMNS: Final = (
    Column("worker"),
    Column("stock", short=True),
    Column("qty", figure=True),
    Column("bought at", figure=True),
    Column("sold at", figure=True),
    Column("from", figure=True, least_of_all=True),
    Column("to", figure=True),
    Column("net won", figure=True),
    Column("exit"),
)
_FIGURES: Final = (
    Column("trades", figure=True),
    Column("wins", figure=True, least_of_all=True),
    Column("win rate", figure=True),
    Column("gross", figure=True),
    Column("commission", figure=True),
    Column("tax", figure=True),
    Column("net won", figure=True),
    Column("drawdown", figure=True),
)
_PASSED: Final = {
    ScreeningFilter.UNREADABLE: "data readable",
    ScreeningFilter.BAD_QUOTE: "quote valid",
    ScreeningFilter.TRADING_FLAG: "no trading flag",
    ScreeningFilter.PRICE_RANGE: "in the price range",
    ScreeningFilter.THIN_VOLUME: "enough volume",
    ScreeningFilter.THIN_TURNOVER: "enough turnover",
    ScreeningFilter.WIDE_SPREAD: "narrow spread",
    ScreeningFilter.RUN_UP: "no run-up",
    ScreeningFilter.LOCKED: "locked by no other worker",
    ScreeningFilter.COOLDOWN: "not cooling down",
    ScreeningFilter.CUSTOM: "custom filters passed",
    ScreeningFilter.STRATEGY_FAILED: "strategy answered",
    ScreeningFilter.NO_SIGNAL: "signal",
}
"""What holds for the stocks that a filter left. The name of a filter says why it drops the others."""


async def read_trades(fleet: Fleet, session_date: SessionDate) -> tuple[ClosedTrade, ...]:
    """Return the session's closed trades in closing order."""
    return await fleet.database.trades.on(fleet.account_id, session_date)


async def read_summaries(fleet: Fleet, session_date: SessionDate) -> tuple[DailySummary, ...]:
    """Summarise a session from the current ledger: the fleet first, then each worker that traded."""
    whole, *workers = await fleet.database.summaries.compute(fleet.account_id, session_date)
    return (whole, *(summary for summary in workers if summary.performance.trades))


async def read_days(fleet: Fleet, first: SessionDate, last: SessionDate) -> tuple[DailySummary, ...]:
    """Summarise the fleet's known sessions in a range of KST dates, both ends included.

    Raises:
        OperationError: the books know no session in the range.
    """
    dates = [date for date in await fleet.database.day_seen.dates(fleet.account_id) if first <= date <= last]
    if not dates:
        raise OperationError(unknown_stretch(first, last))
    return tuple([(await fleet.database.summaries.compute(fleet.account_id, date))[0] for date in dates])


def trade_json(trade: ClosedTrade) -> dict[str, Any]:
    """Return a trade as JSON values: won, shares, instants in Seoul time."""
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
        "strategy_parameters": trade.strategy.parameters,
        "strategy_source": trade.strategy.source,
        "why": trade.strategy.reason,
        "gross_pnl": trade.gross_pnl,
        "commission": trade.costs.commission,
        "tax": trade.costs.tax,
        "net_pnl": trade.net_pnl,
        "slippage": trade.slippage,
    }


def trades_table(trades: Sequence[ClosedTrade]) -> RenderableType:
    """Return the trades for a terminal."""
    if not trades:
        return say(_NO_TRADE)
    return FittedTable(_TRADE_COLUMNS, [_trade_cells(trade) for trade in trades], "closed trades")


def summary_json(summary: DailySummary) -> dict[str, Any]:
    """Return a summary as JSON values; ratios are decimal strings."""
    dumped: dict[str, Any] = _SUMMARY.dump_python(summary, mode="json")
    return dumped


def summaries_table(summaries: Iterable[DailySummary]) -> RenderableType:
    """Return the day's summaries for a terminal: a line each, and the fleet's in detail."""
    all_of_them = tuple(summaries)
    fleet = all_of_them[0]
    rows = [[cell(say(summary.scope)), *_performance_cells(summary.performance)] for summary in all_of_them]
    table = FittedTable((Column("scope"), *_FIGURES), rows, f"session {fleet.session_date}")
    lines = _of_the_trades(fleet) if fleet.performance.trades else [_NO_TRADE]
    return Group(table, *(cell(say(line)) for line in (*lines, *_of_the_buys(fleet))))


def days_table(days: Sequence[DailySummary], trades: Sequence[ClosedTrade]) -> RenderableType:
    """Return a range of sessions for a terminal: one line per session, and a total of all trades."""
    rows = [[cell(day.session_date.isoformat()), *_performance_cells(day.performance)] for day in days]
    number = "1 session" if len(days) == 1 else f"{len(days)} sessions"
    rows.append([cell(say(number)), *_performance_cells(performance(trades))])
    return FittedTable((Column("session"), *_FIGURES), rows, "the fleet's sessions", last_is_total=True)


def _trade_cells(trade: ClosedTrade) -> list[Text]:
    return [
        cell(trade.worker_id),
        cell(f"{trade.symbol} {trade.name}"),
        cell(f"{trade.quantity:,}"),
        cell(f"{average_price(trade.entry_amount, trade.quantity):,.0f}"),
        cell(f"{average_price(trade.exit_amount, trade.quantity):,.0f}"),
        cell(f"{in_seoul(trade.opened_at):%H:%M:%S}"),
        cell(f"{in_seoul(trade.closed_at):%H:%M:%S}"),
        cell(f"{trade.net_pnl:+,}"),
        cell(label("reasons", trade.exit_reason)),
    ]


def _performance_cells(performance: Performance) -> list[Text]:
    texts = (
        str(performance.trades),
        str(performance.wins),
        f"{performance.win_rate:.1%}" if performance.trades else "–",
        f"{performance.gross:+,}",
        f"{performance.commission:,}",
        f"{performance.tax:,}",
        f"{performance.net:+,}",
        f"{performance.maximum_drawdown:,}",
    )
    return [cell(text) for text in texts]


def _of_the_trades(summary: DailySummary) -> list[str]:
    performance = summary.performance
    return [
        f"average win {performance.average_win:,}, average loss {performance.average_loss:,} won",
        f"largest loss {performance.largest_loss:,}, expectancy {performance.expectancy:+,} won a trade",
        f"profit factor {_some(performance.profit_factor)}, payoff ratio {_some(performance.payoff_ratio)}",
        f"by exit reason: {_nets(_named(summary.by_exit_reason, 'reasons'))}",
        f"by strategy: {_nets(summary.by_strategy)}",
        f"by symbol: {_nets(summary.by_symbol)}",
        *_handling_lines(summary.handling),
        f"poorly liquid: {', '.join(summary.poor_symbols) or 'none'}",
    ]


def _of_the_buys(summary: DailySummary) -> list[str]:
    denials, dropped = _named(summary.denials, "denials"), _named(summary.dropped, "filters")
    passed = {say(text): summary.passed[name] for name, text in _PASSED.items() if name in summary.passed}
    return [
        f"buys denied: {_counts(denials)}",
        f"{summary.scans:,} scans looked at {summary.looked_at:,} stocks, dropped: {_counts(dropped)}",
        f"left after each filter: {_counts(passed)}",
    ]


def _handling_lines(handling: Handling) -> list[str]:
    ticks = f"{_some(handling.entry_ticks)} at the entry, {_some(handling.exit_ticks)} at the exit"
    adverse, favourable = _some(handling.average_adverse), _some(handling.average_favourable)
    minutes = (handling.average_holding_seconds // 60, handling.time_in_market_seconds // 60)
    return [
        f"slippage {handling.slippage:+,} won; in ticks a trade: {ticks}",
        f"forced liquidation cost {handling.forced_liquidation_cost:+,} won",
        f"average holding {minutes[0]} min, in the market {minutes[1]} min",
        f"average MAE {adverse}, average MFE {favourable}, greatest MAE {_some(handling.greatest_adverse)} won",
    ]


def _named(by_name: Mapping[str, T], group: str) -> dict[str, T]:
    """Return values under the labels of their names."""
    return {label(group, name): value for name, value in by_name.items()}


def _some(value: Decimal | int | None) -> str:
    if value is None:
        return "none"
    return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}"


def _nets(groups: Mapping[str, TradeGroup]) -> str:
    return ", ".join(f"{name} {group.performance.net:+,}" for name, group in groups.items()) or "none"


def _counts(by_name: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none"
