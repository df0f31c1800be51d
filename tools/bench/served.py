"""The simulator as a server: requests a second while most replies take at most 50 ms, and CPU for 1,000 listings."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tools.bench.figures import Figure
from tools.bench.stack import Stack
from tools.chaos.processes import ROOT

_READY: Final = "simulator ready on http://"
_KEYS: Final = {"appkey": "PS" + "k" * 34, "appsecret": "s" * 180}
_PRICE: Final = "/uapi/domestic-stock/v1/quotations/inquire-price?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD="
_STOCKS: Final = ("005930", "000660", "035420", "051910", "068270", "105560")
_SLOW: Final = 50.0
"""Milliseconds that 95 % of the replies may take."""
_CALLERS: Final = (1, 2, 4, 8, 16, 32, 64)
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Server:
    pid: int
    host: str
    port: int
    idle: float = 0.0
    """CPU milliseconds that the process had used before the first call."""

    def cpu(self) -> float:
        """Return the CPU milliseconds that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS * 1000


async def measure(stack: Stack) -> list[Figure]:
    """Measure replies at growing numbers of callers, then the whole market at its first and at later looks."""
    seconds, looks, listings = (0.5, 1, 100) if stack.quick else (5.0, 10, 1_000)
    async with _server("--rate-limit", "0") as server:
        await (await _Caller.connected(server)).asks("GET", "/control/symbols")  # every day is drawn once
        idle = server.cpu()
        rounds = [await _round(server, callers, seconds) for callers in _CALLERS[: 2 if stack.quick else None]]
        used = server.cpu() - idle
    async with _server("--listings", str(listings), "--manual") as server:
        first, later = await _looks(server, looks)
    served = [(len(took) / seconds, took) for took in rounds if _p95(took) <= _SLOW]
    best, took = max(served, default=(0.0, []))
    return [
        Figure("simulator", f"inquire-price a second, 95 % of replies within {_SLOW:.0f} ms", "1/s", (best,)),
        Figure("simulator", "and their replies", "ms", tuple(took)),
        Figure("simulator", "one caller's replies", "ms", tuple(rounds[0])),
        Figure("simulator", "CPU for one reply of the server", "ms", (used / sum(map(len, rounds)),)),
        Figure("simulator", f"CPU for the first look at {listings:,} listings", "ms", (first,)),
        Figure("simulator", f"CPU for a look at {listings:,} listings", "ms", tuple(later)),
    ]


async def _looks(server: _Server, count: int) -> tuple[float, list[float]]:
    """Return the CPU of the first look, and of each look a market second later."""
    caller = await _Caller.connected(server)
    await caller.asks("GET", "/control/symbols")
    first, later = server.cpu() - server.idle, []
    for _ in range(count):
        await caller.asks("POST", "/control/clock", json.dumps({"advance": 1}))
        before = server.cpu()
        await caller.asks("GET", "/control/symbols")
        later.append(server.cpu() - before)
    return first, later


async def _round(server: _Server, callers: int, seconds: float) -> list[float]:
    """Return the milliseconds of every reply to so many callers at once."""
    until = time.perf_counter() + seconds
    took: list[float] = []

    async def calls(place: int) -> None:
        caller = await _Caller.connected(server)
        path = _PRICE + _STOCKS[place % len(_STOCKS)]
        while time.perf_counter() < until:
            began = time.perf_counter()
            await caller.asks("GET", path)
            took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*map(calls, range(callers)))
    return took


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


class _Caller:
    """One connection of HTTP/1.1 that costs the machine little."""

    token = ""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connected(cls, server: _Server) -> "_Caller":
        return cls(*await asyncio.open_connection(server.host, server.port, limit=16_000_000))

    async def asks(self, method: str, path: str, body: str = "") -> bytes:
        """Send a request and return the body of its reply."""
        headers = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body))} | _KEYS
        headers |= {"authorization": f"Bearer {_Caller.token}", "tr_id": "FHKST01010100"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        reply = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in reply.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        content = await self._reader.readexactly(int(length.split(b":")[1]))
        if not reply.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(content.decode())
        return content


@asynccontextmanager
async def _server(*options: str) -> AsyncIterator[_Server]:
    words = ("-m", "simulator", "--port", "0", "--clock", "2026-11-23 10:00:00", *options)
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101 - requested above
        host, _, port = (await process.stdout.readline()).decode().strip().removeprefix(_READY).partition(":")
        server = _Server(process.pid, host, int(port))
        keys = {"grant_type": "client_credentials", **_KEYS}
        reply = await (await _Caller.connected(server)).asks("POST", "/oauth2/tokenP", json.dumps(keys))
        _Caller.token = json.loads(reply)["access_token"]
        yield replace(server, idle=server.cpu())
    finally:
        process.terminate()
        await process.wait()
