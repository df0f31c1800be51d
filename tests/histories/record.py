"""Record the histories that replay: ``python -m tests.histories.record [--version VERSION] [NAME …]``.

Without names it records what the version lacks. It never overwrites: a change of code needs ``workflow.patched``.
"""

import argparse
import asyncio
import socket
import sys
import tempfile
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from database.migrations import apply
from domain.event_kind import EventKind
from domain.session import session_date_of
from runtime.embedded.ports import free_port
from runtime.embedded.process import Launcher
from runtime.embedded.temporal import DevServer, start_temporal
from tests.conftest import _with_database, running
from tests.histories.open_runs import OPEN
from tests.histories.open_runs import first_run as _first_run
from tests.histories.states import STATES
from tests.histories.sums import ROOT as RECORDINGS
from tests.histories.sums import add_recording, is_recorded
from tests.runtime.embedded.processes import ROOT
from tests.support.application_role import MAKE_ROLE, as_application
from tests.support.bare_postgres import start_postgres
from tests.support.builders import HYNIX
from tests.support.stepping import ACCOUNT
from tests.trials.journeys import running_market as running_market_module
from tests.trials.journeys.running_market import RunningMarket, running_market, until
from workflows.trading_worker import TradingWorkerWorkflow

_SPEED, _LONGEST_WAIT = 20, 300.0
"""Slower than the tests' market: on a busy machine prices would be old in market time."""
_MORNING: Final = "2026-11-23 10:00"
_IN_THE_AFTERNOON: Final = "2026-11-23 14:48"
_BEFORE_THE_CUT_OFF: Final = "2026-11-23 14:54"

Run = WorkflowHandle[Any, Any]
Story = Callable[[RunningMarket], Awaitable[dict[str, Run] | dict[str, WorkflowHistory]]]


async def take_profit(market: RunningMarket) -> dict[str, Run]:
    """Buy, hold, sell at the target."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        market.price_moves(0.06)
        return {"take_profit": await _over(run)}


async def stop_loss(market: RunningMarket) -> dict[str, Run]:
    """Buy, hold, sell below the stop."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        market.price_moves(-0.05)
        return {"stop_loss": await _over(run)}


async def sold_by_the_watch(market: RunningMarket) -> dict[str, Run]:
    """Buy, hold, follow the order that the watch has sent below the stop."""
    return {"sold_by_the_watch": (await stop_loss(market))["stop_loss"]}


async def lost_reply_to_the_watch(market: RunningMarket) -> dict[str, Run]:
    """Lose the reply to the order of the watch, find it in the broker's list, follow it."""
    market.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="sell")
    return {"lost_reply_to_the_watch": (await stop_loss(market))["stop_loss"]}


async def lost_submit(market: RunningMarket) -> dict[str, Run]:
    """Lose the reply to the buy, find it in the broker's list, continue."""
    market.simulation.add_fault(kind="drop_reply_after", path="order-cash", side="buy")
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        market.price_moves(-0.05)
        return {"lost_submit": await _over(run)}


async def restarted_while_holding(market: RunningMarket) -> dict[str, Run]:
    """Hold, lose the hosting process, let the next one watch again."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
    market.price_moves(-0.05)
    async with market.hosted():
        return {"restarted_while_holding": await _over(run)}


async def liquidated_by_the_close(market: RunningMarket) -> dict[str, Run]:
    """Hold until the market close orders the sale, and continue to the day's end."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        close = await market.start_close()
        await _over(run)
        await close.result()
        return {"liquidated_by_the_close": run, "market_close": close}


async def market_close_seizes(market: RunningMarket) -> dict[str, Run]:
    """Sell by the close the shares of a worker that makes no progress."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.terminate("a bug keeps it from moving")
        close = await market.start_close()
        await close.result()
        return {"market_close_seizes": close}


async def market_close_into_the_evening(market: RunningMarket) -> dict[str, Run]:
    """Find no buyer until the session is over, and sell at the closing price."""
    date = session_date_of(market.clock.market_anchor)

    async def recorded(kind: EventKind) -> None:
        async def is_recorded() -> bool:
            return await market.database.events.counts(ACCOUNT, date, kind) > 0

        await until(is_recorded, kind)

    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.terminate("a bug keeps it from moving")
        market.simulation.set_conditions(HYNIX, no_bids=True)
        close = await market.start_close()
        await recorded(EventKind.POSITION_SEIZED)
        await recorded(EventKind.POSITION_UNSOLD_AT_CLOSE)
        market.simulation.set_conditions(HYNIX, no_bids=False)
        await close.result()
        return {"market_close_into_the_evening": close}


async def sells_what_was_carried(market: RunningMarket) -> dict[str, Run]:
    """Find shares of the previous session in the morning, and sell them first."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.terminate("the session before has ended")
    await market.database._pool.execute("UPDATE positions SET session_date = session_date - 3")
    await market.database._pool.execute("UPDATE stock_locks SET expires_at = clock_timestamp()")
    async with market.hosted():
        return {"sells_what_was_carried": await _over(await _first_run(market))}


async def rules_change_while_holding(market: RunningMarket) -> dict[str, Run]:
    """Hold, receive another stop from the operator, sell at the target."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "1%"})
        market.price_moves(0.06)
        return {"rules_change_while_holding": await _over(run)}


async def rules_change_while_scanning(market: RunningMarket) -> dict[str, Run]:
    """Wait for an offer, receive other rules from the operator, buy, sell at the target."""
    await market.database.risk.press_kill_switch(ACCOUNT, "the recording", "no entry yet")

    async def waits() -> bool:
        return bool(await market.database.scan_wishes.of_account(ACCOUNT))

    async with market.hosted():
        run = await _first_run(market)
        await until(waits, "a worker waits for an offer")
        await run.execute_update(TradingWorkerWorkflow.change_rules, {"exits.stop_loss": "1%"})
        await market.database.risk.lift_kill_switch(ACCOUNT, "the recording")
        await market.holds()
        market.price_moves(0.06)
        return {"rules_change_while_scanning": await _over(run)}


async def stopped_while_holding(market: RunningMarket) -> dict[str, Run]:
    """Hold, receive a stop command, answer when flat."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.execute_update("stop")
        return {"stopped_while_holding": await _over(run)}


async def cancelled_while_holding(market: RunningMarket) -> dict[str, Run]:
    """Hold, be cancelled at Temporal, sell, and end."""
    async with market.hosted():
        run = await _first_run(market)
        await market.holds()
        await run.cancel()
        return {"cancelled_while_holding": await _over(run)}


async def close_waits_for_its_deadline(market: RunningMarket) -> dict[str, Run]:
    """Begin long before the deadline, as a stale schedule does; wait for it, and find nothing to sell."""
    scheduled_for = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
    due = SearchAttributePair(scheduled_for, market.clock.real_anchor)
    async with market.hosted():
        close = await market.start_close(search_attributes=TypedSearchAttributes([due]))
        await close.result()
        return {"close_waits_for_its_deadline": close}


STORIES: Final[dict[str, tuple[Story, str]]] = {
    "take_profit": (take_profit, _MORNING),
    "stop_loss": (stop_loss, _MORNING),
    "sold_by_the_watch": (sold_by_the_watch, _MORNING),
    "lost_reply_to_the_watch": (lost_reply_to_the_watch, _MORNING),
    "lost_submit": (lost_submit, _MORNING),
    "restarted_while_holding": (restarted_while_holding, _MORNING),
    "liquidated_by_the_close": (liquidated_by_the_close, _BEFORE_THE_CUT_OFF),
    "sells_what_was_carried": (sells_what_was_carried, _MORNING),
    "rules_change_while_holding": (rules_change_while_holding, _MORNING),
    "rules_change_while_scanning": (rules_change_while_scanning, _MORNING),
    "stopped_while_holding": (stopped_while_holding, _MORNING),
    "cancelled_while_holding": (cancelled_while_holding, _MORNING),
    "close_waits_for_its_deadline": (close_waits_for_its_deadline, _IN_THE_AFTERNOON),
    "market_close_seizes": (market_close_seizes, _BEFORE_THE_CUT_OFF),
    "market_close_into_the_evening": (market_close_into_the_evening, _IN_THE_AFTERNOON),
    **OPEN,
    **STATES,
}


async def _over(run: Run) -> Run:
    async def is_over() -> bool:
        return (await run.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(is_over, "end of the run")
    return run


async def _record(name: str, folder: Path, temporal: str, postgres: str) -> None:
    play, begins = STORIES[name]
    database = f"story_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    url = _with_database(postgres, database)
    await asyncio.to_thread(apply, url, as_application(url))
    async with running_market(temporal, url, begins) as market:
        for file_name, seen in (await play(market)).items():
            history = seen if isinstance(seen, WorkflowHistory) else await seen.fetch_history()
            path = add_recording(folder, file_name, _anonymous(history.to_json()) + "\n")
            sys.stdout.write(f"{path}\n")


def _anonymous(history: str) -> str:
    """Remove the identity of the recording machine."""
    return history.replace(f"{ROOT}/", "").replace(socket.gethostname(), "host")


def _project_version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def main(words: list[str]) -> None:
    """Record the named scenarios of a version, or those that it lacks."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.record")
    parser.add_argument("--version", default=_project_version(), help="folder of the recordings")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(STORIES)}")
    asked = parser.parse_args(words)
    recordings = RECORDINGS / asked.version
    names = asked.names or [name for name in STORIES if not is_recorded(recordings, name)]
    for name in names:
        if name not in STORIES:
            parser.error(f"there is no story {name}")
        if is_recorded(recordings, name):
            parser.error(f"{name} of {asked.version} is recorded: use workflow.patched, or name a new --version")
    server = DevServer(port=free_port(), ui_port=None)

    def postgres(launcher: Launcher) -> Awaitable[str]:
        return start_postgres(launcher, free_port())

    def temporal(launcher: Launcher) -> Awaitable[str]:
        return start_temporal(launcher, server)

    running_market_module.SPEED, running_market_module._LIMIT = _SPEED, _LONGEST_WAIT
    with tempfile.TemporaryDirectory() as folder:
        for part in ("postgres", "temporal"):
            (Path(folder) / part).mkdir(mode=0o755)
        Path(folder).chmod(0o755)
        with running(Path(folder) / "postgres", postgres) as url, running(Path(folder) / "temporal", temporal) as where:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(MAKE_ROLE.encode())
            for name in names:
                asyncio.run(_record(name, recordings, where, url))


if __name__ == "__main__":
    main(sys.argv[1:])
