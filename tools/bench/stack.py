"""The measured system: embedded parts in their own folder, hosting processes, and workers that trade on command."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from database.migrations import apply
from domain.identity import WorkerId
from domain.market import Symbol
from domain.money import Rate, Won
from domain.position import OpenPosition
from domain.rule_changes import as_settings
from domain.rules import ExecutionRules, ExitRules, RiskRules, StrategyRules, TradingRules, UniverseRules
from domain.worker_state import WorkerLife
from fleet.fleet import Fleet
from fleet.starting import start_worker
from runtime.account_names import key_fingerprint
from runtime.embedded.endpoints import CONTROL_TOKEN, Endpoints
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.stage import set_stage, unconfigured
from runtime.opening import open_fleet
from runtime.settings import Settings, load_settings
from tools.bench.market import Market
from tools.bench.watches import Watch, watch_by
from tools.chaos.processes import ROOT, Host
from workflows import attributes
from workflows.identity import worker_name

_LISTED: Final = 100
_LISTED_QUICKLY: Final = 30
"""Few, because the simulator takes a while to draw a stock's past."""
_HOSTS_QUICKLY: Final = 2
_LOOK: Final = 0.05
_RATE: Final = "HARU_BROKER__CALLS_PER_SECOND"
_NO_LIMIT: Final = Won(10**12)
_SYMBOLS: Final = tuple(
    Symbol(code) for code in ("005930", "034020", "042660", "010140", "015760", "011200", "272210", "086520")
)
"""Busy stocks below 100,000 won, one per worker: an order of a few shares always fills."""
RULES: Final = TradingRules(
    strategy=StrategyRules(names=("volatility_breakout",), parameters=(("volatility_breakout.factor", "0.01"),)),
    exits=ExitRules(trend_break=Rate("0"), longest_holding=timedelta(0)),
    risk=RiskRules(
        capital_per_trade=Won(400_000),
        worker_daily_loss=_NO_LIMIT,
        fleet_daily_loss=_NO_LIMIT,
        trades_per_worker=10**6,
        cooldown_after_loss=timedelta(0),
        losses_in_a_row=0,
        symbol_cooldown=timedelta(0),
    ),
    execution=ExecutionRules(scan_interval=timedelta(seconds=1)),
)
"""The default rules without limits that a hundred trades would reach, for a market that trades on command."""


class NothingHappenedError(Exception):
    """An awaited event did not happen in time."""


@dataclass(frozen=True, slots=True)
class Start:
    """A stack's initial market: number of stocks, KST time, the account's cash (won), and an optional call rate."""

    listings: int
    at: str = "2026-11-23T09:30:00"
    cash: int = 100_000_000
    calls_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Trader:
    """A trading worker and the only stock that it trades."""

    worker_id: WorkerId
    symbol: Symbol


@dataclass(slots=True)
class Stack:
    """One running system. Benchmarks use it one after another."""

    folder: Path
    endpoints: Endpoints
    fleet: Fleet
    market: Market
    quick: bool
    owner_url: str
    """The database URL of the role that may create tables."""
    hosts: list[Host] = field(default_factory=list)
    _traders: list[Trader] = field(default_factory=list)

    async def host_by(self, count: int) -> list[Host]:
        """Run exactly ``count`` hosting processes and return them; in quick mode always the same number."""
        count = _HOSTS_QUICKLY if self.quick else count
        while len(self.hosts) < count:
            name = f"host-{len(self.hosts) + 1}"
            log = self.folder / f"{name}.log"
            # Not the adversary's host, whose clock looks into a file each time it is read.
            self.hosts.append(Host(name, self.environment(), log, program=(str(ROOT / "worker.py"),)))
        for host in self.hosts[:count]:
            host.start()
        await asyncio.gather(*(host.stop() for host in self.hosts[count:]))
        await asyncio.gather(*(host.until_ready() for host in self.hosts[:count]))
        return self.hosts[:count]

    @asynccontextmanager
    async def hosted_with(self, name: str, **changes: str) -> AsyncIterator[Host]:
        """Run one hosting process with other settings while the block runs, in place of all others."""
        await asyncio.gather(*(host.stop() for host in self.hosts))
        host = Host(name, self.environment() | changes, self.folder / f"{name}.log", program=(str(ROOT / "worker.py"),))
        host.start()
        try:
            await host.until_ready()
            yield host
        finally:
            await host.stop()

    async def traders(self, count: int) -> list[Trader]:
        """Return ``count`` workers that wait for a breakout of their stock; start them on first use."""
        for number in range(len(self._traders) + 1, count + 1):
            trader = Trader(worker_name(number), _SYMBOLS[number - 1])
            await self.market.falls(trader.symbol)
            rules = replace(RULES, universe=UniverseRules(ranking_size=0, symbols=(trader.symbol,)))
            await start_worker(self.fleet, WorkerLife(self.fleet.account_id, trader.worker_id, rules, self.fleet.clock))
            self._traders.append(trader)
        return self._traders[:count]

    async def until_holding(self, trader: Trader) -> OpenPosition:
        """Make the stock break out, wait until its worker watches shares of it, and return the position."""
        await self.market.rises(trader.symbol)
        await until(lambda: self._watches(trader), f"{trader.worker_id} watches {trader.symbol}")
        position = await self.fleet.database.positions.held_by(self.fleet.account_id, trader.worker_id)
        if position is None:
            raise NothingHappenedError(f"{trader.worker_id} has lost {trader.symbol} again")
        return position

    async def until_flat(self, trader: Trader) -> None:
        """Wait until the worker's last trade is booked."""
        await until(lambda: self._is_flat(trader), f"{trader.worker_id} has sold {trader.symbol}")

    async def _watches(self, trader: Trader) -> bool:
        return (await self.watch_of(trader)).is_running

    async def watch_of(self, trader: Trader) -> Watch:
        """Return the current watch of a worker's position."""
        watches = self.fleet.database.market_watches
        return watch_by(await watches.owner_of(self.fleet.account_id, trader.worker_id))

    async def _is_flat(self, trader: Trader) -> bool:
        return await self.fleet.database.positions.live_of(self.fleet.account_id, trader.worker_id) is None

    def environment(self) -> dict[str, str]:
        """Return the environment of a host of this stack, and of ``starter.py`` beside it."""
        return (
            unconfigured(self.folder)
            | as_settings(RULES)
            | {
                "DATABASE_URL": str(self.endpoints.database_url),
                "TEMPORAL_ADDRESS": str(self.endpoints.temporal_address),
                "HARU_SIMULATOR__URL": str(self.endpoints.simulator_url),
                CONTROL_TOKEN: self.endpoints.control_token or "",
                _RATE: os.environ.get(_RATE, ""),
            }
        )


async def until(
    condition: Callable[[], Awaitable[bool]], what: str, limit: float = 90.0, *, every: float = _LOOK
) -> None:
    """Wait up to ``limit`` real seconds for a condition.

    Raises:
        NothingHappenedError: the condition did not become true.
    """
    try:
        async with asyncio.timeout(limit):
            while not await condition():
                await asyncio.sleep(every)
    except TimeoutError:
        raise NothingHappenedError(f"{what}: not within {limit:.0f} s") from None


@asynccontextmanager
async def running_stack(folder: Path, *, quick: bool, start: Start | None = None) -> AsyncIterator[Stack]:
    """Run the parts in an empty folder. Hosting processes start with the first benchmark that needs them."""
    start = start or Start(_LISTED_QUICKLY if quick else _LISTED)
    await set_stage(folder, RULES, speed=1, start=start.at, listings=start.listings, opening_cash=start.cash)
    if start.calls_per_second is not None:
        os.environ[_RATE] = str(start.calls_per_second)
    settings = load_settings()
    async with EmbeddedParts(settings, attributes.ALL) as parts:
        await asyncio.to_thread(apply, str(parts.migration_url), parts.endpoints.database_url)
        async with _connected(settings, parts.endpoints) as (fleet, market):
            stack = Stack(folder, parts.endpoints, fleet, market, quick, str(parts.migration_url))
            try:
                yield stack
            finally:
                await asyncio.shield(asyncio.gather(*(host.stop() for host in stack.hosts)))


@asynccontextmanager
async def _connected(settings: Settings, endpoints: Endpoints) -> AsyncIterator[tuple[Fleet, Market]]:
    url, headers = str(endpoints.simulator_url), endpoints.control_headers
    async with (
        open_fleet(settings) as fleet,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as client,
    ):
        await fleet.database.accounts.pin(fleet.account_id, fleet.environment, key_fingerprint(settings))
        market = Market(client, fleet.clock)
        await market.learn_opens()
        yield fleet, market
