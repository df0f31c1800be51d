"""A real browser that a test drives: it opens pages, runs script in them, and keeps what the console says."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.chromium import CHROMIUM

_WITHIN = 150.0
_COMPLAINTS = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}


class Tab:
    """One tab. ``complaints`` is everything that reached its console."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.complaints: list[str] = []

    async def command(self, method: str, **values: Any) -> Any:
        """Send a command of the browser's protocol and return its result."""
        self._last += 1
        await self._socket.send(json.dumps({"id": self._last, "method": method, "params": values}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("method") in _COMPLAINTS:
                self.complaints.append(json.dumps(message["params"]))
            if message.get("id") == self._last:
                assert "error" not in message, message
                return message["result"]

    async def opens(self, url: str, width: int = 1440, height: int = 900) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.command(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        await self.command("Emulation.setDeviceMetricsOverride", **size)
        await self.command("Page.navigate", url=url)

    async def runs(self, script: str) -> Any:
        """Return the value of a script."""
        done = await self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def sees(self, script: str) -> Any:
        """Wait until a script's value is true, and return it."""
        while not (value := await self.runs(script)):
            await asyncio.sleep(0.05)
        return value

    async def pictures(self, file: Path) -> None:
        """Write the whole page to a PNG file."""
        taken = await self.command("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(b64decode(taken["data"]))


@asynccontextmanager
async def a_tab(profile: Path) -> AsyncIterator[Tab]:
    """Start a browser and drive its first tab; everything inside must be done within 150 seconds."""
    browser = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_WITHIN):
            port = await _port(profile / "DevToolsActivePort")
            async with httpx.AsyncClient(trust_env=False) as http:
                while not (tabs := await _tabs(http, port)):
                    await asyncio.sleep(0.05)
            async with connect(tabs[0], max_size=None, proxy=None) as socket:
                yield Tab(socket)
    finally:
        browser.terminate()
        await browser.wait()


async def _port(file: Path) -> int:
    while not file.exists() or not file.read_text().strip():
        await asyncio.sleep(0.05)
    return int(file.read_text().split()[0])


async def _tabs(http: httpx.AsyncClient, port: int) -> list[str]:
    listed = (await http.get(f"http://127.0.0.1:{port}/json/list")).json()
    return [each["webSocketDebuggerUrl"] for each in listed if each["type"] == "page"]
