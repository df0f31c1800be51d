"""The machine and software versions of a measurement."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from database.pool import open_pool
from runtime.embedded.temporal import temporal_binary
from tools.bench.stack import Stack


async def facts(stack: Stack) -> dict[str, str]:
    """Return the facts that a reader needs for comparison."""
    cli = subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
        [str(temporal_binary("temporal")), "--version"], capture_output=True, text=True, check=False
    )
    return {
        **without_servers(),
        "temporalio": version("temporalio"),
        "Temporal": cli.stdout.strip().removeprefix("temporal version "),
        "PostgreSQL": await _postgres(str(stack.endpoints.database_url)),
        "asyncpg, httpx": f"{version('asyncpg')}, {version('httpx')}",
    }


def without_servers() -> dict[str, str]:
    """Return the facts of a bench that needs no server."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "system": f"{platform.system()} {platform.release()}",
        "load average at the start": load(),
        "Python": platform.python_version(),
    }


def load() -> str:
    """Return the load averages over one, five and fifteen minutes."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


async def _postgres(url: str) -> str:
    pool = await open_pool(url, 1)
    try:
        shown = await pool.fetchrow("SELECT current_setting('server_version'), current_setting('fsync')")
        return "unknown" if shown is None else f"{shown[0]}, fsync {shown[1]}"
    finally:
        await pool.close()


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in information.read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
