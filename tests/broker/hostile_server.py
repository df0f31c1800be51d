"""A loopback HTTP server that answers every request with data that a broker never sends."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat

Attack = Callable[[asyncio.StreamWriter], Awaitable[None]]
_MEGABYTE = 1_000_000


@cache
def bomb() -> bytes:
    """Return 100 MB of blanks as gzip; some 100 kB."""
    return gzip.compress(b" " * (100 * _MEGABYTE), compresslevel=9)


async def send(writer: asyncio.StreamWriter, content: bytes, *headers: str, status: str = "HTTP/1.1 200 OK") -> None:
    head = "\r\n".join([status, f"Content-Length: {len(content)}", *headers])
    writer.write(f"{head}\r\n\r\n".encode() + content)
    await writer.drain()


async def send_chunks(writer: asyncio.StreamWriter, chunk: bytes, count: int | None = None) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    sized = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
    for _ in repeat(None) if count is None else repeat(None, count):
        writer.write(sized)
        await writer.drain()


async def gzip_bomb(writer: asyncio.StreamWriter) -> None:
    await send(writer, bomb(), "Content-Encoding: gzip")


async def deflate_bomb(writer: asyncio.StreamWriter) -> None:
    await send(writer, zlib.compress(b" " * (50 * _MEGABYTE), 9), "Content-Encoding: deflate")


async def brotli(writer: asyncio.StreamWriter) -> None:
    await send(writer, b'{"rt_cd":"0"}', "Content-Encoding: br")


async def two_encodings(writer: asyncio.StreamWriter) -> None:
    await send(writer, gzip.compress(bomb()), "Content-Encoding: identity", "Content-Encoding: gzip, gzip")


async def hundred_megabytes(writer: asyncio.StreamWriter) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {100 * _MEGABYTE}\r\n\r\n".encode())
    for _ in range(100):
        writer.write(b" " * _MEGABYTE)
        await writer.drain()


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    await send_chunks(writer, b" " * 65_536)


async def chunks_of_one_byte(writer: asyncio.StreamWriter) -> None:
    await send_chunks(writer, b" ")


async def endless_without_length(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def a_byte_a_second(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(1)


async def nested(writer: asyncio.StreamWriter) -> None:
    await send(writer, b'{"rt_cd":"0","output":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


async def nested_less(writer: asyncio.StreamWriter) -> None:
    """Stay below Python's own limit of recursion while parsing."""
    await send(writer, b'{"rt_cd":"0","output":[{"odno":' + b"[" * 900 + b"]" * 900 + b"}]}")


async def ten_million_rows(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.0 200 OK\r\n\r\n{"rt_cd":"0","output1":[{}')
    for _ in range(1_000):
        writer.write(b",{}" * 10_000)
        await writer.drain()
    writer.write(b"]}")
    writer.close()


async def a_million_rows(writer: asyncio.StreamWriter) -> None:
    await send(writer, b'{"rt_cd":"0","output1":[{}' + b",{}" * 1_300_000 + b"]}")


async def a_million_numbers(writer: asyncio.StreamWriter) -> None:
    await send(writer, b'{"rt_cd":"0","output1":[1' + b",1" * 1_900_000 + b"]}")


async def rows_of_text(writer: asyncio.StreamWriter) -> None:
    """Send a list with more elements than there are rows, but few enough values."""
    await send(writer, b'{"rt_cd":"0","output":["x"' + b',"x"' * 20_000 + b"]}")


async def header_flood(writer: asyncio.StreamWriter) -> None:
    await send(writer, b"{}", *(f"X-{number}: {'y' * 1_000}" for number in range(2_000)))


async def interim_flood(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)
        await writer.drain()


async def trailer_flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
    for number in range(2_000):
        writer.write(f"X-{number}: {'y' * 1_000}\r\n".encode())
        await writer.drain()


async def short_length(writer: asyncio.StreamWriter) -> None:
    """Announce half of the actual length."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{"rt_cd":"0","output":{}}')
    await writer.drain()


async def negative_length(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")
    await writer.drain()


async def two_lengths(writer: asyncio.StreamWriter) -> None:
    await send(writer, b"{}", "Content-Length: 7")


ATTACKS: tuple[Attack, ...] = (
    *(gzip_bomb, deflate_bomb, brotli, two_encodings, hundred_megabytes, endless_chunks, chunks_of_one_byte),
    *(endless_without_length, a_byte_a_second, nested, nested_less, ten_million_rows, a_million_rows),
    *(a_million_numbers, rows_of_text, header_flood, interim_flood, trailer_flood, short_length, negative_length),
    two_lengths,
)


@dataclass
class HostileServer:
    """Answers each request with its attack, and counts the requests."""

    attack: Attack
    requests: list[bytes] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.lower().split(b"\r\n")
                length = next((line for line in lines if line.startswith(b"content-length:")), b"")
                await reader.readexactly(int(length.partition(b":")[2] or 0))
                self.requests.append(head)
                await self.attack(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def hostile(attack: Attack) -> AsyncIterator[HostileServer]:
    """Serve an attack on a free port of loopback."""
    server = HostileServer(attack)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
