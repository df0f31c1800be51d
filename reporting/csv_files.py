"""CSV files for spreadsheets: closed trades, and the yearly sheet of purchases, sales, costs and tax."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from domain.clock import in_seoul
from domain.performance import performance
from domain.position import ClosedTrade
from reporting.sentences import Words
from reporting.tables import return_bp

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these first, a spreadsheet would run a text as a formula."""
_TRADE: Final = (
    *("date", "opened_at", "closed_at", "symbol", "name", "market", "worker", "strategy", "quantity"),
    *("bought", "sold", "commission", "tax", "net", "net_bp", "exit_reason"),
)
_SHEET: Final = ("month", "market", "trades", "bought", "sold", "gross", "commission", "tax", "net")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV. A text that a spreadsheet would run is quoted."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header)
    writer.writerows([_plain(each) for each in row] for row in rows)
    return written.getvalue()


def trades_csv(trades: Sequence[ClosedTrade], said: Words) -> str:
    """Return a row a trade: won, shares, times of Seoul."""
    rows = ([_trade(trade, said)[name] for name in _TRADE] for trade in trades)
    return csv_text([said["views"]["csv"][name] for name in _TRADE], rows)


def tax_sheet(trades: Sequence[ClosedTrade]) -> list[dict[str, Any]]:
    """Return a row a month and market, one a market, and the total, in won, by the session that a result counts for.

    ``tax`` is transaction and agriculture tax together, as the broker withholds them.
    """
    by_market = sorted(trades, key=lambda trade: (_month(trade), trade.market))
    months = [
        _sums(month, market, tuple(members))
        for (month, market), members in groupby(by_market, lambda trade: (_month(trade), trade.market.value))
    ]
    markets = sorted({trade.market.value for trade in trades})
    sums = [_sums("", each, [trade for trade in trades if trade.market.value == each]) for each in markets]
    return [*months, *sums, _sums("", "", trades)]


def tax_csv(trades: Sequence[ClosedTrade], said: Words) -> str:
    """Return the yearly sheet. An empty month or market means all of them."""
    words = said["views"]["csv"]
    total: Mapping[str, str] = {"month": words["year"], "market": words["all"]}
    rows = ([each[name] or total.get(name, each[name]) for name in _SHEET] for each in tax_sheet(trades))
    return csv_text([words[name] for name in _SHEET], rows)


def _sums(month: str, market: str, trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    figures = performance(trades)
    return {
        "month": month,
        "market": market,
        "trades": figures.trades,
        "bought": sum(trade.entry_amount for trade in trades),
        "sold": sum(trade.exit_amount for trade in trades),
        "gross": figures.gross,
        "commission": figures.commission,
        "tax": figures.tax,
        "net": figures.net,
    }


def _trade(trade: ClosedTrade, said: Words) -> dict[str, object]:
    return {
        "date": trade.session_date.isoformat(),
        "opened_at": f"{in_seoul(trade.opened_at):%Y-%m-%d %H:%M:%S}",
        "closed_at": f"{in_seoul(trade.closed_at):%Y-%m-%d %H:%M:%S}",
        "symbol": trade.symbol,
        "name": trade.name,
        "market": trade.market.value,
        "worker": trade.worker_id,
        "strategy": f"{trade.strategy.name} {trade.strategy.version}",
        "quantity": trade.quantity,
        "bought": trade.entry_amount,
        "sold": trade.exit_amount,
        "commission": trade.costs.commission,
        "tax": trade.costs.tax,
        "net": trade.net_pnl,
        "net_bp": return_bp(trade),
        "exit_reason": said.of("reasons", trade.exit_reason.value),
    }


def _month(trade: ClosedTrade) -> str:
    return f"{trade.session_date:%Y-%m}"


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else "" if value is None else value
