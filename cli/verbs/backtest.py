"""The verb ``backtest``: recorded days through the production code, in virtual time and in parallel."""

import argparse
import asyncio
import csv
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cli.desk import stdout_console
from cli.tables.backtest import print_summary, progress_line
from cli.verbs.slippage import calibration_of
from domain.close_plan import CloseLeads
from domain.market import Symbol
from domain.rule_changes import changed, value_text
from domain.rules import TradingRules
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from history.store import BarStore
from lab.backtest import Backtest, Universe, run
from lab.day import Order
from lab.hands import ProcessLostError
from lab.recorded_market import turnovers
from lab.report import Sources, write_page
from lab.results import DATED, NAMED, DayResult, Results, Settings
from lab.slippage import Calibration, keep_in, slippage_values
from lab.sources import SourcesDifferError, sources_in_use
from lab.summary import TOO_DEAR, summary_of
from reporting.listing import write_index
from reporting.sentences import Language
from reporting.spoken import say
from runtime.settings import load_settings
from strategies import all_rule_values, strategies_named, tradable

_SYMBOL_LENGTH: Final = 6


async def backtest(asked: argparse.Namespace) -> int:
    """Run a backtest and print its result; return 1 if a day is not sound."""
    prepared = _prepared(asked)
    calibration = calibration_of(load_settings().data_dir, asked.slippage)
    try:
        with interrupted_once():
            results, days = await run(prepared, shown_by(progress_line, as_json=asked.json), again=asked.resume)
    except HistoryError as error:
        raise OperationError(str(error)) from error
    except ProcessLostError as error:
        raise OperationError(
            f"{error}: it was killed, perhaps for want of memory. The finished days are kept; "
            "the same command with --resume goes on, with fewer --processes if memory is short"
        ) from error
    except SourcesDifferError as error:
        raise OperationError(
            f"the sources have changed since the backtest began ({error}): run it again; the finished days are kept"
        ) from error
    keep_in(results.folder, calibration)
    values = summary_of(prepared.settings, days) | _costs(prepared, days, calibration)
    written = (results.write_summary(values), *_pages(prepared, results, days, asked.lang))
    if asked.json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=1) + "\n")
    else:
        print_summary(stdout_console(), values, written)
    if values["not_bought"] and not values["trades"] and set(values["not_bought"]) == {TOO_DEAR}:
        raise OperationError(f"--capital {asked.capital:,}: it buys no share of any candidate; name more")
    return 0 if values["sound"] else 1


def _costs(prepared: Backtest, days: Sequence[DayResult], calibration: Calibration | None) -> dict[str, Any]:
    trades = [trade for day in days for trade in day.trades]
    return {"slippage": slippage_values(trades, calibration, turnovers(prepared.bars, trades))}


def _pages(
    prepared: Backtest, results: Results, days: Sequence[DayResult], language: Language | None
) -> tuple[Path, Path]:
    """Write the page of a backtest and the index of all pages."""
    configured = load_settings()
    spoken = language or configured.report.language
    page = write_page(results.folder, prepared.settings, days, Sources(prepared.bars, prepared.calendar), spoken)
    return page, write_index(configured.reports, spoken)


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Turn the first interrupt into a cancellation, and ignore others while the processes are ended."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    pressed: list[bool] = []

    def press() -> None:
        if task is not None and not pressed:
            pressed.append(True)
            task.cancel()

    loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield
    except asyncio.CancelledError:
        if not pressed:
            raise
        sys.stderr.write(f"\n{say('The finished days are kept; the same command with --resume goes on.')}\n")
        raise KeyboardInterrupt from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def bars_asked(asked: argparse.Namespace, data_dir: Path) -> Path:
    """Return the store of the bars to play.

    Raises:
        OperationError: the stretch or the number of processes makes no sense, or nothing is stored.
    """
    if asked.first > asked.last:
        raise OperationError(f"--from {asked.first} is after --to {asked.last}: swap them")
    if asked.processes is not None and asked.processes < 1:
        raise OperationError("--processes must be at least 1")
    bars: Path = asked.bars or data_dir / "bars"
    if not BarStore(bars).sessions():
        raise OperationError(f"{bars} has no recorded bars: `bars import FOLDER` stores some, or name it with --bars")
    return bars


def _prepared(asked: argparse.Namespace) -> Backtest:
    settings = load_settings()
    bars = bars_asked(asked, settings.data_dir)
    rules = rules_asked(settings.rules, asked)
    universe, close = universe_asked(asked), settings.close
    leads = CloseLeads(timedelta(minutes=close.entries_end), timedelta(minutes=close.liquidation_begins))
    return Backtest(
        settings=Settings(
            strategy=asked.strategy.replace(",", "+"),
            version="+".join(each.version for each in strategies_named(rules.strategy.names)),
            first=asked.first.isoformat(),
            last=asked.last.isoformat(),
            rules=differing_rules(rules, leads),
            workers=asked.workers,
            capital=asked.capital,
            universe=universe_label(universe),
            sources=sources_in_use(rules),
        ),
        order=Order(rules, asked.workers, asked.capital, leads),
        calendar=krx_calendar(asked.first.year - 1, asked.last.year + 1, settings.calendar.overrides()),
        bars=bars,
        folder=settings.data_dir / "backtests",
        universe=universe,
        processes=asked.processes or os.cpu_count() or 1,
        strategies=own.expanduser().absolute() if (own := settings.strategies.path) else None,
    )


def rules_asked(configured: TradingRules, asked: argparse.Namespace) -> TradingRules:
    """Return the configured rules with the strategy and the changes of the command."""
    changes = dict(_pair(text) for text in asked.rules)
    if unknown := {"universe.symbols", "universe.ranking_size", "strategy.names"} & changes.keys():
        raise OperationError(f"--set {min(unknown)}: a backtest takes it from --symbols, --universe and --strategy")
    rules = replace(configured, strategy=replace(configured.strategy, names=tuple(asked.strategy.split(","))))
    return replace(tradable(changed(rules, changes) if changes else rules, changes), version=1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OperationError(f"--set {text}: write RULE=VALUE, such as exits.stop_loss=2%")
    return name.strip(), value


def differing_rules(rules: TradingRules, leads: CloseLeads) -> Mapping[str, str]:
    """Return the rules that differ from the defaults, by name."""
    defaults, usual = all_rule_values(TradingRules()), CloseLeads()
    close = {} if leads == usual else {"close": f"entries end {leads.entry_cutoff}, sales begin {leads.liquidation}"}
    return close | {
        name: value_text(name, value)
        for name, value in all_rule_values(rules).items()
        if value != defaults.get(name) and not name.startswith("universe.")
    }


def universe_asked(asked: argparse.Namespace) -> Universe:
    """Return the universe that ``--symbols`` or ``--universe`` names."""
    if asked.symbols:
        return tuple(_symbol(text.strip(), "--symbols") for text in asked.symbols.split(","))
    return None if asked.universe is None else _listed(asked.universe)


def universe_label(universe: Universe) -> str:
    """Return whether the command names the stocks once or by date, with a hash of them; blank if it names none."""
    if universe is None:
        return ""
    kind = DATED if isinstance(universe, Mapping) else NAMED
    return f"{kind} {sha256(repr(universe).encode()).hexdigest()[:16]}"


def _listed(file: Path) -> Mapping[date, Sequence[Symbol]]:
    """Read the universe of each day."""
    found: dict[date, list[Symbol]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            for row in reader:
                place = f"{file}, line {reader.line_num}"
                found.setdefault(_date(row.get("date"), place), []).append(_symbol(row.get("symbol") or "", place))
    except (OSError, UnicodeDecodeError) as error:
        raise OperationError(f"{file} cannot be read: {error}") from error
    if not found:
        raise OperationError(f"{file} names no stock; write a line date,symbol and one line for each day and stock")
    return {day: tuple(sorted(set(symbols))) for day, symbols in found.items()}


def _date(text: str | None, place: str) -> date:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError:
        raise OperationError(f"{place}: {text!r} is no date; write 2025-11-20") from None


def _symbol(text: str, place: str) -> Symbol:
    if len(text) != _SYMBOL_LENGTH or not text.isalnum():
        raise OperationError(f"{place}: {text!r} is no stock code; write six characters, as in 005930")
    return Symbol(text)


def shown_by(line: Callable[[Any], str], *, as_json: bool) -> Any:
    """Return how progress is shown: on a terminal one line that changes, else a line a day, with JSON none."""
    on_terminal = sys.stderr.isatty()

    def show(progress: Any) -> None:
        if not as_json:
            sys.stderr.write(("\r\x1b[K" if on_terminal else "") + line(progress))
            sys.stderr.write("\n" if not on_terminal or progress.done == progress.of else "")
            sys.stderr.flush()

    return show
