"""One raw WebSocket session: unmodified texts, sorted into control messages and data frames."""

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from websockets.asyncio.client import ClientConnection, connect

from tools.conformance.asking import CannotAskError, expect
from tools.conformance.kis import Kis

PINGPONG: Final = "PINGPONG"
_SUBSCRIBE, _UNSUBSCRIBE = "1", "2"
_REPLY_LIMIT: Final = 10.0
_BLOCK_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Frame:
    """One unmodified data frame; ``count`` is the text of its third part."""

    encrypted: str
    tr_id: str
    count: str
    payload: str


class Stream:
    """A session. While it waits for a reply, data frames collect in ``frames`` and PINGPONGs in ``pings``."""

    def __init__(self, connection: ClientConnection, approval_key: str) -> None:
        self.connection = connection
        self.approval_key = approval_key
        self.frames: list[Frame] = []
        self.pings: list[str] = []

    async def asks(self, tr_id: str, tr_key: str, *, ends: bool = False, **header: str) -> dict[str, Any]:
        """Subscribe, or end a subscription, and return the reply; a header given here replaces the usual one."""
        usual = {"approval_key": self.approval_key, "custtype": "P", "content-type": "utf-8"}
        usual |= {"tr_type": _UNSUBSCRIBE if ends else _SUBSCRIBE}
        wish = {"header": usual | header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}}
        await self.connection.send(json.dumps(wish))
        return await self._control()

    async def frame(self, tr_id: str, limit: float) -> Frame:
        """Return the next data frame of a TR; raise CannotAskError if none arrives within ``limit`` seconds."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    for place, frame in enumerate(self.frames):
                        if frame.tr_id == tr_id:
                            return self.frames.pop(place)
                    self._sort(await self._text())
        except TimeoutError:
            raise CannotAskError(f"no {tr_id} came within {limit:.0f} s") from None

    async def ping(self, limit: float) -> str:
        """Return the text of the next PINGPONG; raise TimeoutError if none arrives within ``limit`` seconds."""
        async with asyncio.timeout(limit):
            while not self.pings:
                self._sort(await self._text())
        return self.pings.pop(0)

    async def _control(self) -> dict[str, Any]:
        async with asyncio.timeout(_REPLY_LIMIT):
            while True:
                message = self._sort(await self._text())
                if message is not None:
                    return message

    async def _text(self) -> str:
        text = await self.connection.recv()
        expect(isinstance(text, str), "a binary message")
        return str(text)

    def _sort(self, text: str) -> dict[str, Any] | None:
        """Store a data frame or a PINGPONG; return any other control message."""
        if text[:1] in ("0", "1"):
            self.frames.append(Frame(*text.split("|", 3)))
            return None
        message: dict[str, Any] = json.loads(text)
        if message["header"]["tr_id"] == PINGPONG:
            self.pings.append(text)
            return None
        return message


def decrypted(payload: str, key: str, iv: str) -> str:
    """Return the plain text of an encrypted payload: AES-256-CBC, key and iv unmodified, PKCS#7, base64."""
    cipher = Cipher(AES256(key.encode()), CBC(iv.encode())).decryptor()
    padded = cipher.update(base64.b64decode(payload)) + cipher.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


async def session(kis: Kis, path: str = "/tryitout") -> Stream:
    """Open a session that is closed at the end of the conversation."""
    connection = await connect(kis.access.stream_url + path, ping_interval=None, open_timeout=_REPLY_LIMIT)
    kis.closing.push_async_callback(connection.close)
    return Stream(connection, await kis.approval_key())


async def the_session(kis: Kis) -> Stream:
    """Return the conversation's session; raise CannotAskError once it has ended."""
    stream = await kis.once("session", lambda: session(kis))
    if stream.connection.close_code is not None:
        raise CannotAskError("the session has ended")
    return stream
