"""``make demo``: play a trading day in two minutes, from an empty folder to a report checked against the broker."""

import argparse
import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from cli.demo.broker_books import BrokerBooks, read_broker_books
from cli.demo.day_report import Day, read_ledger, report_table, save_report, violations
from cli.demo.rules import DEMO_RULES, demo_rules
from cli.demo.worker_process import WorkerProcess, worker_process
from cli.desk import stdout_console
from cli.grammar import count
from cli.tables.terminal import Terminal
from cli.tables.watching import watch
from cli.verbs.report import open_books, values_of_day
from domain.clock import KST, in_seoul
from domain.identity import SIMULATED_ACCOUNT
from domain.rules import TradingRules
from exchange.calendar import krx_calendar
from fleet.board import read_board
from fleet.errors import NothingRunsError, OperationError
from fleet.fleet import Fleet
from fleet.schedule import latest_close, schedule_close
from fleet.starting import start_workers
from reporting.sentences import LANGUAGES
from reporting.spoken import say
from reporting.writing import write
from runtime.embedded.endpoints import read_endpoints
from runtime.embedded.stage import set_stage
from runtime.faults import explain
from runtime.language import Parser, use_configured_language
from runtime.opening import EXPECTED_ERRORS, open_fleet
from runtime.settings import load_settings, raw_environment
from runtime.standard_error import say_error
from runtime.strategy_settings import strategies_path
from security.private_files import close_to_others
from strategies import tradable
from workflows.close_outcome import CloseOutcome

_STARTS_WITHIN: Final = timedelta(seconds=20)
"""Real time from the simulator's first moment to the opening. The workers should be ready before the opening."""
_AFTER_THE_END: Final = 90.0
"""Real seconds after the session's end in which the close must have finished."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Options of a demo: its folder, the report folder, and the command line arguments."""

    folder: Path
    reports: Path
    seed: int
    workers: int
    speed: int
    keep: bool
    rules: TradingRules = DEMO_RULES

    @property
    def log(self) -> Path:
        """Return the file that the worker process writes to."""
        return self.folder / "worker.log"

    def starts_at(self) -> datetime:
        """Return the market time (KST) to start at: early enough before an opening for everything to start."""
        today = datetime.now(KST).date()  # noqa: TID251 - the demo chooses its day from ours
        session = krx_calendar(today.year, today.year + 1).session_at_or_after(datetime.combine(today, time(0), KST))
        return in_seoul(session.opens_at) - _STARTS_WITHIN * self.speed


async def play(stage: Stage, console: Terminal) -> bool:
    """Play the day and report on it; return whether every check passed."""
    start = stage.starts_at().isoformat()
    path = strategies_path(raw_environment())
    await set_stage(stage.folder, stage.rules, path, speed=stage.speed, seed=stage.seed, start=start)
    tradable(load_settings().rules)
    console.say("Starting PostgreSQL, Temporal, the simulated broker and a worker process …")
    async with worker_process(stage.log) as worker:
        await worker.until_ready()
        async with open_fleet(load_settings()) as fleet:
            day = await _trade(stage, fleet, worker, console)
            checked = save_report(day, stage.reports)
            console.print(report_table(day))
            console.say(f"Checks: {checked}")
            for page in await _pages(stage, day):
                console.say(f"Report: {page}")
            if stage.keep:
                await _keep(fleet, worker, console)
    return not any(violations(day).values())


async def _trade(stage: Stage, fleet: Fleet, worker: WorkerProcess, console: Terminal) -> Day:
    names = await start_workers(fleet, stage.workers, stage.rules)
    await schedule_close(fleet, stage.rules, fleet.market_now())
    console.say(f"{fleet.environment.upper()} account: {len(names)} workers trade. Web UI: {fleet.web_ui}")
    outcome = await _watch_until_closed(fleet, worker, console)
    return Day(
        seed=stage.seed,
        workers=stage.workers,
        ledger=await read_ledger(fleet, outcome.session_date),
        outcome=outcome,
        broker=await _broker_books(stage),
    )


async def _watch_until_closed(fleet: Fleet, worker: WorkerProcess, console: Terminal) -> CloseOutcome:
    ends_at = fleet.clock.real_time(fleet.plan_of_the_day(fleet.market_now()).session.ends_at)
    left = ends_at - fleet.clock.real_time(fleet.market_now())
    closing = asyncio.create_task(_closed(fleet))
    try:
        async with asyncio.timeout(left.total_seconds() + _AFTER_THE_END):
            await watch(
                console,
                lambda: read_board(fleet, fleet.market_now()),
                lambda: closing.done() or worker.has_ended,
            )
    except TimeoutError:
        raise OperationError(f"the market close has not finished in time; {worker.last_lines()}") from None
    if not closing.done():
        closing.cancel()
        worker.require_alive()
    return await closing


async def _closed(fleet: Fleet) -> CloseOutcome:
    while True:
        handle = await latest_close(fleet)
        if handle is not None:
            return await handle.result()
        await asyncio.sleep(1)


async def _pages(stage: Stage, day: Day) -> list[Path]:
    """Write the day's page in both languages, verified while all parts still run."""
    async with open_books(load_settings()) as books:
        values = await values_of_day(books, day.session_date)
    return [(await write(values, language, stage.reports)).html for language in LANGUAGES]


async def _broker_books(stage: Stage) -> BrokerBooks:
    endpoints = read_endpoints(stage.folder)
    if endpoints is None or endpoints.simulator_url is None:
        raise NothingRunsError(f"no simulator runs in {stage.folder}")
    return await read_broker_books(endpoints.simulator_url, SIMULATED_ACCOUNT, endpoints.control_headers)


async def _keep(fleet: Fleet, worker: WorkerProcess, console: Terminal) -> None:
    console.say(f"Web UI: {fleet.web_ui}   (Ctrl-C ends the demo)")
    try:
        await asyncio.to_thread(worker.guard.wait)
    except asyncio.CancelledError:
        console.say("Stopping …")


def stage_of(asked: Mapping[str, Any]) -> Stage:
    """Return the demo's options: the arguments, and the data folder and rules of the environment.

    Raises:
        BadRulesError: a variable of the rules is unknown or wrong.
    """
    home = Path(os.environ.get("HARU_DATA_DIR") or ".haru").expanduser().absolute()
    names = [name.strip() for name in (asked.get("strategies") or "").split(",") if name.strip()]
    return Stage(
        folder=home / "demo",
        reports=home / "reports",
        seed=asked["seed"],
        workers=asked["workers"],
        speed=asked["speed"],
        keep=bool(asked["keep"]),
        rules=demo_rules(os.environ, names),
    )


def _within(least: int, greatest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= greatest:
            raise argparse.ArgumentTypeError(f"choose {least} to {greatest}")
        return value

    return number


def _parser() -> Parser:
    parser = Parser(prog="demo.py", description=say("Play a whole trading day, accelerated."))
    parser.add_argument("--seed", type=_within(0, 2**31), default=7, help=say("which market (default 7)"))
    workers = say("trading workers (default 5)")
    parser.add_argument("--workers", type=count, default=5, help=workers)
    speed = say("market seconds a second (default 180)")
    parser.add_argument("--speed", type=_within(1, 1000), default=180, help=speed)
    strategies = say("instead of the built-in ones; also your own")
    parser.add_argument("--strategies", metavar="NAMES", help=strategies)
    keep = say("leave everything running for the Web UI until Ctrl-C")
    parser.add_argument("--keep", action="store_true", help=keep)
    return parser


def main() -> int:
    """Return 0 when the broker agrees with our books completely, else 1; 130 when interrupted."""
    close_to_others()
    use_configured_language()
    asked = vars(_parser().parse_args())
    try:
        stage = stage_of(asked)
        return 0 if asyncio.run(play(stage, stdout_console())) else 1
    except EXPECTED_ERRORS as error:
        say_error("demo.py", say(explain(error)))
        return 1
    except KeyboardInterrupt:
        return 130
