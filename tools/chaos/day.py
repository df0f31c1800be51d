"""A day on real processes from an empty folder: parts, hosting processes, trading workers, and the close."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from temporalio.service import RPCError

from cli.demo.rules import DEMO_RULES
from database.migrations import apply
from domain.identity import SIMULATED_ACCOUNT
from domain.money import Won
from domain.rule_changes import as_settings
from domain.session import SessionPlan
from fleet.fleet import Fleet
from fleet.schedule import latest_close, schedule_close
from fleet.starting import start_workers
from runtime.embedded.endpoints import CONTROL_TOKEN, Endpoints
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.stage import set_stage, unconfigured
from runtime.opening import open_fleet
from runtime.settings import load_settings
from tools.chaos.network import Network, network_to
from tools.chaos.processes import Host
from verifier.broker_truth import Simulated
from verifier.reading import Sources
from workflows import attributes
from workflows.close_outcome import CloseOutcome

_SESSION: Final = timedelta(hours=6, minutes=30)
_OPENS: Final = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - KST wall clock, as the setting expects
_STARTING_UP: Final = 16.0
"""Real seconds for parts and hosting processes to start before the session opens."""
_CLOSED_WITHIN: Final = 150.0
CHAOS_RULES: Final = replace(
    DEMO_RULES,
    strategy=replace(DEMO_RULES.strategy, parameters=(("momentum.rise", "0.4%"), ("momentum.volume_ratio", "1"))),
    exits=replace(DEMO_RULES.exits, longest_holding=timedelta(minutes=20)),
    risk=replace(
        DEMO_RULES.risk,
        worker_daily_loss=Won(10_000_000),
        fleet_daily_loss=Won(50_000_000),
        trades_per_worker=100,
        cooldown_after_loss=timedelta(minutes=1),
        losses_in_a_row=0,
        symbol_cooldown=timedelta(minutes=1),
    ),
)
"""Buys and sells quickly at any cost: more orders give the adversary more targets."""


@dataclass(frozen=True, slots=True)
class DayAsked:
    """Parameters of a day; ``minutes`` is the real length of its session."""

    seed: int
    minutes: float
    processes: int
    workers: int

    @property
    def speed(self) -> int:
        """Return market seconds per real second."""
        return round(_SESSION.total_seconds() / (self.minutes * 60))

    def starts_at(self) -> datetime:
        """Return the KST wall-clock time at which the market starts, so that everything is up at the open."""
        return (_OPENS - timedelta(seconds=_STARTING_UP) * self.speed).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Day:
    """One running day; ``control`` is a client of the simulator's control API."""

    parts: EmbeddedParts
    hosts: list[Host]
    fleet: Fleet
    control: httpx.AsyncClient
    networks: list[Network]
    """Each hosting process's network, in the order of ``hosts``; used only on a cuttable day."""

    @property
    def plan(self) -> SessionPlan:
        """Return the session's deadlines (market time)."""
        return self.fleet.plan_of_the_day(self.fleet.clock.market_anchor)

    @property
    def sources(self) -> Sources:
        """Return the locations of the three books."""
        endpoints = self.parts.endpoints
        simulated = Simulated(str(endpoints.simulator_url), SIMULATED_ACCOUNT, endpoints.control_headers)
        return Sources(self.fleet.client, self.fleet.database, simulated, self.fleet.account_id, self.fleet.clock)

    async def closed(self) -> CloseOutcome | None:
        """Wait for the market close's result; None if it does not arrive in time, which the verdict reports."""
        try:
            async with asyncio.timeout(_CLOSED_WITHIN):
                while True:
                    # A server that has just restarted may still refuse.
                    with suppress(RPCError):
                        handle = await latest_close(self.fleet)
                        if handle is not None:
                            return await handle.result()
                    await asyncio.sleep(0.5)
        except TimeoutError:
            return None


@asynccontextmanager
async def running_day(asked: DayAsked, folder: Path, *, cuttable: bool = False) -> AsyncIterator[Day]:
    """Play a day from an empty folder, with workers started and the close scheduled.

    With ``cuttable`` each hosting process reaches the parts through its own network.
    """
    start = asked.starts_at().isoformat()
    await set_stage(folder, CHAOS_RULES, speed=asked.speed, seed=asked.seed, start=start)
    async with EmbeddedParts(load_settings(), attributes.ALL) as parts:
        url, headers = str(parts.endpoints.simulator_url), parts.endpoints.control_headers
        # The hosting processes do not have the table owner's password.
        await asyncio.to_thread(apply, str(parts.migration_url), parts.endpoints.database_url)
        async with (
            _hosts(folder, parts.endpoints, asked, cuttable=cuttable) as (hosts, networks),
            open_fleet(load_settings()) as fleet,
            httpx.AsyncClient(base_url=url, headers=headers, timeout=5, trust_env=False) as control,
        ):
            await start_workers(fleet, asked.workers, CHAOS_RULES)
            await schedule_close(fleet, CHAOS_RULES, fleet.market_now())
            yield Day(parts, hosts, fleet, control, networks)


@asynccontextmanager
async def _hosts(
    folder: Path, endpoints: Endpoints, asked: DayAsked, *, cuttable: bool
) -> AsyncIterator[tuple[list[Host], list[Network]]]:
    hosts: list[Host] = []
    networks: list[Network] = []
    addresses = _addresses(endpoints)
    configured = (
        unconfigured(folder) | as_settings(CHAOS_RULES) | addresses | {CONTROL_TOKEN: endpoints.control_token or ""}
    )
    async with AsyncExitStack() as stack:
        for number in range(1, asked.processes + 1):
            network, ways = await stack.enter_async_context(network_to(addresses if cuttable else {}))
            networks.append(network)
            hosts.append(Host(f"host-{number}", configured | ways, folder / f"host-{number}.log"))
        try:
            for host in hosts:
                host.start()
            for host in hosts:
                await host.until_ready()
            yield hosts, networks
        finally:
            await asyncio.shield(asyncio.gather(*(host.stop() for host in hosts)))


def _addresses(endpoints: Endpoints) -> dict[str, str]:
    return {
        "DATABASE_URL": str(endpoints.database_url),
        "TEMPORAL_ADDRESS": str(endpoints.temporal_address),
        "HARU_SIMULATOR__URL": str(endpoints.simulator_url),
    }
