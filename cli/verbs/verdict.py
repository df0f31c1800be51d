"""The verb ``verdict``: whether a finished backtest is evidence that a strategy earns more than its costs."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli.desk import stdout_console
from cli.tables.verdict import print_verdict
from cli.verbs.report import open_books, open_page
from cli.verbs.report_backtest import settings_of
from database.errors import DATABASE_FAULTS, database_cause
from domain.errors import TradingError
from domain.verdict import Conclusion
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from history.store import BarStore
from lab.evidence.foresight import foresight_in
from lab.evidence.judging import Judgement, judge
from lab.evidence.reading import Reading
from lab.evidence.trials import known_trials, longer_ones
from lab.evidence.wording import plain, write_verdict
from lab.report import rules_of
from lab.results import Results, Settings, hash_of
from lab.slippage import kept
from reporting.listing import write_index
from runtime.embedded.errors import EmbeddedError
from runtime.settings import Settings as Configured
from runtime.settings import load_settings
from runtime.strategy_loading import strategy_texts
from strategies import known, strategies_named


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, its page and the index of all pages."""

    settings: Settings
    judgement: Judgement
    page: Path
    index: Path


async def verdict(asked: argparse.Namespace) -> int:
    """Judge a strategy and write the page; return 0 for a pass."""
    configured = load_settings()
    strategies_named((asked.name,))
    found = await asyncio.to_thread(_judged, asked, configured)
    values = plain(found.settings, found.judgement)
    why_not = await _keep(configured, values)
    if asked.json:
        shown = values | {"html": str(found.page), "index": str(found.index), "not_kept_because": why_not or None}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")
    else:
        console = stdout_console()
        print_verdict(console, found.settings, found.judgement, found.page, found.index)
        kept = f"The books of this folder do not have it: {why_not}" if why_not else "The books have this verdict."
        console.say(kept)
    if asked.open:
        await open_page(found.page)
    return 0 if found.judgement.conclusion is Conclusion.PASS else 1


async def _keep(configured: Configured, values: Mapping[str, Any]) -> str:
    """Write a verdict into the books; return why not, empty if they have it."""
    if not values["source"]:
        return "the backtest does not name the strategy's source"
    try:
        async with open_books(configured) as books:
            await books.database.verdicts.keep(values)
    except (EmbeddedError, OperationError, TradingError) as error:
        return str(error)
    except DATABASE_FAULTS as fault:
        return database_cause(fault)
    return ""


def _judged(asked: argparse.Namespace, configured: Configured) -> Judged:
    folder = configured.data_dir / "backtests"
    settings = _chosen(folder, asked.name, asked.backtest)
    results, rules = Results(folder, settings), rules_of(settings)
    days = [day for _, day in sorted(results.finished().items())]
    if rules is None or not days:
        raise OperationError(f"backtest {settings.id} cannot be read by this version; play it again")
    if _hash_at_the_end(results.folder) != hash_of(days):
        raise OperationError(f"backtest {settings.id} has not ended; go on with `backtest --resume`")
    year = days[0].date.year
    calendar = krx_calendar(year - 1, days[-1].date.year + 1, configured.calendar.overrides())
    store = BarStore(asked.bars or configured.data_dir / "bars")
    try:
        trials = known_trials(configured.data_dir, settings.strategy, asked.trials)
        evidence = Reading(settings, store, calendar, rules.exits, kept(results.folder)).evidence(days, trials)
        evidence = replace(evidence, biases=(*evidence.biases, *_choices(configured.data_dir, settings)))
    except HistoryError as error:
        raise OperationError(str(error)) from error
    judgement = judge(evidence)
    language = asked.lang or configured.report.language
    page = write_verdict(results.folder, settings, judgement, language)
    return Judged(settings, judgement, page, write_index(configured.reports, language))


def _choices(data: Path, settings: Settings) -> Iterator[str]:
    """Yield what the author of the strategy or of the backtest could know of the days beforehand."""
    if longer := longer_ones(data, settings):
        yield f"backtest {longer[0]} has played these sessions and more with the same rules; judge that one"
    strategy = known().strategies[settings.strategy]
    if settings.sources.get(settings.strategy, "") != strategy.source:
        yield "the strategy has another source now, so that the one of the backtest cannot be read"
        return
    for text in strategy_texts(strategy):
        yield from foresight_in(text)


def _hash_at_the_end(folder: Path) -> str:
    """Return the hash over all trades that a backtest wrote when it ended; empty if it has not."""
    try:
        return str(json.loads((folder / "report.json").read_bytes())["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _chosen(folder: Path, strategy: str, name: str | None) -> Settings:
    """Return the named backtest, else the newest finished one of the strategy's present code."""
    if name is not None:
        settings = settings_of(folder, name)
        if settings.strategy != strategy:
            raise OperationError(f"backtest {name} is of {settings.strategy}, not of {strategy}; name another one")
        return settings
    source = known().sources.get(strategy, "")
    finished = list(_finished(folder, strategy))
    ours = [each for each in finished if each.sources.get(strategy, "") == source]
    if finished and not ours:
        raise OperationError(
            f"no finished backtest of {strategy} with its present code; those of other code need --backtest"
        )
    if not ours:
        raise OperationError(
            f"no finished backtest of {strategy}; `backtest --strategy {strategy} --from DATE --to DATE` makes one"
        )
    return ours[-1]


def _finished(folder: Path, strategy: str) -> Iterator[Settings]:
    """Yield the finished backtests of a strategy, the oldest first; unreadable ones are left out."""
    for file in sorted(folder.glob(f"{strategy}-*/report.json"), key=lambda each: each.stat().st_mtime):
        try:
            settings = settings_of(folder, file.parent.name)
        except OperationError:
            continue
        if settings.strategy == strategy:
            yield settings
