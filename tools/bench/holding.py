"""Cost of holding N positions: processor, memory, time from a price to its sale, and to a watch after kill -9."""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from domain.market import Symbol
from simulator.listings import MOST_LISTINGS
from tools.bench.figures import Figure
from tools.bench.heartbeats import heartbeats_a_second
from tools.bench.holdings import Lot, choose, give, until_held
from tools.bench.market import real_now
from tools.bench.stack import NothingHappenedError, Stack, Start, running_stack, until
from tools.bench.usage import processor_seconds, resident_kilobytes, shares
from tools.chaos.processes import Host

_PROCESSES: Final = 2
_RATE: Final = 18
_CASH: Final = 10**11
_BELOW_THE_STOP: Final = 0.955
_SALES: Final = 40
_SALES_QUICKLY: Final = 2
_BETWEEN_FALLS: Final = 0.5
_SECONDS: Final = 30.0
_SECONDS_QUICKLY: Final = 2.0
_SETTLES: Final = 10.0
"""Real seconds after the last worker holds, before anything is measured."""
_LISTED_BESIDE: Final = 6
_CORE_AIM: Final = 0.30
_MEMORY_AIM: Final = 60.0
_WATCHED_AIM: Final = 2.5


@dataclass(frozen=True, slots=True)
class Kept:
    """How many positions to hold, and whether only to show that it works."""

    count: int = 100
    quick: bool = False


async def measure(folder: Path, wanted: Kept) -> list[Figure]:
    """Hold the positions in a market that stands still, measure, then let some fall and kill a host."""
    count = wanted.count
    listings = min(count + count // 4 + _LISTED_BESIDE, MOST_LISTINGS)
    market = Start(listings, "2026-11-23T10:00:00", _CASH, _RATE)
    async with running_stack(folder, quick=wanted.quick, start=market) as stack:
        lots = await choose(stack, count)
        await give(stack, lots[: count // 2], paused=True)
        hosts = await stack.host_by(_PROCESSES)
        grown = await _grown(stack, hosts, lots, _SECONDS_QUICKLY if wanted.quick else _SETTLES)
        used = await _used(_SECONDS_QUICKLY if wanted.quick else _SECONDS)
        beats = await heartbeats_a_second(stack.fleet, _SECONDS_QUICKLY if wanted.quick else _SETTLES)
        sold = await sales_after_falls(stack, lots[:: max(count // (_SALES_QUICKLY if wanted.quick else _SALES), 1)])
        watched = await _watched_again(stack, hosts, lots[-1])
    name = f"{wanted.count} held"
    cores = sum(used.get(part, 0.0) for part in ("hosts", "Temporal", "PostgreSQL"))
    return [
        Figure("hold", f"{name}: hosts, Temporal and PostgreSQL", "cores", (cores,), aim=_CORE_AIM),
        *(Figure("hold", f"{name}: {part}", "cores", (share,)) for part, share in used.items()),
        Figure("hold", f"{name}: memory of the hosts for one more", "kB", (grown,), aim=_MEMORY_AIM),
        Figure("hold", f"{name}: heartbeats a second that reach Temporal", "beats", (beats,)),
        Figure("hold", f"{name}: price crosses the stop → sale at the broker", "s", sold, aim=1.0),
        Figure("hold", f"{name}: kill -9 → all watched again", "s", (watched,), aim=_WATCHED_AIM),
    ]


async def _grown(stack: Stack, hosts: Sequence[Host], lots: Sequence[Lot], settles: float) -> float:
    """Let the second half of the workers hold too; return what each of them adds to processes that are warm."""
    half = len(lots) // 2
    await until_held(stack, half)
    await asyncio.sleep(settles)
    before = _memory(hosts)
    await give(stack, lots[half:], paused=True)
    await until_held(stack, len(lots))
    await asyncio.sleep(settles)
    return max(_memory(hosts) - before, 0.0) / (len(lots) - half)


async def _used(seconds: float) -> dict[str, float]:
    before, began = processor_seconds(), asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    return shares(before, processor_seconds(), asyncio.get_running_loop().time() - began)


def _memory(hosts: Sequence[Host]) -> float:
    return sum(resident_kilobytes(host.pid) for host in hosts if host.pid is not None)


async def sales_after_falls(stack: Stack, lots: Sequence[Lot]) -> tuple[float, ...]:
    """Let the prices fall one after the other; return the seconds until each sale is at the broker, by its clock."""
    fell: dict[Symbol, datetime] = {}
    for lot in lots:
        fell[lot.symbol] = real_now()
        await stack.market.stands_still(lot.symbol, round(lot.price * _BELOW_THE_STOP))
        await asyncio.sleep(_BETWEEN_FALLS)
    sold: dict[Symbol, datetime] = {}

    async def all_sold() -> bool:
        sold.update({each.symbol: each.at for each in reversed(await stack.market.sales())})
        return sold.keys() >= fell.keys()

    await until(all_sold, "all that fell are sold", every=0.5)
    return tuple((sold[symbol] - at).total_seconds() for symbol, at in fell.items())


async def _watched_again(stack: Stack, hosts: Sequence[Host], lot: Lot) -> float:
    """Kill a process that watches; return the seconds until the other one watches every position."""
    watches = stack.fleet.database.market_watches
    first = await watches.owner_of(stack.fleet.account_id, lot.worker_id)
    victim = next((host for host in hosts if first is not None and first[0].startswith(f"{host.pid}@")), None)
    if victim is None or first is None:
        raise NothingHappenedError(f"no process watches {lot.symbol}")
    at, gone = real_now(), f"{victim.pid}@"
    victim.signal(signal.SIGKILL)
    latest: list[datetime] = []

    async def all_watched() -> bool:
        owners = await watches.owners(stack.fleet.account_id)
        latest[:] = [since for _, since in owners]
        return all(not owner.startswith(gone) for owner, _ in owners)

    await until(all_watched, "every shard is watched again")
    await victim.until_ended()
    return (max(latest) - at).total_seconds()
