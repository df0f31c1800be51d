"""What a researcher looks at, for one session or many: distribution, groups, drawdowns, comparison and charts."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from domain.bar import DailyBar
from domain.money import Won
from domain.position import ClosedTrade
from reporting.benchmark import comparison
from reporting.falls import fall_rows, falls, heat
from reporting.grouping import studies
from reporting.market import Recorded
from reporting.reading import DayBooks
from reporting.returns import distribution, returns_of

_MOST_FALLS: Final = 10


def of_trades(trades: Sequence[ClosedTrade], recorded: Recorded) -> dict[str, Any]:
    """Return what a single session has too: the distribution of returns, and the groups."""
    return {
        "distribution": distribution(returns_of(trades)),
        "groups": studies(trades, lambda trade: turnover_before(trade, recorded)),
    }


def of_days(days: Sequence[DayBooks], capital: Won, recorded: Recorded) -> dict[str, Any]:
    """Return what needs several sessions: drawdown periods, the heat map, and buying and holding."""
    daily: list[tuple[date, Won]] = [(day.date, day.fleet.performance.net) for day in days]
    trades = [trade for day in days for trade in day.trades]
    return {
        "falls": fall_rows(daily, capital, _MOST_FALLS),
        "falls_in_all": len(falls(daily)),
        "heat": heat(daily, capital),
        "comparison": comparison(daily, trades, capital, recorded),
    }


def _date_of(bar: DailyBar) -> date:
    return bar.date


def turnover_before(trade: ClosedTrade, recorded: Recorded) -> int | None:
    """Return the stock's turnover (won) in the session before the trade's; None without a daily bar of it."""
    bars = recorded.daily.get(trade.symbol, ())
    day: date = trade.session_date
    place = bisect_left(bars, day, key=_date_of)
    if not place:
        return None
    bar = bars[place - 1]
    return bar.close * bar.volume if bar.value is None else bar.value
