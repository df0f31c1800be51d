"""The stage of a rollout: parts, hosts of several builds, workers that buy and sell on command, and the verbs."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from domain.market import Symbol
from domain.rules import UniverseRules
from domain.session import SessionDate
from fleet.starting import start_workers
from tools.bench.stack import RULES, NothingHappenedError, Stack, Start, running_stack, until
from tools.chaos.processes import Host
from tools.rollout.trees import Tree
from tools.rollout.watched import Sampler, sampling
from workflows.identity import TRADING_WORKER

_LISTED_BESIDE: Final = 10
_CASH: Final = 10**11
_RATE: Final = 18
_DEAREST: Final = 350_000
"""Won. Each trade buys at least one share for the capital of a trade."""
_FELL_TO: Final = 0.962
_LONGEST: Final = 300.0
"""Real seconds for which a step may take on a busy machine."""


class VerbFailedError(Exception):
    """A verb of ``starter.py`` has failed; the text quotes it."""


@dataclass(slots=True)
class Stage:
    """A running fleet. ``symbols`` are its stocks, one for each worker."""

    stack: Stack
    sampler: Sampler
    symbols: tuple[Symbol, ...]
    log: Callable[[str], None]
    hosts: dict[str, Host] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def phase(self, name: str) -> None:
        """Name what happens from now on."""
        self.sampler.phase = name
        self.log(f"{time.monotonic() - self.began:6.1f} s  {name}")

    async def start(self, tree: Tree, *numbers: int) -> None:
        """Start hosts of a build, and wait until each is ready."""
        started = []
        for number in numbers:
            name = f"{tree.name}-{number}"
            if name not in self.hosts:
                program = (str(tree.folder / "worker.py"),)
                log = self.stack.folder / f"host-{name}.log"
                self.hosts[name] = Host(name, self._environment(tree), log, program=program)
            self.hosts[name].start()
            started.append(self.hosts[name].until_ready())
        await asyncio.gather(*started)

    async def stop(self, tree: Tree, *numbers: int) -> None:
        """Let hosts of a build drain and end, one after the other."""
        for number in numbers:
            await self.hosts[f"{tree.name}-{number}"].stop()

    async def kill(self, tree: Tree, number: int) -> None:
        """Kill a host of a build (-9)."""
        host = self.hosts[f"{tree.name}-{number}"]
        host.signal(signal.SIGKILL)
        await host.until_ended()

    async def verb(self, tree: Tree, *words: str) -> str:
        """Run ``starter.py`` with the code of a build; return what it printed.

        Raises:
            VerbFailedError: it ended with another code than 0.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(tree.folder / "starter.py"), *words),
            cwd=tree.folder,
            env=self._environment(tree),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_LONGEST):
                printed = (await process.communicate())[0].decode(errors="replace").strip()
        except TimeoutError:
            process.kill()
            raise VerbFailedError(
                f"starter.py {' '.join(words)} of {tree.name}: not over in {_LONGEST:.0f} s"
            ) from None
        self.log(f"  $ starter.py {' '.join(words)}  ({tree.name}): {printed}")
        if process.returncode:
            raise VerbFailedError(f"starter.py {' '.join(words)} of {tree.name}: {printed}")
        return printed

    async def start_workers(self) -> None:
        """Start one worker for each stock; each may buy any of them, none has broken out yet."""
        await asyncio.gather(*(self.stack.market.falls(symbol) for symbol in self.symbols))
        universe = UniverseRules(ranking_size=0, symbols=self.symbols)
        await start_workers(self.stack.fleet, len(self.symbols), replace(RULES, universe=universe))

    async def rise(self, symbols: Sequence[Symbol]) -> None:
        """Let stocks break out, and wait until every one of them is held and watched."""
        await asyncio.gather(*(self.stack.market.rises(symbol) for symbol in symbols))
        await self._until(lambda: self._holds(set(symbols)), f"{len(symbols)} more are held and watched")

    async def fall(self, symbols: Sequence[Symbol]) -> None:
        """Let stocks fall below the stop, and wait until the trade of each is booked."""
        await asyncio.gather(*(self.stack.market.falls(symbol, _FELL_TO) for symbol in symbols))
        await self._until(lambda: self._sold(set(symbols)), f"{len(symbols)} are sold by their stops")

    async def until_failing(self, count: int) -> None:
        """Wait until so many runs have had no task that completed, as Temporal's pending tasks show."""
        await self._until(lambda: self._are_failing(count), f"{count} runs whose first task fails")

    async def trades(self) -> int:
        """Return how many trades are booked."""
        fleet = self.stack.fleet
        return len(await fleet.database.trades.on(fleet.account_id, self.date))

    @property
    def date(self) -> SessionDate:
        """Return the session's date."""
        fleet = self.stack.fleet
        return fleet.plan_of_the_day(fleet.clock.market_anchor).session.date

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        await until(condition, what, _LONGEST, every=0.25)

    async def _are_failing(self, count: int) -> bool:
        client, failing = self.stack.fleet.client, 0
        async for run in client.list_workflows(f"WorkflowType = '{TRADING_WORKER}' AND ExecutionStatus = 'Running'"):
            handle = client.get_workflow_handle(run.id, run_id=run.run_id)
            failing += (await handle.describe()).raw_description.pending_workflow_task.attempt > 1
        return failing >= count

    async def _holds(self, symbols: set[Symbol]) -> bool:
        fleet = self.stack.fleet
        held = await fleet.database.positions.held_in(fleet.account_id)
        watched = set(await fleet.database.market_watches.workers(fleet.account_id))
        return symbols <= {each.symbol for each in held if each.worker_id in watched}

    async def _sold(self, symbols: set[Symbol]) -> bool:
        fleet = self.stack.fleet
        return symbols.isdisjoint(each.symbol for each in await fleet.database.positions.live_in(fleet.account_id))

    def _environment(self, tree: Tree) -> dict[str, str]:
        ours = self.stack.environment()
        return ours | {
            "PYTHONPATH": os.pathsep.join([str(tree.folder), ours["PYTHONPATH"]]),
            "HARU_DATABASE_MIGRATION_URL": self.stack.owner_url,
        }


@asynccontextmanager
async def staged(folder: Path, count: int, log: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Run the parts in an empty folder, with a stock for each of ``count`` workers, and sample the watches."""
    listings = count + count // 4 + _LISTED_BESIDE
    market = Start(listings, "2026-11-23T10:00:00", _CASH, _RATE)
    async with running_stack(folder, quick=False, start=market) as stack:
        symbols = await _symbols(stack, count)
        async with sampling(stack.owner_url, stack.fleet.account_id) as sampler:
            stage = Stage(stack, sampler, symbols, log)
            try:
                yield stage
            finally:
                await asyncio.shield(asyncio.gather(*(host.stop() for host in stage.hosts.values())))


async def _symbols(stack: Stack, count: int) -> tuple[Symbol, ...]:
    calm = [each for each in await stack.market.stocks() if not each["flags"] and not each["pause"]]
    payable = [each for each in calm if each["price"] <= _DEAREST]
    stocks = sorted(payable, key=lambda each: -each["turnover"])[:count]
    if len(stocks) < count:
        raise NothingHappenedError(f"only {len(stocks)} of {count} stocks trade")
    return tuple(Symbol(each["symbol"]) for each in stocks)
