"""A gRPC server that gives scripted answers, one a call in their order: enough of HTTP/2 for a client of the SDK."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_STATUS_200: Final = b"\x88"
"""Entry 8 of HPACK's static table."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: a message, or a status other than 0 with its text."""

    message: Message | None = None
    status: int = 0
    text: str = ""


@asynccontextmanager
async def scripted_grpc(answers: Sequence[Answer]) -> AsyncIterator[str]:
    """Serve the answers on a free port and yield its address. The last answer repeats."""
    rest, open_ones = list(answers), set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readexactly(len(_PREFACE)) == _PREFACE
            writer.write(_frame(_SETTINGS, 0, 0, b""))
            while True:
                head = await reader.readexactly(9)
                length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
                stream, payload = int.from_bytes(head[5:], "big"), await reader.readexactly(length)
                if kind in {_SETTINGS, _PING} and not flags & _ACK:
                    writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
                elif kind in {_DATA, _HEADERS} and flags & _END_STREAM:
                    writer.write(_reply(stream, rest.pop(0) if len(rest) > 1 else rest[0]))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for each in open_ones:  # the client keeps its connection, for which Python 3.12 and later would wait
            each.close()


def _reply(stream: int, answer: Answer) -> bytes:
    reply = _frame(_HEADERS, _END_HEADERS, stream, _STATUS_200 + _header("content-type", "application/grpc"))
    if answer.message is not None:
        body = answer.message.SerializeToString()
        reply += _frame(_DATA, 0, stream, b"\x00" + struct.pack(">I", len(body)) + body)
    trailers = _header("grpc-status", str(answer.status)) + _header("grpc-message", answer.text)
    return reply + _frame(_HEADERS, _END_STREAM | _END_HEADERS, stream, trailers)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _header(name: str, value: str) -> bytes:
    """Return a literal header without indexing and without Huffman codes. Both parts are shorter than 127 bytes."""
    return b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
