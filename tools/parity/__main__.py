"""Command line: play one recorded day in both ways; exit code 0 if each difference has a cause."""

import argparse
import asyncio
import json
import logging
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from cli.desk import stdout_console
from cli.tables.terminal import Terminal
from domain.market import Symbol
from domain.rule_changes import changed
from domain.rules import TradingRules, UniverseRules
from exchange.calendar import CalendarOverrides, hours_from_text, krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from runtime.opening import EXPECTED_ERRORS
from runtime.standard_error import guard_standard_error, leave, say_error
from security.private_files import close_to_others, private_folder, write_private
from strategies import tradable
from tools.parity.comparing import compare
from tools.parity.real_day import RealDay
from tools.parity.small_store import some_of
from tools.parity.table import differences_table, lines_of, pairs_table, to_json

_SPEED: Final = 60
_WORKERS: Final = 3
_CAPITAL: Final = 50_000_000


async def _compare(asked: argparse.Namespace, console: Terminal) -> bool:
    home = private_folder(_home())
    changed_hours = dict([hours_from_text(asked.hours)]) if asked.hours else {}
    overrides = CalendarOverrides(changed_hours=changed_hours)
    calendar = krx_calendar(asked.date.year - 1, asked.date.year + 1, overrides)
    session = calendar.session_on(asked.date)
    if session is None:
        raise OperationError(f"{asked.date} is no session of KRX")
    symbols = [Symbol(text.strip()) for text in asked.symbols.split(",")] if asked.symbols else None
    taken = some_of(asked.bars, home / "bars", session, symbols, asked.stocks)
    universe = UniverseRules(ranking_size=0, symbols=taken)
    rules = replace(TradingRules(), universe=universe)
    pairs = [text.partition("=")[::2] for text in asked.rules]
    changes = {"strategy.names": asked.strategy, **{name.strip(): value for name, value in pairs}}
    rules = replace(tradable(changed(rules, changes), changes), version=1)
    day = RealDay(session, home / "bars", rules, asked.workers, asked.capital, asked.speed, asked.hours)
    console.print(
        f"{session.date}: {len(taken)} stocks, {asked.workers} workers, {asked.speed} market seconds a second"
    )
    found = await compare(day, calendar, home)
    console.print(pairs_table(found), soft_wrap=True)
    console.print(differences_table(found), soft_wrap=True)
    console.say_all(lines_of(found))
    kept = home / f"{session.date}.json"
    write_private(kept, json.dumps(to_json(found), ensure_ascii=False, indent=1) + "\n")
    console.print(f"Result: {kept}", soft_wrap=True)
    return found.is_explained


def _home() -> Path:
    return Path(os.environ.get("HARU_DATA_DIR") or ".haru").expanduser().absolute() / "parity"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.parity",
        description="Play one recorded day on real processes and in a backtest, and explain each difference.",
    )
    add = parser.add_argument
    add("--bars", type=Path, default=Path(".haru/bars"), help="the folder of `starter.py bars` (default %(default)s)")
    add("--date", type=date.fromisoformat, required=True, help="the session")
    add("--symbols", help="these stocks, separated by commas (default: the first ones of the day)")
    add("--stocks", type=int, default=12, help="how many stocks without --symbols (default %(default)s)")
    add("--strategy", default="volatility_breakout", help="strategies, separated by commas (default %(default)s)")
    add("--set", dest="rules", action="append", default=[], metavar="RULE=VALUE", help="change a rule; repeatable")
    add("--workers", type=int, default=_WORKERS, help="trading workers (default %(default)s)")
    add("--capital", type=int, default=_CAPITAL, help="won (default %(default)s)")
    add("--hours", default="", help="a shorter session, such as 2025-11-12=09:00-11:00-11:10")
    add("--speed", type=int, default=_SPEED, help="market seconds a second (default %(default)s)")
    return parser


def main() -> int:
    """Return 0 if every difference has a cause, 1 if one has none or a day fails, 130 when interrupted."""
    close_to_others()
    logging.basicConfig(handlers=[logging.NullHandler()])
    asked: Any = _parser().parse_args()
    asked.bars = asked.bars.expanduser().absolute()
    try:
        return 0 if asyncio.run(_compare(asked, stdout_console())) else 1
    except (*EXPECTED_ERRORS, HistoryError) as error:
        say_error("tools.parity", str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    guard_standard_error()
    leave(main())
