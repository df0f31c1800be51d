"""One round: a folder of its own, the parts, the hosting processes, a day under the adversary, and the verdict."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx

from chaos.adversary import Adversary, Deed
from chaos.broker_side import BrokerSide
from chaos.processes import ROOT, Host
from chaos.schedule import schedule
from domain.identity import SIMULATED_ACCOUNT
from domain.money import Rate, Won
from domain.session import SessionPlan
from embedded.endpoints import Endpoints
from embedded.folder import hold_folder
from embedded.parts import EmbeddedParts
from operations.demo_rules import DEMO_RULES
from operations.fleet import Fleet
from operations.schedule import latest_close, schedule_close
from operations.starting import start_workers
from settings import load_settings
from starter import open_fleet
from verifier.reading import Simulated, Sources, read_books
from verifier.verdict import Verdict, judge
from workflows import attributes
from workflows.market_close import CloseOutcome

_SESSION: Final = timedelta(hours=6, minutes=30)
_OPENS: Final = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - Seoul's wall clock, as the setting takes it
_STARTING_UP: Final = 16.0
"""Real seconds that parts and hosting processes get before the session opens."""
QUIET_END: Final = 36.0
"""Real seconds before the session's end without a new fault: a lost reply alone takes 22 to be proven absent."""
_CLOSED_WITHIN: Final = 150.0
_OURS: Final = ("HARU_", "TEMPORAL_", "DATABASE_URL")
CHAOS_RULES: Final = replace(
    DEMO_RULES,
    strategy=replace(DEMO_RULES.strategy, momentum_rise=Rate("0.004"), momentum_volume_ratio=Decimal(1)),
    exits=replace(DEMO_RULES.exits, longest_holding=timedelta(minutes=20)),
    risk=replace(
        DEMO_RULES.risk,
        worker_daily_loss=Won(10_000_000),
        fleet_daily_loss=Won(50_000_000),
        trades_per_worker=100,
        cooldown_after_loss=timedelta(minutes=1),
        symbol_cooldown=timedelta(minutes=1),
    ),
)
"""Quick to buy and quick to sell, whatever it costs: the more orders, the more fall into the adversary's hands."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one round is played with; ``minutes`` is the real length of its session."""

    seed: int
    minutes: float
    processes: int
    workers: int

    @property
    def speed(self) -> int:
        """Return market seconds per real second."""
        return round(_SESSION.total_seconds() / (self.minutes * 60))

    @property
    def troubled(self) -> float:
        """Return the real seconds since the opening in which faults begin and end."""
        return max(self.minutes * 60 - QUIET_END, 0.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round went: what was done, what the broker's faults hit, how the day closed, and the verdict."""

    asked: Asked
    deeds: tuple[Deed, ...]
    hits: Mapping[str, int]
    closed: CloseOutcome | None
    verdict: Verdict
    seconds: float


async def play_round(asked: Asked, home: Path, tell: Callable[[str], None]) -> Outcome:
    """Play one day of a seed from an empty folder."""
    began = time.monotonic()
    folder = home / str(asked.seed)
    await _take_folder(folder)
    _move_into(folder, asked)
    async with EmbeddedParts(load_settings(), attributes.ALL) as parts:
        tell(f"seed {asked.seed}: {parts.endpoints}")
        async with _hosts(folder, parts.endpoints, asked) as hosts, open_fleet(load_settings()) as fleet:
            await start_workers(fleet, asked.workers, CHAOS_RULES)
            await schedule_close(fleet, CHAOS_RULES, fleet.market_now())
            deeds, hits = await _break(hosts, parts, fleet, asked, tell)
            tell("calm again; the day may end")
            closed = await _closed(fleet)
            verdict = await judge(lambda: read_books(_sources(fleet, parts.endpoints), _plan(fleet)))
    return Outcome(asked, deeds, hits, closed, verdict, time.monotonic() - began)


async def _break(
    hosts: Sequence[Host], parts: EmbeddedParts, fleet: Fleet, asked: Asked, tell: Callable[[str], None]
) -> tuple[tuple[Deed, ...], dict[str, int]]:
    loop = asyncio.get_running_loop()
    opens_in = fleet.clock.real_time(_plan(fleet).session.opens_at) - datetime.now(UTC)  # noqa: TID251 - real processes
    async with httpx.AsyncClient(base_url=str(parts.endpoints.simulator_url), timeout=5, trust_env=False) as client:
        adversary = Adversary(hosts, parts, BrokerSide(client, SIMULATED_ACCOUNT), fleet)
        acts = schedule(asked.seed, asked.troubled, asked.processes)
        opens_at = loop.time() + opens_in.total_seconds()
        deeds, hits = await asyncio.gather(
            adversary.play(
                acts, opens_at, lambda deed: tell(f"{deed.act.at:6.1f} s  {deed.act.kind}: {deed.fell_upon}")
            ),
            adversary.calm_broker(opens_at + asked.troubled),
        )
        await adversary.calm()
        return deeds, hits


async def _closed(fleet: Fleet) -> CloseOutcome | None:
    """Wait for the market close's result; None when it does not come in time, which the verdict will show."""
    try:
        async with asyncio.timeout(_CLOSED_WITHIN):
            while True:
                handle = await latest_close(fleet)
                if handle is not None:
                    return await handle.result()
                await asyncio.sleep(0.5)
    except TimeoutError:
        return None


@asynccontextmanager
async def _hosts(folder: Path, endpoints: Endpoints, asked: Asked) -> AsyncIterator[list[Host]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        "DATABASE_URL": str(endpoints.database_url),
        "TEMPORAL_ADDRESS": str(endpoints.temporal_address),
        "HARU_SIMULATOR__URL": str(endpoints.simulator_url),
        "HARU_DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    names = [f"host-{number}" for number in range(1, asked.processes + 1)]
    hosts = [Host(name, environment, folder / f"{name}.log") for name in names]
    try:
        for host in hosts:
            host.start()
        for host in hosts:
            await host.until_ready()
        yield hosts
    finally:
        await asyncio.shield(asyncio.gather(*(host.stop() for host in hosts)))


def _sources(fleet: Fleet, endpoints: Endpoints) -> Sources:
    simulated = Simulated(str(endpoints.simulator_url), SIMULATED_ACCOUNT)
    return Sources(fleet.client, fleet.database, simulated, fleet.account_id, fleet.clock)


def _plan(fleet: Fleet) -> SessionPlan:
    return fleet.plan_of_the_day(fleet.clock.market_anchor)


async def _take_folder(folder: Path) -> None:
    """Refuse while another round runs in the folder, then remove what an earlier one left."""
    hold = await hold_folder(folder)
    hold.release()
    shutil.rmtree(folder)
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs yet


def _move_into(folder: Path, asked: Asked) -> None:
    """Leave every configured thing behind: nothing here may lead to a real account."""
    os.chdir(folder)
    for name in [each for each in os.environ if each.startswith(_OURS)]:
        del os.environ[name]
    start = _OPENS - timedelta(seconds=_STARTING_UP) * asked.speed
    ports = dict.fromkeys(("POSTGRES", "TEMPORAL", "TEMPORAL_UI", "SIMULATOR"), "0")
    os.environ.update(
        {
            **{f"HARU_PORTS__{name}": port for name, port in ports.items()},
            "HARU_DATA_DIR": str(folder),
            "HARU_SIMULATOR__SPEED": str(asked.speed),
            "HARU_SIMULATOR__SEED": str(asked.seed),
            "HARU_SIMULATOR__START": start.replace(microsecond=0).isoformat(),
        }
    )
