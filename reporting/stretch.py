"""Many sessions as plain values: a bar per day, a line per month, and ratios of the daily results."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any

from domain.money import Won
from domain.performance import performance
from domain.position import ClosedTrade
from domain.summary import KEYS
from reporting import ratios
from reporting.candles import charts_of
from reporting.curves import drawdown
from reporting.market import UNRECORDED, Recorded
from reporting.metrics import Unit, metric, metrics
from reporting.reading import DayBooks
from reporting.research import of_days, of_trades
from reporting.tables import greatest_capital, percent, row, rows_by, standing_rows, trade_row

_UNITS: dict[str, Unit] = {
    "annual_return": "percent",
    "annual_volatility": "percent",
    "greatest_fall": "percent",
    "value_at_risk": "percent",
}


def stretch_values(
    days: Sequence[DayBooks],
    capital: Won | None = None,
    recorded: Recorded = UNRECORDED,
) -> dict[str, Any]:
    """Return the report of at least one session, in order, including sessions without a trade."""
    trades = tuple(trade for day in days for trade in day.trades)
    base = capital or greatest_capital(trades)
    seen = {position_id: range_ for day in days for position_id, range_ in day.ranges().items()}
    nets = [day.fleet.performance.net for day in days]
    equity = list(accumulate(nets))
    dates = [day.date.isoformat() for day in days]
    return {
        "kind": "stretch",
        "account": days[0].account_id,
        "first": dates[0],
        "last": dates[-1],
        "capital": {"won": base, "given": capital is not None},
        "metrics": [*metrics(trades, seen, base), *_of_days(days), *_ratios(days, base)],
        "ratios_missing": "" if ratios.are_available() else ratios.EXTRA,
        "ratios_few": len(days) < ratios.FEWEST_DAYS,
        "days": [_day(day, base) for day in days],
        "months": [_month(name, tuple(members), base) for name, members in groupby(days, _month_of)],
        "equity": {
            "realised": [list(point) for point in zip(dates, equity, strict=True)],
            "drawdown": [list(point) for point in zip(dates, drawdown(equity), strict=True)],
        },
        "tables": {name: rows_by(name_of, trades, seen, base) for name, name_of in KEYS.items()},
        "trades": [trade_row(trade, seen) for trade in trades],
        "standings": standing_rows(each for day in days for each in day.standings),
        "denials": _sum([day.fleet.denials for day in days]),
        "charts": charts_of(days, recorded),
        **of_trades(trades, recorded),
        **of_days(days, base, recorded),
    }


def _day(day: DayBooks, capital: Won) -> dict[str, Any]:
    verdict = day.verdict.verdict.get("violations") if day.verdict else None
    loud = sum(event.level.value in {"error", "critical"} for event in day.events)
    flat = None if day.after_close.proof is None else day.after_close.proof.flat
    return {
        **row(day.date.isoformat(), day.trades, day.ranges(), capital),
        "incidents": loud,
        "violations": verdict,
        "flat": flat,
    }


def _month_of(day: DayBooks) -> str:
    return f"{day.date:%Y-%m}"


def _month(name: str, days: Sequence[DayBooks], capital: Won) -> dict[str, Any]:
    trades: list[ClosedTrade] = [trade for day in days for trade in day.trades]
    figures = performance(trades)
    nets = [day.fleet.performance.net for day in days]
    return {
        "name": name,
        "sessions": len(days),
        "winning_sessions": sum(net > 0 for net in nets),
        "trades": figures.trades,
        "win_percent": percent(figures.wins, figures.trades),
        "net": figures.net,
        "net_percent": percent(figures.net, capital),
        "best_day": max(nets),
        "worst_day": min(nets),
    }


def _of_days(days: Sequence[DayBooks]) -> Iterator[dict[str, Any]]:
    nets = [(day.fleet.performance.net, day.date.isoformat()) for day in days]
    yield metric("sessions", len(nets), "count")
    yield metric("winning_sessions", sum(net > 0 for net, _ in nets), "count")
    yield metric("losing_sessions", sum(net < 0 for net, _ in nets), "count")
    yield metric("average_day", round(sum(net for net, _ in nets) / len(nets)), "won")
    yield metric("best_day", max(nets)[0], "won", max(nets)[1])
    yield metric("worst_day", min(nets)[0], "won", min(nets)[1])
    fallen = drawdown(list(accumulate(net for net, _ in nets)))
    yield metric("drawdown_of_days", -min(fallen), "won")


def _ratios(days: Sequence[DayBooks], capital: Won) -> Iterator[dict[str, Any]]:
    if len(days) < ratios.FEWEST_DAYS or not ratios.are_available():
        return
    found = ratios.ratios([(day.date, day.fleet.performance.net) for day in days], capital)
    for name, value in found.items():
        unit = _UNITS.get(name, "ratio")
        yield metric(name, value * 100 if value is not None and unit == "percent" else value, unit)


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for each in counts:
        added.update(each)
    return dict(sorted(added.items()))
