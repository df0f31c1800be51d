"""The Telegram bot by python-telegram-bot, with bounded replies and without its token in any error."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from fleet.chat.replies import AT_ONCE, needed
from fleet.errors import ChatError
from security.bounded_http import ask

_ANSWERS_WITHIN: Final = 8.0
"""Real seconds for a request, beside the time that a poll may wait."""
_LONGEST_TEXT: Final = 3_500
"""Characters. Telegram accepts 4,096."""
_KINDS: Final = ("message", "callback_query")
"""An edited message is no command."""


@dataclass(frozen=True, slots=True)
class Said:
    """An update: a text of a chat, or the press of a button with its data. ``press`` names the press."""

    update_id: int
    chat_id: int | None
    text: str = ""
    press: str = ""
    data: str = ""


Buttons = Sequence[tuple[str, str]]
"""Labels with the data that a press returns."""


class ChatBot:
    """One bot. Every method raises ChatError, whose text has no secret."""

    def __init__(self, token: str, base_url: str, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._request, self._polling = BoundedRequest(), BoundedRequest()
        address = f"{base_url.rstrip('/')}/bot"
        self._bot = Bot(token, base_url=address, request=self._request, get_updates_request=self._polling)
        self.number = token.partition(":")[0]
        """The bot's public number."""

    async def name(self) -> str:
        """Return the bot's name; it proves that the token is valid."""
        return f"@{(await self._within(self._bot.get_me())).username}"

    async def updates(self, offset: int | None, wait: int) -> list[Said]:
        """Wait so many seconds for updates from an id on; those before it are acknowledged."""
        asked = self._bot.get_updates(
            offset, limit=AT_ONCE, timeout=wait, allowed_updates=_KINDS, read_timeout=wait + _ANSWERS_WITHIN
        )
        return [_said(update) for update in await self._within(asked, wait)]

    async def send(self, chat_id: int, text: str, buttons: Buttons = ()) -> None:
        """Send a text without formatting, in which secrets are masked."""
        keys = [InlineKeyboardButton(label, callback_data=data) for label, data in buttons]
        markup = InlineKeyboardMarkup([keys]) if keys else None
        await self._within(self._bot.send_message(chat_id, self._mask(text)[:_LONGEST_TEXT], reply_markup=markup))

    async def acknowledge(self, press: str, text: str) -> None:
        """Answer the press of a button; the text stays on the screen for a moment."""
        await self._within(self._bot.answer_callback_query(press, text[:200]))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._request.shutdown()
        await self._polling.shutdown()

    async def _within(self, asked: Any, wait: float = 0.0) -> Any:
        try:
            async with asyncio.timeout(wait + _ANSWERS_WITHIN):
                return await asked
        except TimeoutError:
            raise ChatError(f"Telegram did not answer within {wait + _ANSWERS_WITHIN:g} s") from None
        except TelegramError as error:
            raise ChatError(self._mask(f"Telegram: {type(error).__name__}: {error.message}")) from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ChatError(f"Telegram's answer cannot be read ({type(error).__name__})") from None


def _said(update: Update) -> Said:
    if (pressed := update.callback_query) is not None:
        chat = None if pressed.message is None else pressed.message.chat.id
        return Said(update.update_id, chat, press=pressed.id, data=pressed.data or "")
    if (message := update.message) is not None:
        return Said(update.update_id, message.chat.id, text=message.text or "")
    return Said(update.update_id, None)


class BoundedRequest(BaseRequest):
    """The library's requests by our client, which reads uncompressed replies of a bounded size."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=_ANSWERS_WITHIN)

    @property
    def read_timeout(self) -> float:
        """Return the seconds of a request without a time of its own."""
        return _ANSWERS_WITHIN

    async def initialize(self) -> None:
        """Do nothing: the client opens its connections itself."""

    async def shutdown(self) -> None:
        """Close the client."""
        await self._http.aclose()

    async def do_request(  # noqa: PLR0913, PLR0917 - the library's signature
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ARG002
    ) -> tuple[int, bytes]:
        """Send a request and read its reply. Errors name the kind of fault only: an address contains the token."""
        seconds = read_timeout if isinstance(read_timeout, int | float) else _ANSWERS_WITHIN
        data = request_data.json_parameters if request_data else None
        try:
            reply = await ask(self._http, method, url, data=data, timeout=httpx.Timeout(_ANSWERS_WITHIN, read=seconds))
        except httpx.TimeoutException:
            raise TimedOut from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise NetworkError(type(fault).__name__) from None
        if not reply.is_success:
            return reply.status_code, reply.content
        try:
            return reply.status_code, await asyncio.to_thread(needed, reply.content)
        except ValueError:
            raise NetworkError("its answer cannot be read") from None
