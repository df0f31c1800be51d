"""The verb ``parity``: replay a day that the hosts recorded, and name the cause of each difference."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cli.desk import stdout_console
from cli.tables.parity import comparison_values, print_comparison, print_what_if, replay_values
from cli.verbs.report import OpenBooks, open_books, open_page
from domain.close_plan import CloseLeads
from domain.money import Won
from domain.session import Session, SessionDate, TradingCalendar
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from lab.backtest import ENGINE
from lab.day import Order
from lab.parity.causes import Day, Evidence
from lab.parity.comparing import Comparison, compare
from lab.parity.page import write_page
from lab.parity.replay import NothingToReplayError, Replay, recorded_session, replay_all, rules_in_force
from lab.parity.seen import SeenDay, read_day
from reporting.listing import write_index
from reporting.sentences import Language
from runtime.recording import FOLDER
from runtime.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class LiveDay:
    """The day's ledger, and the cash that it began with; None if the books have none."""

    day: Day
    capital: Won | None


async def parity(asked: argparse.Namespace) -> int:
    """Replay a day and write its page; return 1 if a difference has no cause.

    With ``--what-if``, show what other rules would give instead.
    """
    configured = load_settings()
    changes = dict(_pair(text) for text in asked.what_if or ())
    seen = _recording(configured.data_dir / FOLDER, asked.date)
    calendar = krx_calendar(asked.date.year - 1, asked.date.year + 1, configured.calendar.overrides())
    session = calendar.session_on(asked.date)
    if session is None:
        raise OperationError(f"{asked.date} is no session of KRX")
    async with open_books(configured) as books:
        live = await _live_day(books, session.date)
    try:
        replays = await _replays(configured, seen, (calendar, session), changes, asked.capital or live.capital)
    except (NothingToReplayError, HistoryError) as error:
        raise OperationError(f"{asked.date}: {error}") from error
    first, *other = replays
    found = compare(_evidence(live.day, first, seen, session.opens_at))
    values = comparison_values(seen, live.day, first, found)
    if other:
        values["what_if"] = replay_values(first, other[0], changes)
    else:
        values |= _pages(configured, asked.lang, values, (seen, live.day, first.day, found))
    _show(asked, seen, (live.day, first, found), values)
    if asked.open and not other:
        await open_page(Path(values["html"]))
    return 0 if other or not found.unexplained else 1


def _recording(folder: Path, date: SessionDate) -> SeenDay:
    seen = read_day(folder, date)
    if seen is None:
        raise OperationError(
            f"{folder} has no recording of {date}; hosts record while they run, "
            "and copy the folders of other machines here"
        )
    return seen


def _pages(
    configured: Settings,
    asked: Language | None,
    values: Mapping[str, Any],
    compared: tuple[SeenDay, Day, Day, Comparison],
) -> dict[str, str]:
    """Write the page of the day and the index of all pages; return their paths."""
    language = asked or configured.report.language
    page = write_page(configured.reports, values, compared, language)
    return {"html": str(page), "index": str(write_index(configured.reports, language))}


def _show(
    asked: argparse.Namespace, seen: SeenDay, compared: tuple[Day, Replay, Comparison], values: Mapping[str, Any]
) -> None:
    if asked.json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=1) + "\n")
    elif "what_if" in values:
        print_what_if(stdout_console(), values["what_if"])
    else:
        print_comparison(stdout_console(), seen, compared, values)


async def _live_day(books: OpenBooks, date: SessionDate) -> LiveDay:
    database, account = books.database, books.account_id
    orders = await database.audit.orders_on(account, date)
    events = await database.audit.events_on(account, date)
    baseline = await database.cash_baselines.of(account, date)
    trades = await database.trades.on(account, date)
    day = Day(trades, tuple(each.record for each in orders), tuple(each.event for each in events))
    return LiveDay(day, None if baseline is None else baseline.cash)


async def _replays(
    configured: Settings,
    seen: SeenDay,
    when: tuple[TradingCalendar, Session],
    changes: Mapping[str, str],
    capital: int | None,
) -> Sequence[Replay]:
    """Replay with the rules in force, and with other rules if some are asked for."""
    if capital is None:
        raise OperationError("the books have no opening cash of this day; name it with --capital")
    calendar, session = when
    workers = len({each.worker for each in seen.rules})
    close = configured.close
    leads = CloseLeads(timedelta(minutes=close.entries_end), timedelta(minutes=close.liquidation_begins))
    sets = [rules_in_force(seen, {}), *([rules_in_force(seen, changes)] if changes else [])]
    orders = [Order(rules, workers, int(capital), leads) for rules in sets]
    found = recorded_session(seen, session, calendar.session_before(session.date))
    with _quiet():
        return await replay_all(configured.data_dir / "backtests" / ENGINE, found, orders, calendar, seen)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log lines of the replayed workflows and activities out of the answer."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _evidence(live: Day, replay: Replay, seen: SeenDay, opens_at: datetime) -> Evidence:
    return Evidence(
        live=live,
        replay=replay.day,
        seen=seen,
        rules=replay.rules,
        sources=replay.sources,
        left_out=replay.gaps.left_out,
        workers=replay.workers,
        speed=seen.rules[0].speed,
        opens_at=opens_at,
        would_buy=replay.market.would_buy,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OperationError(f"--what-if {text}: write RULE=VALUE, such as exits.stop_loss=2%")
    if name.strip().startswith("universe."):
        raise OperationError(f"--what-if {text}: a replay has the stocks that were recorded; change another rule")
    return name.strip(), value
