"""The rate budget as the server counts it: four processes that request three times the limit."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import mean
from typing import Any, Final

import httpx

from domain.lane import Lane
from tools.bench.figures import Figure
from tools.bench.stack import NothingHappenedError, Stack
from tools.chaos.processes import ROOT

_PROCESSES: Final = 4
_DEMAND: Final = 3
"""Multiple of the limit."""
_URGENT: Final = 0.5
"""Urgent calls per second and process, beside the backlog of scans."""
_READY: Final = "simulator ready on "


@dataclass(frozen=True, slots=True)
class _Run:
    limit: int
    seconds: float
    lane: Lane


_RUNS: Final = (
    _Run(18, 60, Lane.EXIT),
    _Run(18, 60, Lane.SCAN),
    _Run(3, 20, Lane.EXIT),
    _Run(3, 20, Lane.SCAN),
    _Run(1, 20, Lane.EXIT),
    _Run(1, 20, Lane.SCAN),
)
_RUNS_QUICKLY: Final = (_Run(18, 8, Lane.SCAN),)


async def measure(stack: Stack) -> list[Figure]:
    """Measure with only urgent calls, then with a backlog of scans before a few urgent ones.

    Each limit has its own server.
    """
    figures: list[Figure] = []
    for run in _RUNS_QUICKLY if stack.quick else _RUNS:
        async with _server() as url:
            saw = await asyncio.gather(*(_caller(stack, run, url) for _ in range(_PROCESSES)))
            async with httpx.AsyncClient() as client:
                counted = (await client.get(f"{url}/control/status")).json()["calls"]
        figures += _figures(run, saw, counted)
    return figures


def _figures(run: _Run, saw: list[dict[str, Any]], counted: dict[str, Any]) -> list[Figure]:
    everybody = "urgent" if run.lane is Lane.EXIT else "scanning"
    what = f"limit {run.limit}, all {everybody}"
    answered = sorted(at for each in saw for at in each["answered"])
    if len(answered) <= run.limit:
        raise NothingHappenedError(f"{what}: {len(answered)} calls were answered in {run.seconds:.0f} s")
    held = mean(seconds for each in saw for seconds in each["held"])
    possible = 100 / (1 + held)
    # The first burst takes no time, so it is not counted.
    used = 100 * (len(answered) - run.limit) / (run.limit * (answered[-1] - answered[0]))
    most = (float(counted["most_in_a_second"]),)
    figures = [
        Figure("rate", f"{what}: most calls in any sliding second", "calls", most, aim=run.limit),
        Figure("rate", f"{what}: share of the limit that was used", "%", (used,), possible),
        Figure("rate", f"{what}: a slot is held for one call", "ms", (1000 * held,)),
    ]
    if run.lane is Lane.EXIT:
        return figures
    waits = tuple(1000 * wait for each in saw for wait in each["urgent"])
    return [*figures, Figure("rate", f"limit {run.limit}: urgent call → answer behind a backlog of scans", "ms", waits)]


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """Run a simulator that refuses no call and counts all."""
    market = ("--manual", "--clock", "2026-11-23 10:00:00", "--listings", "2")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--port", "0", "--rate-limit", "0", *market),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - requested above
        line = (await process.stdout.readline()).decode()
        if not line.startswith(_READY):
            raise NothingHappenedError("a simulator for the rate bench did not start")
        yield line.removeprefix(_READY).strip()
    finally:
        process.terminate()
        await process.wait()


async def _caller(stack: Stack, run: _Run, url: str) -> dict[str, Any]:
    options = {
        "broker": url,
        "budget": f"bench-rate-{run.limit}-{run.lane.name}",
        "lane": run.lane.name,
        "limit": run.limit,
        "demand": run.limit * _DEMAND / _PROCESSES,
        "seconds": run.seconds,
        "urgent": 0 if run.lane is Lane.EXIT else min(_URGENT, run.limit / _PROCESSES / 4),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.bench.rate_caller"),
        *(part for name, value in options.items() for part in (f"--{name}", str(value))),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": str(stack.endpoints.database_url)},  # with its password
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise NothingHappenedError(f"a process of the rate bench ended with {process.returncode}")
    seen: dict[str, Any] = json.loads(printed)
    return seen
