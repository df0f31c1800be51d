"""Cost of the page: N browsers that watch a fleet that holds many positions, and what they add to a sale's delay."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tools.bench.figures import Figure
from tools.bench.holding import Kept, sales_after_falls
from tools.bench.holdings import choose, give, until_held
from tools.bench.stack import NothingHappenedError, Stack, Start, running_stack, until
from tools.bench.usage import processor_seconds, resident_kilobytes, shares
from tools.chaos.processes import ROOT

POSITIONS: Final = 200
_BROWSERS: Final = 20
_BROWSERS_QUICKLY: Final = 2
_SALES: Final = 20
_SALES_QUICKLY: Final = 1
_LISTED_BESIDE: Final = 40
_SECONDS: Final = 30.0
_SECONDS_QUICKLY: Final = 3.0
_STARTS_WITHIN: Final = 60.0
_TRADING: Final = ("hosts", "Temporal", "PostgreSQL")
_PATIENT: Final = httpx.Timeout(30.0, read=None)


@dataclass(slots=True)
class _Received:
    """What the browsers have received: events with parts of the page, and bytes."""

    events: int = 0
    size: int = 0
    first: int = 0
    """Bytes of the largest first event, which holds the whole page."""
    open: int = 0
    """Browsers that have the whole page."""


async def measure(folder: Path, wanted: Kept) -> list[Figure]:
    """Hold the positions, sell some, open the pages, measure, and sell as many again."""
    sales = _SALES_QUICKLY if wanted.quick else _SALES
    browsers = _BROWSERS_QUICKLY if wanted.quick else _BROWSERS
    seconds = _SECONDS_QUICKLY if wanted.quick else _SECONDS
    market = Start(wanted.count + _LISTED_BESIDE, "2026-11-23T10:00:00", 10**11, 18)
    async with running_stack(folder, quick=wanted.quick, start=market) as stack:
        lots = await choose(stack, wanted.count)
        await give(stack, lots, paused=True)
        await stack.host_by(2)
        await until_held(stack, len(lots))
        without = await _used(seconds)
        alone = await sales_after_falls(stack, lots[:sales])
        async with _page(stack) as (process, address):
            async with _watched_by(address, browsers) as received:
                await until(lambda: _all_see(received, browsers), f"{browsers} browsers see the page")
                events, size = received.events, received.size
                used = await _used(seconds)
                events, size = received.events - events, received.size - size
                beside = await sales_after_falls(stack, lots[sales : 2 * sales])
            memory = resident_kilobytes(process.pid)
    name = f"{browsers} browsers, {wanted.count} positions"
    trades = ", ".join(_TRADING)
    crosses = "price crosses the stop → sale at the broker"
    return [
        Figure("page", f"{name}: the page's process", "cores", (used.get("page", 0.0),)),
        Figure("page", f"without browsers: {trades}", "cores", (_together(without),)),
        Figure("page", f"{name}: {trades}", "cores", (_together(used),)),
        Figure("page", f"{name}: memory of the page's process", "kB", (memory,)),
        Figure("page", f"{name}: events a second to a browser", "events", (events / seconds / browsers,)),
        Figure("page", f"{name}: bytes a second to a browser", "bytes", (size / seconds / browsers,)),
        Figure("page", f"{name}: bytes of the whole page's state", "bytes", (float(received.first),)),
        Figure("page", f"without browsers: {crosses}", "s", alone),
        Figure("page", f"{name}: {crosses}", "s", beside, floor=sorted(alone)[len(alone) // 2]),
    ]


def _together(cores: Mapping[str, float]) -> float:
    return sum(cores.get(part, 0.0) for part in _TRADING)


async def _used(seconds: float) -> dict[str, float]:
    before, began = processor_seconds(), asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    return shares(before, processor_seconds(), asyncio.get_running_loop().time() - began)


@asynccontextmanager
async def _page(stack: Stack) -> AsyncIterator[tuple[Process, str]]:
    """Run the page's process; yield it and its link."""
    command = (sys.executable, str(ROOT / "starter.py"), "web", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, env=stack.environment(), stdout=PIPE, cwd=stack.folder)
    try:
        yield process, await _link(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def _link(process: Process) -> str:
    """Return the link that the page's process prints."""
    if process.stdout is not None:
        async with asyncio.timeout(_STARTS_WITHIN):
            async for line in process.stdout:
                if line.startswith(b"http://"):
                    return line.decode().strip()
    raise NothingHappenedError(f"the page did not start: exit {await process.wait()}")


@asynccontextmanager
async def _watched_by(address: str, browsers: int) -> AsyncIterator[_Received]:
    """Open the link in so many clients that read the page's events, as browsers do."""
    received = _Received()
    tasks = [asyncio.create_task(_browse(address, received)) for _ in range(browsers)]
    try:
        yield received
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _browse(address: str, received: _Received) -> None:
    async with httpx.AsyncClient(follow_redirects=True, trust_env=False, timeout=_PATIENT) as client:
        page = await client.get(address)
        page.raise_for_status()
        async with client.stream("GET", page.url.join("live")) as events:
            events.raise_for_status()
            is_first = True
            async for line in events.aiter_lines():
                if not line.startswith("data:"):
                    continue
                received.events += 1
                received.size += len(line.encode())
                if is_first:
                    received.open += 1
                    received.first = max(received.first, len(line.encode()))
                    is_first = False


async def _all_see(received: _Received, browsers: int) -> bool:
    return received.open == browsers
