"""Our KIS simulator as a process of its own."""

import sys
from datetime import UTC
from typing import Final

from domain.clock import in_seoul
from embedded.guard import Program
from embedded.market import Market
from embedded.ports import LOOPBACK, answers
from embedded.process import Launcher
from settings import SimulatorSettings

NAME: Final = "Simulator"
_START_LIMIT: Final = 60.0


async def start_simulator(launcher: Launcher, port: int, market: Market, wanted: SimulatorSettings) -> str:
    """Start the simulator on its market and return its base URL."""
    data = launcher.folder.resolve() / "simulator"
    data.mkdir(exist_ok=True)
    options = {
        "host": LOOPBACK,
        "port": port,
        "speed": market.clock.speed,
        "seed": market.seed,
        "real-anchor": market.clock.real_anchor.astimezone(UTC).isoformat(),
        "clock": f"{in_seoul(market.clock.market_anchor):%Y-%m-%d %H:%M:%S}",
        "environment": wanted.environment,
        "data": data,
        "opening-cash": wanted.opening_cash,
    }
    argv = [
        sys.executable,
        "-m",
        "simulator",
        *(part for name, value in options.items() for part in (f"--{name}", str(value))),
    ]
    process = launcher.launch(NAME, Program(argv))

    async def is_ready() -> bool:
        return answers(port)

    await process.wait_until_ready(is_ready, _START_LIMIT, f"look into {data}, or set HARU_SIMULATOR__URL")
    return f"http://{LOOPBACK}:{port}"
