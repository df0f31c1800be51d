"""Our KIS simulator as a separate process."""

import asyncio
import secrets
import sys
from datetime import UTC
from typing import Final

import httpx

from domain.clock import in_seoul
from exchange.calendar import CalendarOverrides, hours_as_text
from runtime.embedded.errors import PartFailedError
from runtime.embedded.guard import Program
from runtime.embedded.market import Market
from runtime.embedded.ports import LOOPBACK
from runtime.embedded.process import Launcher
from runtime.market_settings import SimulatorSettings
from security.bounded_http import ask
from security.private_files import private_folder, write_private

NAME: Final = "Simulator"
_START_LIMIT: Final = 60.0
_ATTEMPTS: Final = 20
_PAUSE: Final = 0.5
_TOKEN_FILE: Final = "control.token"  # noqa: S105 - its name


async def start_simulator(
    launcher: Launcher, port: int, market: Market, wanted: SimulatorSettings, overrides: CalendarOverrides
) -> tuple[str, str]:
    """Start the simulator on its market, with the operator's calendar; return its base URL and control token."""
    data = private_folder(launcher.folder / "simulator")
    token = secrets.token_urlsafe(32)
    write_private(data / _TOKEN_FILE, token)  # use a file, because every local user can read a command line
    options = {
        "host": LOOPBACK,
        "port": port,
        "speed": market.clock.speed,
        "seed": market.seed,
        "real-anchor": market.clock.real_anchor.astimezone(UTC).isoformat(),
        "clock": f"{in_seoul(market.clock.market_anchor):%Y-%m-%d %H:%M:%S}",
        "data": data,
        "control-token": data / _TOKEN_FILE,
        "opening-cash": wanted.opening_cash,
        "listings": wanted.listings,
        "products": "off",
    }
    argv = [
        sys.executable,
        "-m",
        "simulator",
        *(part for name, value in options.items() for part in (f"--{name}", str(value))),
        *(("--bars", str(wanted.bars.expanduser().absolute()), "--only-bars") if wanted.bars else ()),
        *_calendar_options(overrides),
    ]
    process = launcher.launch(NAME, Program(argv))

    url = f"http://{LOOPBACK}:{port}"

    async def is_ready() -> bool:
        return await _asked(url) == market

    await process.wait_until_ready(is_ready, _START_LIMIT, f"look into {data}, or set HARU_SIMULATOR__URL")
    return url, token


def _calendar_options(overrides: CalendarOverrides) -> list[str]:
    hours = [hours_as_text(day, changed) for day, changed in sorted(overrides.changed_hours.items())]
    named = (("closure", sorted(overrides.closures)), ("session", sorted(overrides.sessions)), ("hours", hours))
    return [part for name, values in named for value in values for part in (f"--{name}", str(value))]


async def market_of(url: str, attempts: int = _ATTEMPTS) -> Market:
    """Return clock and seed of a simulator that runs elsewhere; try again after half a second."""
    for attempt in range(attempts):
        if attempt:
            await asyncio.sleep(_PAUSE)
        if market := await _asked(url):
            return market
    raise PartFailedError(f"no simulator with a running clock at {url}; start it, or correct HARU_SIMULATOR__URL")


async def _asked(url: str) -> Market | None:
    try:
        async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
            reply = await ask(client, "GET", f"{url.rstrip('/')}/control/status")
        status = reply.raise_for_status().json()
        return Market.from_dict({**status["clock"], "seed": status["seed"]})
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
