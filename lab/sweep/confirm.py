"""The best trials of a sweep through the workflows and the ledger: a backtest of each, and the gap per trade."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from domain.session import SessionDate
from lab.backtest import Backtest, Progress
from lab.backtest import run as run_backtest
from lab.hands import Processes, as_finished, prepare_processes
from lab.summary import summary_of
from lab.sweep.gaps import compare, summed
from lab.sweep.hands import SweepHand
from lab.sweep.run import SweepPlan
from lab.sweep.trades import PlayedVariant
from lab.trials import Trial


async def confirmed(
    plan: SweepPlan, trial: Trial, backtest: Backtest, show: Callable[[Progress], None]
) -> dict[str, Any]:
    """Play a trial as a backtest does, and return where both differ. A backtest's finished days are not played again.

    The backtest is a finished one afterwards: ``report`` and ``verdict`` accept it.

    Raises:
        HistoryError: bars cannot be read.
        ProcessLostError: a process was killed.
        SourcesDifferError: the sources have changed since the command began.
    """
    here = await _played(plan, trial)
    results, days = await run_backtest(backtest, show, again=True)
    if not results.ended:
        results.write_summary(summary_of(backtest.settings, days))
    compared = []
    for day in days:
        session = plan.job.calendar.session_on(day.date)
        if session is not None:
            compared.append(compare(session, here.get(day.date, PlayedVariant()), day))
    return {
        "trial": trial.number,
        "rules": {rule: trial.rules[rule] for rule in plan.sweep.parameters},
        "backtest": results.folder.name,
        **summed(compared),
    }


async def _played(plan: SweepPlan, trial: Trial) -> Mapping[SessionDate, PlayedVariant]:
    found: dict[SessionDate, PlayedVariant] = {}
    prepare_processes()
    with Processes(plan.processes, SweepHand.begin, plan.job) as processes:
        calls = [processes.submit(SweepHand.trades, day, plan.symbols(day), trial) for day in plan.sessions]
        async for results in as_finished(calls):
            _add(found, results)
    return found


def _add(found: dict[SessionDate, PlayedVariant], results: Sequence[tuple[date, PlayedVariant]]) -> None:
    for day, played in results:
        found[SessionDate(day)] = played
