"""The digest of a week or a month: the report's own figures, and no statistic that a few days cannot carry."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from domain.event import EventLevel
from domain.identity import AccountId
from domain.money import NO_WON
from domain.performance import performance
from domain.session import SessionDate, TradingCalendar
from reporting.metrics import metrics
from reporting.reading import SHOWN_ELSEWHERE
from reporting.sentences import Language, words

if TYPE_CHECKING:
    from database.database import Database

FEWEST_TRADES: Final = 10
"""From fewer trades, a win rate is chance."""
FEWEST_SESSIONS: Final = 2
"""The worst of one day is that day."""
_WEEK: Final = timedelta(days=7)
_INCIDENTS: Final = frozenset({EventLevel.ERROR, EventLevel.CRITICAL})


class Span(StrEnum):
    """The length of a digest."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar week from Monday on, or a calendar month; both ends are included."""

    span: Span
    name: str
    first: SessionDate
    last: SessionDate

    def sessions(self, calendar: TradingCalendar) -> tuple[SessionDate, ...]:
        """Return the dates on which the exchange opens."""
        days = (date.fromordinal(day) for day in range(self.first.toordinal(), self.last.toordinal() + 1))
        return tuple(session.date for day in days if (session := calendar.session_on(day)) is not None)


def period_of(span: Span, day: date) -> Period:
    """Return the week or the month of a date."""
    if span is Span.WEEK:
        first, (year, week, _) = day - timedelta(days=day.weekday()), day.isocalendar()
        return Period(span, f"{year}-W{week:02}", SessionDate(first), SessionDate(first + _WEEK - timedelta(days=1)))
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return Period(span, f"{day:%Y-%m}", SessionDate(first), SessionDate(last))


async def read_digest(
    database: "Database", account_id: AccountId, calendar: TradingCalendar, period: Period
) -> dict[str, Any] | None:
    """Return a period's figures as plain values; None if the books know no session of it.

    Amounts in won. A statistic that the period cannot carry is None. The sessions are those from the first to the last
    that the books know.
    """
    known = [each for each in await database.day_seen.dates(account_id) if period.first <= each <= period.last]
    if not known:
        return None
    planned = period.sessions(calendar)
    dates = [each for each in planned if known[0] <= each <= known[-1]] or known
    by_day = {day: await database.trades.on(account_id, day) for day in dates}
    trades = tuple(chain.from_iterable(by_day.values()))
    nets = {day: performance(each).net for day, each in by_day.items()}
    levels: Counter[EventLevel] = Counter()
    for day in dates:
        levels.update(each.level for each in await database.day_seen.events_on(account_id, day, but=SHOWN_ELSEWHERE))
    figures, found = performance(trades), await asyncio.to_thread(metrics, trades, {}, NO_WON)  # a host sells meanwhile
    block = {each["key"]: each["value"] for each in found}
    worst = min(nets, key=lambda day: (nets[day], day)) if len(dates) >= FEWEST_SESSIONS else None
    return {
        "span": period.span.value,
        "name": period.name,
        "first": dates[0].isoformat(),
        "last": dates[-1].isoformat(),
        "sessions": len(dates),
        "sessions_of_period": len(planned),
        "trades": figures.trades,
        "wins": figures.wins,
        "losses": figures.losses,
        "win_rate": block["win_rate"] if figures.trades >= FEWEST_TRADES else None,
        "net": figures.net,
        "gross": figures.gross,
        "costs": block["costs"],
        "slippage": block["slippage"],
        "worst_day": None if worst is None else worst.isoformat(),
        "worst_day_net": None if worst is None else nets[worst],
        "incidents": sum(levels[level] for level in _INCIDENTS),
    }


def digest_lines(values: Mapping[str, Any], language: Language) -> list[str]:
    """Return the digest for people, from ``read_digest`` or from an event's detail, which leaves out what is None."""
    said, found = words(language)["digest"], {"win_rate": None, "worst_day": None, **values}
    lines = [said["head"].format(**{**found, "span": said[found["span"]]})]
    if not found["trades"]:
        return [*lines, said["no_trades"], said["incidents"].format(**found)]
    rate = None if found["win_rate"] is None else float(found["win_rate"])
    lines += [
        said["money"].format(**found),
        said["few_trades" if rate is None else "rate"].format(**{**found, "win_rate": rate, "fewest": FEWEST_TRADES}),
    ]
    if found["worst_day"] is not None:
        lines.append(said["worst"].format(**found))
    return [*lines, said["incidents"].format(**found)]
