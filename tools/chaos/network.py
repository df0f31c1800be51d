"""A hosting process's network to the parts. While it is cut, no data passes and no connection is refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = "127.0.0.1"
_AT_ONCE: Final = 65_536


class Network:
    """One process's connections. Data in transit during a cut is lost, as after a reset."""

    def __init__(self) -> None:
        self._whole = asyncio.Event()
        self._whole.set()
        self._prompt = asyncio.Event()
        self._prompt.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Stop all traffic."""
        self._whole.clear()

    def restore(self) -> None:
        """Reset the cut connections and accept new ones."""
        self._whole.set()
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Hold back all data in both directions; connections stay open."""
        self._prompt.clear()

    def deliver(self) -> None:
        """Deliver the held data late, in order."""
        self._prompt.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """Forward one connection to a local port until either side closes it."""
        self._writers.add(writer)
        try:
            await self._whole.wait()
            await self._prompt.wait()
            there, back = await asyncio.open_connection(_LOOPBACK, port)
            self._writers.add(back)
            try:
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
            finally:
                self._writers.discard(back)
                back.close()
        except OSError:
            # The part is down, or one side has closed the connection.
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_AT_ONCE):
            await self._prompt.wait()
            if self._whole.is_set():
                sink.write(data)
                await sink.drain()
        if self._whole.is_set():
            with suppress(OSError):
                sink.write_eof()


@asynccontextmanager
async def network_to(addresses: Mapping[str, str]) -> AsyncIterator[tuple[Network, dict[str, str]]]:
    """Yield a network and the same addresses routed through it; each is a URL or ``host:port``."""
    network, servers, ways = Network(), [], {}
    for name, address in addresses.items():
        port = urlsplit(address if "//" in address else f"//{address}").port or 0
        server = await asyncio.start_server(lambda r, w, to=port: network.carry(r, w, to), _LOOPBACK, 0)  # type: ignore[misc]
        servers.append(server)
        ways[name] = address.replace(f":{port}", f":{server.sockets[0].getsockname()[1]}")
    try:
        yield network, ways
    finally:
        network.deliver()
        network.restore()
        for server in servers:
            server.close()
