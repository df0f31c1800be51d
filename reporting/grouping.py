"""Trades by hour and weekday of their entry, by spread class and by turnover class."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from statistics import fmean, median
from typing import Any, Final

from domain.clock import in_seoul
from domain.money import average_price
from domain.position import ClosedTrade
from domain.tick_size import tick_at
from reporting.returns import returns_of
from reporting.tables import percent

UNKNOWN: Final = "unknown"
_SPREADS_BP: Final = (10, 15, 20)
_TURNOVERS: Final = (5_000_000_000, 20_000_000_000, 100_000_000_000)
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPREAD_CLASSES: Final = ("spread_1", "spread_2", "spread_3", "spread_4")
"""Below 10, 15 and 20 basis points, and from there."""
TURNOVER_CLASSES: Final = ("turnover_1", "turnover_2", "turnover_3", "turnover_4")
"""Below 5, 20 and 100 billion won, and from there."""


def entry_hour(trade: ClosedTrade) -> str:
    """Return the hour in Seoul in which the first share was bought, such as 09."""
    return f"{in_seoul(trade.opened_at).hour:02}"


def weekday(trade: ClosedTrade) -> str:
    """Return the weekday of the session."""
    return WEEKDAYS[trade.session_date.weekday()]


def spread_class(trade: ClosedTrade) -> str:
    """Return the class of the narrowest possible spread, one tick at the entry price; no book is stored."""
    if not trade.quantity:
        return UNKNOWN
    price = average_price(trade.entry_amount, trade.quantity)
    in_bp = Decimal(tick_at(int(price))) * 10_000 / price
    return SPREAD_CLASSES[sum(in_bp >= bound for bound in _SPREADS_BP)]


def turnover_class(turnover: int | None) -> str:
    """Return the class of a stock's turnover in the session before."""
    return UNKNOWN if turnover is None else TURNOVER_CLASSES[sum(turnover >= bound for bound in _TURNOVERS)]


def studies(
    trades: Sequence[ClosedTrade], turnover_before: Callable[[ClosedTrade], int | None]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each grouping, each in its natural order, with the total at the end."""
    return {
        "hour": grouped_rows(entry_hour, trades),
        "weekday": grouped_rows(weekday, trades, WEEKDAYS),
        "spread": grouped_rows(spread_class, trades, SPREAD_CLASSES),
        "turnover": grouped_rows(lambda trade: turnover_class(turnover_before(trade)), trades, TURNOVER_CLASSES),
    }


def grouped_rows(
    name_of: Callable[[ClosedTrade], str], trades: Sequence[ClosedTrade], order: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return a row per name in the given order, else by name, and a total row."""
    members: dict[str, list[ClosedTrade]] = {}
    for trade in trades:
        members.setdefault(name_of(trade), []).append(trade)
    places: Mapping[str, int] = {name: place for place, name in enumerate(order)}
    names = sorted(members, key=lambda name: (places.get(name, len(order)), name))
    return [*(_row(name, members[name]) for name in names), {**_row("total", trades), "total": True}]


def _row(name: str, trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    returns = returns_of(trades)
    wins = sum(trade.net_pnl > 0 for trade in trades)
    return {
        "name": name,
        "total": False,
        "trades": len(trades),
        "wins": wins,
        "win_percent": percent(wins, len(trades)),
        "net": sum(trade.net_pnl for trade in trades),
        "costs": sum(trade.costs.total for trade in trades),
        "mean_bp": round(fmean(returns), 1) if returns else None,
        "median_bp": round(median(returns), 1) if returns else None,
    }
