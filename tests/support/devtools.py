"""A real browser driven by its DevTools protocol: open pages, evaluate, click, and read the console."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import websockets

from tests.support.chromium import CHROMIUM

_PATIENCE = 60.0
"""Real seconds for what a loaded machine does in one."""


class Tab:
    """One page of the browser."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session

    async def command(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol and return its result."""
        return await self._browser.command(method, self._session, **parameters)

    async def go(self, address: str) -> None:
        """Open an address."""
        await self.command("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = await self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        async with asyncio.timeout(_PATIENCE):
            while not (found := await self.value(f"document.readyState === 'complete' && ({expression})")):
                await asyncio.sleep(0.05)
        return found


class Browser:
    """The connection to a running browser. ``complaints`` are its pages' console errors and refused loads."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def tab(self, width: int = 1440, height: int = 900) -> Tab:
        """Open a page of a size in pixels."""
        target = (await self.command("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.command("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log"):
            await tab.command(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        await tab.command("Emulation.setDeviceMetricsOverride", **size)
        return tab

    async def command(self, method: str, session: str = "", **parameters: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        number, waiting = self._number, asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        message = {"id": number, "method": method, "params": parameters}
        await self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(_PATIENCE):
            found = await waiting
        assert "error" not in found, found["error"]
        return found["result"]

    async def _read(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(message["params"]["exceptionDetails"]))
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Run a browser with a new profile."""
    assert CHROMIUM is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
    running = subprocess.Popen(  # noqa: ASYNC220 - it only starts a process
        [CHROMIUM, *options, f"--user-data-dir={folder}", "about:blank"], stderr=subprocess.DEVNULL
    )
    try:
        port_file = folder / "DevToolsActivePort"
        async with asyncio.timeout(_PATIENCE):
            while not port_file.exists() or "\n" not in port_file.read_text():
                await asyncio.sleep(0.05)
        port, path = port_file.read_text().split("\n")[:2]
        async with websockets.connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as connection:
            yield Browser(connection)
    finally:
        running.kill()
        running.wait()
