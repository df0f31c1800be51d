"""A private simulator for one run: a process in the middle of a session, with a full order list."""

import sys
from asyncio import create_subprocess_exec, subprocess, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from tools.conformance.kis import Access

_ACCOUNTS: Final = {"real": "12345678", "paper": "50000001"}
_PRODUCT: Final = "01"
_HTS_ID: Final = "haruhts"
_READY: Final = ("real", "paper")
"""The services in the order of the simulator's ready lines."""
_START_LIMIT: Final = 30.0
_QUICK: Final = 40
"""Calls per second. With KIS's own limits one run would take minutes."""
_PAGE: Final = {"real": 100, "paper": 15}
_HELD: Final = "000660"


class SimulatorFailedError(Exception):
    """The simulator did not start; the text is its output."""


@asynccontextmanager
async def simulator(*, limit: int = _QUICK) -> AsyncIterator[dict[str, Access]]:
    """Start a simulator and stop it at the end; yield the access to its services, ``real`` and ``paper``."""
    options = {"port": 0, "paper-port": 0, "clock": "2026-11-23 10:00:00", "hts-id": _HTS_ID}
    options |= {"rate-limit": limit, "paper-rate-limit": limit, "token-interval": 5, "ping-interval": 1}
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    process = await create_subprocess_exec(
        sys.executable, "-m", "simulator", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield {service: _access(await _url_of(process), service, limit) for service in _READY}
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def set_the_scene(access: Access) -> None:
    """Buy a share and rest more orders than one page of the list shows, manually as the account's owner."""
    async with httpx.AsyncClient(base_url=access.rest_url) as http:
        seen = await http.post("/control/symbols", json={"symbol": _HELD})
        resting = {"symbol": _HELD, "side": "buy", "quantity": 1, "kind": "00", "price": seen.json()["lower_limit"]}
        bought = resting | {"kind": "01", "price": 0}
        for order in (bought, *[resting] * _PAGE[access.service]):
            (await http.post(f"/control/accounts/{access.account}/orders", json=order)).raise_for_status()


async def _url_of(process: subprocess.Process) -> str:
    if process.stdout is None or process.stderr is None:
        raise SimulatorFailedError("the simulator has no output")
    async with timeout(_START_LIMIT):
        line = (await process.stdout.readline()).decode()
    _, ready, url = line.partition(" ready on ")
    if not ready:
        raise SimulatorFailedError(f"the simulator did not start: {line}{(await process.stderr.read()).decode()}")
    return url.strip()


def _access(url: str, service: str, limit: int) -> Access:
    return Access(
        rest_url=url,
        stream_url=url.replace("http", "ws", 1),
        service=service,
        app_key=f"PS{service:k<34}",
        app_secret="s" * 180,
        account=_ACCOUNTS[service],
        product=_PRODUCT,
        hts_id=_HTS_ID,
        pace=1.1 / limit,
        limit=limit,
        may_order=True,
        is_simulated=True,
    )
