"""The pages of a backtest: the report of a stretch, or of one of its sessions, from its days and the recorded bars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from database.day_seen import FillSeen, KeptVerdict, PriceBar
from domain.clock import KST
from domain.errors import TradingError
from domain.identity import IntentId, PositionId
from domain.money import Price, Won
from domain.position import ClosedTrade
from domain.rule_changes import changed
from domain.rules import StrategyRules, TradingRules
from domain.session import Session, SessionDate, TradingCalendar
from domain.summary import FLEET, DayCounts, summarise
from history.errors import HistoryError
from history.store import BarStore
from lab.books import ACCOUNT
from lab.fills import FILL_RULE
from lab.hands import bars_hash
from lab.recorded_market import Traded, read_market, turnovers
from lab.results import DayResult, Settings, hash_of
from lab.slippage import kept, slippage_values
from lab.summary import gaps_of, problems_of
from reporting.candles import held_bars
from reporting.day import day_values
from reporting.listing import NAME
from reporting.market import UNRECORDED, Recorded, unread
from reporting.page import page
from reporting.reading import DayBooks
from reporting.sentences import Language, command_line_words
from reporting.stretch import stretch_values
from reporting.writing import suffixed
from security.private_files import write_private

_CHANGED: Final = "sessions without charts, because their stored bars have changed since they were played: {count}"


@dataclass(frozen=True)
class Sources:
    """What a page reads beside the finished days."""

    bars: Path
    calendar: TradingCalendar


@dataclass(frozen=True)
class Read:
    """The recorded market of a backtest, the rules it played by (None if unreadable), and what is missing."""

    recorded: Recorded
    rules: TradingRules | None
    notes: tuple[str, ...] = ()


def write_page(
    folder: Path, settings: Settings, days: Sequence[DayResult], sources: Sources, language: Language
) -> Path:
    """Write ``report.html`` into a backtest's folder and return its path."""
    read = read_all(settings, days, sources)
    read = replace(read, notes=(*read.notes, _slippage(folder, days, sources)))
    books = [books_of(day, read, sources.calendar) for day in days]
    values = stretch_values(books, Won(settings.capital), read.recorded)
    return _write(folder, "report", values | head_of(settings, days, read, language), language)


def _slippage(folder: Path, days: Sequence[DayResult], sources: Sources) -> str:
    """Return which slippage a backtest used, and its net result with it."""
    trades = [trade for day in days for trade in day.trades]
    values = slippage_values(trades, kept(folder), turnovers(sources.bars, trades))
    return f"Slippage ({values['model']}): {values['modelled'] + values['extra']:+,} won; net {values['net']:+,} won"


def write_day_page(folder: Path, settings: Settings, day: DayResult, sources: Sources, language: Language) -> Path:
    """Write the page of one session into a backtest's folder and return its path."""
    read = read_all(settings, [day], sources)
    values = day_values(books_of(day, read, sources.calendar), Won(settings.capital), read.recorded)
    head = head_of(settings, [day], read, language) | {"kind": "day", "backtest": settings.id}
    return _write(folder, f"report-{day.date}", values | head, language)


def _write(folder: Path, name: str, values: dict[str, Any], language: Language) -> Path:
    path = folder / suffixed(name, language)
    write_private(path, page(values, language) + "\n")
    return path


def head_of(settings: Settings, days: Sequence[DayResult], read: Read, language: Language) -> dict[str, Any]:
    """Return what stands at the head of the page: settings, soundness, and what the data lacks."""
    said = command_line_words(language)
    return {
        "kind": "backtest",
        "account": settings.id,
        "index": f"../../reports/{suffixed(NAME, language)}",
        "about": {
            "strategy": f"{settings.strategy.replace('+', ' + ')} {settings.version.replace('+', ' + ')}",
            "workers": settings.workers,
            "rules": {name: text for name, text in settings.rules.items() if name != "strategy.names"},
            "hash": hash_of(days),
        },
        "unsound": [{"date": f"{day.date}", "problems": problems_of(day)} for day in days if not day.is_sound],
        "unsold": {f"{day.date}": dict(day.carried) for day in days if day.carried},
        "gaps": [said.say_parts(each) for each in (*gaps_of(days), *read.notes)],
        "fill_rule": said.say_parts(FILL_RULE),
    }


def read_all(settings: Settings, days: Sequence[DayResult], sources: Sources) -> Read:
    """Read the bars of the sessions as they were played."""
    notes: list[str] = []
    rules = rules_of(settings)
    traded: Traded = {day.date: sorted({trade.symbol for trade in day.trades}) for day in days}
    stale = [day.date for day in days if day.bars != bars_hash(sources.bars, day.date)]
    if stale:
        notes.append(_CHANGED.format(count=len(stale)))
    store = BarStore(sources.bars)
    try:
        recorded = read_market(store, traded, universe=not settings.universe)
    except HistoryError as error:
        return Read(UNRECORDED, rules, (*notes, unread(error)))
    signals = {day.date: day.signals for day in days}
    kept = {
        day: replace(found, signals=signals[SessionDate(day)])
        for day, found in recorded.days.items()
        if day not in stale
    }
    return Read(replace(recorded, days=kept), rules, tuple(notes))


def rules_of(settings: Settings) -> TradingRules | None:
    """Return the rules of a backtest; None if this version cannot read them."""
    rules = TradingRules(strategy=StrategyRules(names=tuple(settings.strategy.split("+"))))
    changes = {name: text for name, text in settings.rules.items() if name != "close"}
    try:
        return changed(rules, changes) if changes else rules
    except TradingError:
        return None


def books_of(day: DayResult, read: Read, calendar: TradingCalendar) -> DayBooks:
    """Return a finished day as the books of a session. Prices while held come from the recorded minutes."""
    session = calendar.session_on(day.date)
    assert session is not None  # noqa: S101 - the day has been played
    # The ids are those of the day's own ledger: they begin again with each day.
    trades = tuple(replace(each, position_id=PositionId(f"{day.date}/{each.position_id}")) for each in day.trades)
    found = {"violations": len(day.violations) + bool(day.unexplained) + bool(day.fault)}
    books = DayBooks(
        ACCOUNT,
        session,
        (),
        trades,
        fills=tuple(fill for trade in trades for fill in _fills(trade)),
        bars=tuple(bar for trade in trades for bar in _held(trade, session, read.recorded)),
        verdict=KeptVerdict(found, session.ends_at),
        exit_rules={} if read.rules is None else {trade.position_id: read.rules.exits for trade in trades},
        refused=day.refused,
    )
    counts = DayCounts(price_ranges=books.ranges())
    return replace(books, summaries=(summarise(day.date, FLEET, trades, counts),))


def _held(trade: ClosedTrade, session: Session, recorded: Recorded) -> Iterator[PriceBar]:
    """Yield the whole minutes between entry and exit, and the price of the exit, as a watcher would have seen them."""
    minutes = recorded.on(session.date).minutes.get(trade.symbol)
    if not minutes or not trade.quantity:
        return
    midnight = datetime.combine(session.date, time(), KST)
    for bar in held_bars(session.date, minutes, trade):
        prices = (Price(each) for each in bar[1:5])
        yield PriceBar(trade.position_id, (midnight + timedelta(minutes=bar.minute)).astimezone(UTC), *prices)
    sold = Price(trade.exit_amount // trade.quantity)
    yield PriceBar(trade.position_id, trade.closed_at.replace(second=0, microsecond=0), sold, sold, sold, sold)


def _fills(trade: ClosedTrade) -> tuple[FillSeen, FillSeen]:
    """Return the purchase and the sale, each as one fill: a day's file keeps their sums."""
    about = (trade.position_id, IntentId(""))
    return (
        FillSeen(*about, "entry", trade.quantity, trade.entry_amount, trade.opened_at),
        FillSeen(*about, "exit", trade.quantity, trade.exit_amount, trade.closed_at),
    )
