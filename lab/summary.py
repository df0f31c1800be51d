"""The figures of a backtest, and what its data lacks, as plain values."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from domain.market import Market
from domain.money import Won
from domain.performance import performance
from domain.position import ClosedTrade
from lab.fills import FILL_RULE
from lab.results import DayResult, Settings, hash_of
from reporting import ratios

FEWEST_DAYS: Final = 20
"""Sessions below which ratios are noise."""
TOO_DEAR: Final = "no share affordable"
"""Why an entry buys nothing that the capital cannot pay."""
_NO_BOOK: Final = "no order book: the depth at each price is a guess from the day's volume"
_PRICES: Final = "prices outside"
_OUTSIDE: Final = "prices outside the daily limits"
_NO_INDEX: Final = "no index"
_NO_FLAGS: Final = "no trading flags (warnings, halts, interruptions) and no board unless the store knows it"


def summary_of(settings: Settings, days: Sequence[DayResult]) -> dict[str, Any]:
    """Return the result of a backtest."""
    trades = [trade for day in days for trade in day.trades]
    figures = performance(trades)
    return {
        "kind": "backtest",
        "id": settings.id,
        "strategy": settings.strategy,
        "version": settings.version,
        "first": settings.first,
        "last": settings.last,
        "workers": settings.workers,
        "capital": settings.capital,
        "rules": dict(settings.rules),
        "sources": dict(settings.sources),
        "hash": hash_of(days),
        "sessions": len(days),
        "stock_days": sum(day.gaps.stocks for day in days),
        "gaps": list(gaps_of(days)),
        "fill_rule": FILL_RULE,
        "sound": all(day.is_sound for day in days),
        "unsound": [{"date": f"{day.date}", "problems": problems_of(day)} for day in days if not day.is_sound],
        "carried": {f"{day.date}": dict(day.carried) for day in days if day.carried},
        "trades": figures.trades,
        "wins": figures.wins,
        "win_rate": float(figures.win_rate),
        "gross": figures.gross,
        "commission": figures.commission,
        "tax": figures.tax,
        "net": figures.net,
        "drawdown": figures.maximum_drawdown,
        "profit_factor": None if figures.profit_factor is None else float(figures.profit_factor),
        "expectancy": figures.expectancy,
        "exit_reasons": _by_reason(trades),
        "not_bought": dict(sum((Counter(day.not_bought) for day in days), Counter[str]()).most_common()),
        "ratios": _ratios(settings, days),
        "days": [_day(day) for day in days],
    }


def problems_of(day: DayResult) -> list[str]:
    """Return why a day does not count as sound."""
    unexplained = [f"{day.unexplained:+,} won of the broker's cash are unexplained"] if day.unexplained else []
    return [*([day.fault] if day.fault else []), *unexplained, *day.violations]


def gaps_of(days: Sequence[DayResult]) -> Iterator[str]:
    """Yield what the data of these days lacks."""
    gaps = [day.gaps for day in days]
    minutes, stocks = (sum(getattr(each, name) for each in gaps) for name in ("minutes", "stocks"))
    yield f"{minutes:,} bars of {stocks:,} stock-days are played"
    for count, what in (
        (sum(each.missing for each in gaps), "minutes without a bar; they repeat the last price and fill no order"),
        (sum(each.off_grid for each in gaps), "bars with a price off the grid (mid-prices of the combined feed)"),
        (sum(each.rounded for each in gaps), "of these are rounded to the grid"),
        (
            sum(each.adjusted for each in gaps),
            "stock-days have prices that were adjusted later; ticks and limits are off",
        ),
        (
            sum(each.no_auction for each in gaps),
            "stock-days lack the closing auction; the last price and volume stand in",
        ),
        (sum(each.outside for each in gaps), "bars outside the session are left out"),
    ):
        if count:
            yield f"{count:,} {what}"
    why = Counter(_OUTSIDE if _PRICES in reason else reason for each in gaps for reason in each.left_out.values())
    for reason, count in sorted(why.items()):
        yield f"{count:,} stock-days are left out: {reason}"
    yield _NO_BOOK
    without = sum(each.indices < len(Market) for each in gaps)
    if without:
        yield f"{without:,} sessions lack an index" if any(each.indices for each in gaps) else _NO_INDEX
    yield _NO_FLAGS


def _by_reason(trades: Sequence[ClosedTrade]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for trade in trades:
        row = found.setdefault(trade.exit_reason.value, {"trades": 0, "wins": 0, "net": 0})
        row["trades"] += 1
        row["wins"] += trade.net_pnl > 0
        row["net"] += trade.net_pnl
    return dict(sorted(found.items(), key=lambda item: -item[1]["trades"]))


def _ratios(settings: Settings, days: Sequence[DayResult]) -> dict[str, float | None]:
    if len(days) < FEWEST_DAYS or not ratios.are_available():
        return {}
    daily = [(day.date, Won(sum(trade.net_pnl for trade in day.trades))) for day in days]
    return ratios.ratios(daily, Won(settings.capital))


def _day(day: DayResult) -> dict[str, Any]:
    net = sum(trade.net_pnl for trade in day.trades)
    return {
        "date": f"{day.date}",
        "stocks": day.gaps.stocks,
        "trades": len(day.trades),
        "net": net,
        "seconds": round(day.seconds, 3),
    }
