"""The verb ``sweep``: many parameter sets over recorded days, walk-forward, by a kernel of the pure functions."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cli.desk import stdout_console
from cli.tables.backtest import progress_line
from cli.tables.sweep import print_sweep, sweep_line
from cli.verbs.backtest import (
    bars_asked,
    differing_rules,
    interrupted_once,
    rules_asked,
    shown_by,
    universe_asked,
    universe_label,
)
from domain.close_plan import CloseLeads
from domain.errors import BadRulesError
from exchange.calendar import krx_calendar
from fleet.errors import OperationError
from history.errors import HistoryError
from lab.backtest import Backtest
from lab.day import Order
from lab.hands import ProcessLostError
from lab.results import Settings
from lab.sources import SourcesDifferError, sources_in_use
from lab.sweep.confirm import confirmed
from lab.sweep.guided import is_installed, search
from lab.sweep.hands import SweepJob, rules_of_trial
from lab.sweep.page import write_page
from lab.sweep.run import SweepPlan, run
from lab.sweep.space import MOST_TRIALS, finer_exit, grid, read_space, size_of
from lab.sweep.summary import summary_of
from lab.trials import SHARED, Sweep, Trial, TrialStore
from reporting.listing import write_index
from reporting.sentences import Language
from runtime.settings import load_settings
from security.private_files import write_private
from strategies import known, strategies_named, tradable
from strategies.catalogue import bounds_of_rule

_GRID: Final = "grid"
_OPTUNA: Final = "optuna"


async def sweep(asked: argparse.Namespace) -> int:
    """Run a sweep and print its result."""
    plan = _prepared(asked)
    try:
        with interrupted_once():
            found = search if asked.search == _OPTUNA else None
            store = await run(plan, shown_by(sweep_line, as_json=asked.json), again=asked.resume, guided=found)
            values = summary_of(plan.sweep, plan.windows, store.trials(), store.days(), store.kernels())
            for best in values["best"][: asked.confirm]:
                trial = Trial(best["trial"], SHARED, best["rules"])
                shown = shown_by(progress_line, as_json=asked.json)
                values["confirmed"].append(await confirmed(plan, trial, _backtest(plan, trial), shown))
    except HistoryError as error:
        raise OperationError(str(error)) from error
    except ProcessLostError as error:
        raise OperationError(
            f"{error}: it was killed, perhaps for want of memory. The finished days are kept; "
            "the same command with --resume goes on, with fewer --processes if memory is short"
        ) from error
    except SourcesDifferError as error:
        raise OperationError(
            f"the sources have changed since the sweep began ({error}): run it again; the finished days are kept"
        ) from error
    written = _write(store, values, asked.lang)
    if asked.json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=1) + "\n")
    else:
        print_sweep(stdout_console(), values, written)
    return 0


def _backtest(plan: SweepPlan, trial: Trial) -> Backtest:
    """Return the backtest of a trial; the verb ``backtest`` would play the same one."""
    sweep, job = plan.sweep, plan.job
    rules = rules_of_trial(job.rules, trial.rules)
    return Backtest(
        settings=Settings(
            strategy=sweep.strategy.replace(",", "+"),
            version=sweep.version,
            first=sweep.first,
            last=sweep.last,
            rules=differing_rules(rules, job.leads),
            workers=sweep.workers,
            capital=sweep.capital,
            universe=sweep.universe,
            sources=sources_in_use(rules),
        ),
        order=Order(rules, sweep.workers, sweep.capital, job.leads),
        calendar=job.calendar,
        bars=job.bars,
        folder=plan.folder.parent / "backtests",
        universe=plan.universe,
        processes=plan.processes,
        strategies=job.strategies,
    )


def _write(store: TrialStore, values: dict[str, Any], language: Language | None) -> Sequence[Path]:
    """Write figures and page of a sweep, and the index of all pages."""
    configured = load_settings()
    spoken = language or configured.report.language
    path = store.folder / "report.json"
    write_private(path, json.dumps(values, ensure_ascii=False, indent=1))
    return path, write_page(store.folder, values, spoken), write_index(configured.reports, spoken)


def _prepared(asked: argparse.Namespace) -> SweepPlan:
    settings = load_settings()
    bars = bars_asked(asked, settings.data_dir)
    rules = rules_asked(settings.rules, asked)
    universe, close = universe_asked(asked), settings.close
    leads = CloseLeads(timedelta(minutes=close.entries_end), timedelta(minutes=close.liquidation_begins))
    calendar = krx_calendar(asked.first.year - 1, asked.last.year + 1, settings.calendar.overrides())
    own = settings.strategies.path
    job = SweepJob(
        bars=bars,
        rules=rules,
        calendar=calendar,
        workers=asked.workers,
        capital=asked.capital,
        leads=leads,
        strategies=own.expanduser().absolute() if own else None,
        sources=sources_in_use(rules),
        alone=asked.alone,
    )
    space = _space(asked, job)
    plan = SweepPlan(
        sweep=Sweep(
            strategy=asked.strategy,
            version="+".join(each.version for each in strategies_named(rules.strategy.names)),
            first=asked.first.isoformat(),
            last=asked.last.isoformat(),
            search=asked.search,
            parameters=space,
            trials=_trials(asked, space),
            seed=asked.seed,
            rules=differing_rules(rules, leads),
            workers=asked.workers,
            capital=asked.capital,
            universe=universe_label(universe),
            train=asked.train,
            test=asked.test,
            gap=asked.gap,
            sources=job.sources,
            alone=asked.alone,
        ),
        job=job,
        folder=settings.data_dir / "sweeps",
        universe=universe,
        processes=asked.processes or os.cpu_count() or 1,
    )
    _check_windows(plan)
    return plan


def _trials(asked: argparse.Namespace, space: dict[str, tuple[str, ...]]) -> int:
    """Return how many trials are played; of Optuna in each window, where one may come twice."""
    if asked.search == _OPTUNA:
        return int(asked.trials)
    return size_of(space) if asked.search == _GRID else min(asked.trials, size_of(space))


def _check_windows(plan: SweepPlan) -> None:
    """Refuse a stretch that is too short for one window."""
    sessions, sweep = len(plan.sessions), plan.sweep
    if not sessions:
        raise OperationError(f"no stored session from {sweep.first} to {sweep.last}; `bars list` shows what is there")
    if not plan.windows:
        needed = sweep.train + sweep.gap + sweep.test
        raise OperationError(
            f"{sessions} sessions are stored and a window needs {needed}; name more, or smaller --train and --test"
        )


def _space(asked: argparse.Namespace, job: SweepJob) -> dict[str, tuple[str, ...]]:
    """Return the swept parameters; every single value of them is valid."""
    if asked.search == _OPTUNA and not is_installed("optuna"):
        raise OperationError("--search optuna needs Optuna: pip install optuna")
    if not asked.vary:
        raise OperationError(
            f"--vary: name what to try, such as stop_loss=1%..3%..0.5%; parameters of {asked.strategy}: "
            f"{_offered(asked.strategy)}"
        )
    try:
        space = read_space(asked.strategy, asked.vary)
        _check_values(job, space)
        if asked.search == _GRID:
            _check_combinations(job, space)
    except BadRulesError as error:
        raise OperationError(str(error)) from error
    return space


def _check_values(job: SweepJob, space: dict[str, tuple[str, ...]]) -> None:
    """Refuse rules that a sweep does not try, and values that are not valid."""
    if refused := {"universe", "execution"} & {rule.partition(".")[0] for rule in space}:
        raise OperationError(f"--vary {min(refused)}: a sweep tries strategy, exits, screening and risk rules only")
    if job.alone:
        _check_alone(space)
    for rule, texts in space.items():
        for text in texts:
            rules = tradable(rules_of_trial(job.rules, {rule: text}), {rule})
            if job.alone and (finer := finer_exit(rules.exits)):
                raise OperationError(
                    f"exits.{finer}: --alone reads rates to 0.0001 % and times to the second; round it"
                )


def _check_alone(space: dict[str, tuple[str, ...]]) -> None:
    """Refuse what has no effect on signals that stand alone, and a machine without NumPy."""
    idle = {"exits.trend_break", "exits.trend_window"} | {rule for rule in space if rule.startswith("risk.")}
    if found := (idle - {"risk.capital_per_trade"}) & space.keys():
        raise OperationError(f"--vary {min(found)}: it has no effect with --alone")
    if not is_installed("numpy"):
        raise OperationError("--alone needs NumPy: pip install numpy")


def _check_combinations(job: SweepJob, space: dict[str, tuple[str, ...]]) -> None:
    """Refuse too many combinations, and those not valid together, such as a least price above the greatest."""
    if size_of(space) > MOST_TRIALS:
        raise OperationError(
            f"--vary: {size_of(space):,} combinations are more than {MOST_TRIALS:,}; use --search random --trials N"
        )
    for trial in grid(space):
        rules_of_trial(job.rules, trial)


def _offered(strategies: str) -> str:
    """Return the parameters of strategies with their bounds."""
    found = (known().strategies[name] for name in strategies.split(","))
    named = [
        (parameter, f"strategy.{each.name}.{parameter}") for each in found for parameter in each.model.model_fields
    ]
    return ", ".join(f"{parameter} ({bounds_of_rule(rule)})" for parameter, rule in named) or "–"
