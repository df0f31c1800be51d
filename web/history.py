"""A year of the books: days as a calendar, trades with filters, drawdowns, and the year against the indexes."""

import asyncio
from calendar import Calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from database.page_readings import DayResult
from domain.clock import in_seoul
from domain.money import Won, average_price
from domain.performance import performance
from domain.position import ClosedTrade
from domain.session import SessionDate
from fleet.fleet import Fleet
from history.errors import HistoryError
from history.indexes import NAMES, read_indexes
from reporting.benchmark import Stakes, index_line
from reporting.day import day_values
from reporting.falls import fall_rows
from reporting.page import page
from reporting.reading import read_day
from reporting.sentences import Language, Words
from reporting.tables import greatest_capital, percent, return_bp
from reporting.writing import suffixed

_MOST_TRADES: Final = 300
"""Trades in the table; the CSV file has all of them."""
_MOST_FALLS: Final = 10
_SHADES: Final = 4
_CALENDAR: Final = Calendar()


@dataclass(frozen=True, slots=True)
class Asked:
    """The year and the filters of an address; an empty filter lets every trade pass."""

    year: str = ""
    stock: str = ""
    strategy: str = ""
    reason: str = ""
    worker: str = ""
    result: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """Read an address; what it does not name is empty."""
        return cls(**{each.name: query.get(each.name, "")[:80] for each in fields(cls)})

    def has(self, trade: ClosedTrade) -> bool:
        """Return whether a trade passes the filters."""
        stock = f"{trade.symbol} {trade.name}".casefold()
        return (
            self.stock.casefold() in stock
            and self.strategy in ("", trade.strategy.name)
            and self.reason in ("", trade.exit_reason.value)
            and self.worker in ("", trade.worker_id)
            and self.result in ("", "gain" if trade.net_pnl > 0 else "loss")
        )

    def ends(self, years: Sequence[int], now: date) -> tuple[SessionDate, SessionDate]:
        """Return the first and the last day of the year: the asked one, else the latest of the books."""
        known = self.year.isascii() and self.year.isdigit() and 2000 <= int(self.year) <= 2999
        year = int(self.year) if known else (years[0] if years else now.year)
        return SessionDate(date(year, 1, 1)), SessionDate(date(year, 12, 31))


async def trades_of(fleet: Fleet, asked: Asked) -> tuple[ClosedTrade, ...]:
    """Return the year's trades that pass the filters, in closing order."""
    years = await fleet.database.page_readings.years(fleet.account_id)
    found = await fleet.database.trades.between(
        fleet.account_id, *asked.ends(years, in_seoul(fleet.market_now()).date())
    )
    return tuple(trade for trade in found if asked.has(trade))


async def read_year(fleet: Fleet, data: Path, asked: Asked, said: Words) -> dict[str, Any]:
    """Return what the page of a year shows. Database faults propagate."""
    books, account = fleet.database, fleet.account_id
    years = await books.page_readings.years(account)
    first, last = asked.ends(years, in_seoul(fleet.market_now()).date())
    days = await books.page_readings.days(account, first, last)
    trades = await books.trades.between(account, first, last)
    chosen = [trade for trade in trades if asked.has(trade)]
    daily = [(each.date, each.net) for each in days]
    capital = greatest_capital(trades)
    return {
        "year": first.year,
        "years": years,
        "asked": asked,
        "totals": _totals(days, trades),
        "months": _months(days, first.year),
        "falls": fall_rows(daily, capital, _MOST_FALLS),
        "against": await asyncio.to_thread(_against, data / "bars", daily, trades, capital),
        "trades": [_trade(each, said) for each in reversed(chosen)][:_MOST_TRADES],
        "found": len(chosen),
        "found_net": sum(trade.net_pnl for trade in chosen),
        "choices": {
            "strategy": sorted({trade.strategy.name for trade in trades}),
            "reason": sorted({trade.exit_reason.value for trade in trades}),
            "worker": sorted({trade.worker_id for trade in trades}),
        },
    }


async def read_report(fleet: Fleet, day: date, language: Language) -> str | None:
    """Return a session's report as a page, written from the books now; None on a day without a session."""
    session = fleet.calendar.session_on(day)
    if session is None:
        return None
    found = await read_day(fleet.database, fleet.account_id, session)
    return await asyncio.to_thread(lambda: page(day_values(found), language))


def written_report(data: Path, day: date, language: Language) -> str | None:
    """Return the file name of a session's finished report, which may have charts of recorded bars; None without one."""
    name = suffixed(f"report-{day}", language)
    file = data / "reports" / name
    return name if file.is_file() and not file.is_symlink() else None


def _totals(days: Sequence[DayResult], trades: Sequence[ClosedTrade]) -> dict[str, Any]:
    figures = performance(trades)
    return {
        "net": figures.net,
        "trades": figures.trades,
        "win_percent": percent(figures.wins, figures.trades),
        "costs": figures.commission + figures.tax,
        "sessions": len(days),
        "winning_sessions": sum(each.net > 0 for each in days),
    }


def _months(days: Sequence[DayResult], year: int) -> list[dict[str, Any]]:
    """Return each month that has a session: its weeks from Monday to Friday, and its net result."""
    known = {each.date: each for each in days}
    largest = max((abs(each.net) for each in days), default=0)
    found = []
    for month in sorted({each.date.month for each in days}):
        weeks = [
            [_cell(day, month, known, largest) for day in week[:5]]
            for week in _CALENDAR.monthdatescalendar(year, month)
            if any(day.month == month for day in week[:5])
        ]
        its = [each for each in days if each.date.month == month]
        net = sum(each.net for each in its)
        found.append({"name": f"{year}-{month:02}", "net": net, "weeks": weeks})
    return found


def _cell(day: date, month: int, known: Mapping[Any, DayResult], largest: int) -> dict[str, Any] | None:
    if day.month != month:
        return None
    its = known.get(day)
    if its is None:
        return {"day": day.day, "date": None}
    shade = 0 if not its.net else 1 + min(int(abs(its.net) * _SHADES / largest), _SHADES - 1)
    return {
        "day": day.day,
        "date": day.isoformat(),
        "net": its.net,
        "trades": its.trades,
        "violations": its.violations,
        "flat": its.flat,
        "shade": f"{'gain' if its.net > 0 else 'loss'}-{shade}" if shade else "even",
    }


def _against(
    bars: Path, daily: Sequence[tuple[date, Won]], trades: Sequence[ClosedTrade], capital: Won
) -> dict[str, Any]:
    """Return the year's cumulative results beside the indexes, and the indexes that the store does not have."""
    dates = [day for day, _ in daily]
    own: dict[str, Any] = {"key": "strategy", "results": list(accumulate(net for _, net in daily))}
    fault, levels = "", dict[str, list[tuple[date, float]]]()
    try:
        levels = read_indexes(bars) if bars.exists() else {}
    except HistoryError as error:
        fault = str(error)
    stakes = Stakes.of(dates, trades)
    lines = [line for name in NAMES if dates and (line := index_line(name, levels.get(name, ()), stakes)) is not None]
    shown = [own, *({"key": line.key, "results": list(line.results)} for line in lines)]
    return {
        "dates": [day.isoformat() for day in dates],
        "lines": [
            {**each, "net": each["results"][-1], "percent": percent(each["results"][-1], capital)}
            for each in shown
            if each["results"]
        ],
        "missing": [name for name in NAMES if name not in {line.key for line in lines}],
        "fault": fault,
    }


def _trade(trade: ClosedTrade, said: Words) -> dict[str, Any]:
    return {
        "date": trade.session_date.isoformat(),
        "opened": f"{in_seoul(trade.opened_at):%H:%M:%S}",
        "closed": f"{in_seoul(trade.closed_at):%H:%M:%S}",
        "stock": f"{trade.symbol} {trade.name}",
        "worker": trade.worker_id,
        "strategy": said.of("strategies", trade.strategy.name),
        "reason": said.of("reasons", trade.exit_reason.value),
        "quantity": trade.quantity,
        "bought_at": round(float(average_price(trade.entry_amount, trade.quantity)), 1) if trade.quantity else None,
        "sold_at": round(float(average_price(trade.exit_amount, trade.quantity)), 1) if trade.quantity else None,
        "net": trade.net_pnl,
        "bp": return_bp(trade),
    }
