"""Read replies of other programs within bounds: uncompressed, of a limited size, and without waiting for more."""

import asyncio
from typing import Any, Final

import httpx

LARGEST_REPLY: Final = 4_000_000
"""Bytes of a body. The largest page that KIS documents has about 200,000."""
MOST_CHUNKS: Final = 10_000
"""Maximum chunks of a body. Each costs a turn of the event loop, and a chunk may be a single byte."""
_CHUNKS_A_TURN: Final = 50
_PLAIN: Final = {"accept-encoding": "identity"}


class ReplyRefusedError(httpx.RequestError):
    """A reply that is not read to its end; the text names the broken bound. The request may have been executed."""


async def ask(http: httpx.AsyncClient, method: str, url: str, **options: Any) -> httpx.Response:
    """Send one request and read its reply. ``options`` are those of ``httpx.AsyncClient.stream``.

    Raises:
        ReplyRefusedError: the body is compressed or too large. Other httpx errors propagate.
    """
    headers = {**options.pop("headers", {}), **_PLAIN}
    async with http.stream(method, url, headers=headers, **options) as reply:
        content = await _content(reply)
    return httpx.Response(reply.status_code, headers=reply.headers, content=content, request=reply.request)


async def ask_for_status(http: httpx.AsyncClient, url: str, redirects: int = 0) -> httpx.Response:
    """Request a page for its status only; follow at most ``redirects`` redirects, and return the last reply."""
    reply = await _head(http, http.build_request("GET", url, headers=_PLAIN))
    while reply.next_request is not None and redirects > 0:
        redirects -= 1
        reply = await _head(http, reply.next_request)
    return reply


async def _head(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    reply = await http.send(request, stream=True, follow_redirects=False)
    try:
        await _content(reply)  # read the body so that the connection can be reused
    except ReplyRefusedError:
        return reply
    finally:
        await reply.aclose()
    return reply


async def _content(reply: httpx.Response) -> bytes:
    encoding = reply.headers.get("content-encoding", "").strip()
    if encoding.lower() not in {"", "identity"}:
        raise ReplyRefusedError("the reply is compressed, which was not asked for")
    content, chunks = bytearray(), 0
    async for chunk in reply.aiter_bytes():
        content += chunk
        chunks += 1
        if len(content) > LARGEST_REPLY or chunks > MOST_CHUNKS:
            raise ReplyRefusedError(f"the reply has more than {LARGEST_REPLY:,} bytes or {MOST_CHUNKS:,} pieces")
        if not chunks % _CHUNKS_A_TURN:
            await asyncio.sleep(0)
    return bytes(content)
