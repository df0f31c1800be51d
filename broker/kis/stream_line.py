"""The socket of a real-time session: texts in and out, and one error for every kind of loss."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.frames import CloseCode

from domain.errors import StreamLostError

_OPENS_WITHIN: Final = 5.0
_SENDS_WITHIN: Final = 5.0
_CLOSES_WITHIN: Final = 1.0
LARGEST_TEXT: Final = 1_000_000
"""Bytes of one text; a frame with the maximum number of records has some 300,000."""

_frames = logging.getLogger("broker.kis.websocket")
_frames.setLevel(logging.INFO)  # below it the library logs every frame, including keys and account


class Line:
    """One open WebSocket; ``silence`` is the maximum time without any text, in seconds."""

    def __init__(self, socket: ClientConnection, silence: float) -> None:
        self._socket = socket
        self._silence = silence

    async def say(self, text: str) -> None:
        """Send a text.

        Raises:
            StreamLostError: the connection is cut, or the peer does not accept the text.
        """
        try:
            async with asyncio.timeout(_SENDS_WITHIN):
                await self._socket.send(text)
        except (ConnectionClosed, OSError, TimeoutError) as error:
            lost = _lost("the stream was cut", error)
        else:
            return
        raise lost

    async def hear(self) -> str:
        """Return the next text; invalid UTF-8 bytes affect only their own characters.

        Raises:
            StreamLostError: the connection is cut, or no text came for too long.
        """
        try:
            async with asyncio.timeout(self._silence):
                return (await self._socket.recv(decode=False)).decode(errors="replace")
        except TimeoutError:
            lost = StreamLostError(f"the stream has sent no message for {self._silence:g} s")
        except (ConnectionClosed, OSError) as error:
            lost = _lost("the stream was cut", error)
        raise lost


@asynccontextmanager
async def open_line(url: str, silence: float) -> AsyncIterator[Line]:
    """Hold a WebSocket open; KIS has its own keep-alive, so the protocol's is off.

    Raises:
        StreamLostError: the address does not answer.
    """
    socket = await _opened(url)
    try:
        yield Line(socket, silence)
    finally:
        with suppress(TimeoutError, OSError, WebSocketException):
            async with asyncio.timeout(2 * _CLOSES_WITHIN):
                await socket.close()


class _Direct(connect):
    """Follows no redirect, because it would send the approval key to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Return the redirect as a failure."""
        return exc


async def _opened(url: str) -> ClientConnection:
    try:
        return await _Direct(
            url,
            ping_interval=None,
            open_timeout=_OPENS_WITHIN,
            close_timeout=_CLOSES_WITHIN,
            compression=None,
            max_size=LARGEST_TEXT,
            proxy=None,
            logger=_frames,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        lost = _lost(f"the stream at {url} does not open", error)
    raise lost


def _lost(what: str, error: BaseException) -> StreamLostError:
    if isinstance(error, ConnectionClosed) and error.sent and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
        return StreamLostError(f"{what}: a text of more than {LARGEST_TEXT:,} bytes came")
    return StreamLostError(f"{what}: {type(error).__name__}")
