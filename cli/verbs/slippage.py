"""The verb ``slippage``: learn the cost of fills from the books, beside what the fill model of backtests takes."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from cli.desk import stdout_console
from cli.verbs.report import open_books
from cli.verbs.report_backtest import settings_of
from domain.position import ClosedTrade
from fleet.errors import OperationError
from lab.recorded_market import turnovers
from lab.results import Results
from lab.slippage import MODEL_FILE, Calibration, TooFewFillsError, compared, keep, kept, learn
from reporting.spoken import label, say
from runtime.settings import load_settings


async def slippage(asked: argparse.Namespace) -> int:
    """Learn from all fills of the books, keep the calibration, and print realised beside modelled slippage."""
    configured = load_settings()
    async with open_books(configured) as books:
        account, trades = books.account_id, list[ClosedTrade]()
        for date in await books.database.day_seen.dates(account):
            trades += await books.database.trades.on(account, date)
    bars = asked.bars or configured.data_dir / "bars"
    try:
        realised = await asyncio.to_thread(_learnt, trades, bars)
    except TooFewFillsError as error:
        raise OperationError(str(error)) from None
    modelled = await asyncio.to_thread(_modelled, configured.data_dir / "backtests", bars)
    path = keep(configured.data_dir, realised)
    if modelled is not None:
        keep(configured.data_dir, modelled, MODEL_FILE)
    rows, environment = compared(realised, modelled), configured.broker.environment
    if asked.json:
        values = {"environment": environment.value, "model": realised.name, "classes": rows, "file": str(path)}
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=1) + "\n")
        return 0
    console = stdout_console()
    console.say(f"Slippage of the {environment} account, {realised.name}")
    console.print(_table(rows))
    if modelled is None:
        console.say("No backtest has enough fills to compare with.")
    console.say(f"`backtest --slippage learnt` uses it: {path}")
    return 0


def _learnt(trades: Sequence[ClosedTrade], bars: Path) -> Calibration:
    return learn(trades, turnovers(bars, trades))


def _modelled(backtests: Path, bars: Path) -> Calibration | None:
    """Return what the fill model took in the newest backtest with enough fills."""
    for file in sorted(backtests.glob("*/report.json"), key=lambda each: -each.stat().st_mtime):
        try:
            days = Results(backtests, settings_of(backtests, file.parent.name)).finished().values()
            return _learnt([trade for day in days for trade in day.trades], bars)
        except (OperationError, TooFewFillsError):
            continue
    return None


def calibration_of(data: Path, choice: str) -> Calibration | None:
    """Return the calibration that ``--slippage`` asks for; None is the stated model.

    Raises:
        OperationError: none has been learnt.
    """
    if choice != "learnt":
        return None
    found = kept(data)
    if found is None:
        raise OperationError("--slippage learnt: nothing has been learnt yet; `starter.py slippage` does it")
    return found


_SIDES: Final = {"entry": "entry fills", "exit": "exit fills"}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None)
    for name in ("side of the trade", "class of the fill"):
        table.add_column(say(name))
    for name in ("number of fills", "realised bp", "modelled bp"):
        table.add_column(say(name), justify="right")
    for row in rows:
        modelled = "–" if row["modelled_bp"] is None else f"{row['modelled_bp']:+.1f}"
        name = label("classes", row["class"]) if row["class"] else say("all classes")
        table.add_row(say(_SIDES[row["side"]]), name, f"{row['fills']:,}", f"{row['realised_bp']:+.1f}", modelled)
    return table
