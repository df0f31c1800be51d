"""Alert channels by address. Each message is sent in its own thread, so a channel that hangs blocks no other work."""

import asyncio
import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Final

from domain.event import EventLevel
from fleet.errors import OperationError

LARGEST_ANSWER: Final = 65_536
"""Maximum bytes read from a channel's response."""
LONGEST_SEND: Final = 15.0
"""Real seconds after which an attempt counts as failed."""
_TYPES: Final = {EventLevel.INFO: "info", EventLevel.WARNING: "warning"}
_FORMATS_ANY_TEXT: Final = frozenset({"discord", "discords"})
"""Services whose clients render plain text as formatted text. For other services apprise escapes it."""
_FORMATTING: Final = re.compile(r"([\\*_~`|\[\]()])|^(\s*)([#>-])", re.MULTILINE)
_APART: Final = "\N{ZERO WIDTH SPACE}"
_LONGEST_ESCAPED: Final = 1_900
"""Characters. Discord accepts 2,000."""
_ADDRESS_HELP: Final = "see https://github.com/caronc/apprise/wiki for how it is written"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it appears in a channel. Contains no secrets."""

    title: str
    body: str
    level: EventLevel


@dataclass(slots=True)
class Channel:
    """One address. ``name`` may be shown to people. ``key`` is the digest of the address."""

    name: str
    key: str
    url: str = field(repr=False)
    _sending: threading.Thread | None = field(default=None, repr=False)

    async def send(self, message: Message, seconds: float = LONGEST_SEND) -> str:
        """Send, and return why it failed; empty when the channel accepted the message.

        An attempt that takes too long is abandoned. No new attempt starts while it is still running.
        """
        if self._sending is not None and self._sending.is_alive():
            return "the previous attempt has not ended yet"
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sending = _begin(lambda: _notify(self.url, message), outcome)
        try:
            async with asyncio.timeout(seconds):
                return await outcome
        except TimeoutError:
            return f"no answer within {seconds:g} s"


def channels_of(urls: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels at these addresses.

    Raises:
        OperationError: an address cannot be parsed. The text names its position and scheme only.
    """
    return tuple(_channel(number, url) for number, url in enumerate(urls, start=1))


def _channel(number: int, url: str) -> Channel:
    scheme = match[0] if (match := re.match(r"[a-z][a-z0-9+.-]*(?=://)", url, re.IGNORECASE)) else "?"
    if _apprise().Apprise.instantiate(url, suppress_exceptions=True) is None:
        raise OperationError(f"HARU_ALERTS__URLS: address {number} ({scheme}://…) cannot be used; {_ADDRESS_HELP}")
    return Channel(f"{number} ({scheme})", hashlib.sha256(url.encode()).hexdigest()[:16], url)


def _begin(send: Callable[[], str], outcome: "asyncio.Future[str]") -> threading.Thread:
    loop = asyncio.get_running_loop()

    def answer(trouble: str) -> None:
        if not outcome.done():
            outcome.set_result(trouble)

    def run() -> None:
        try:
            trouble = send()
        except Exception as fault:  # noqa: BLE001 - any exception of a channel's library is a failure of that channel
            trouble = f"{type(fault).__name__}: {fault}"
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(answer, trouble)

    # A daemon thread: a pool thread that hangs would keep the process from exiting.
    thread = threading.Thread(target=run, name="alert", daemon=True)
    thread.start()
    return thread


def plain(text: str, scheme: str) -> str:
    """Return the text without mentions of people or groups and without formatting, for the service of an address."""
    apart = text.replace("@", f"@{_APART}").replace("<", f"<{_APART}")
    if scheme not in _FORMATS_ANY_TEXT:
        return apart
    escaped = _FORMATTING.sub(lambda found: f"{found[2] or ''}\\{found[1] or found[3]}", apart)
    while len(escaped) > _LONGEST_ESCAPED and "\n" in escaped:
        escaped = escaped.rpartition("\n")[0]
    return escaped[:_LONGEST_ESCAPED]


def _notify(url: str, message: Message) -> str:
    apprise = _apprise()
    sender = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
    sender.add(url)
    kind, scheme = _TYPES.get(message.level, "failure"), url.partition(":")[0].lower()
    body, title = plain(message.body, scheme), plain(message.title, scheme)
    outcome = sender.notify(body=body, title=title, notify_type=kind, body_format="text")
    return "" if outcome else _trouble(outcome)


def _trouble(outcome: Any) -> str:
    said = [log.message for result in outcome.results for attempt in result.attempts for log in attempt.logs]
    return "; ".join(said) or "the channel refused the alert without a reason"


@cache
def _apprise() -> Any:
    import apprise  # noqa: PLC0415 - the import takes most of a second; only users with channels pay for it

    _bound_replies()
    return apprise


def _bound_replies() -> None:
    """Limit what is read of a channel's response: apprise sends by ``requests``, which reads and unpacks it whole."""
    adapter = import_module("requests.adapters").HTTPAdapter
    unbounded = adapter.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        request.headers["Accept-Encoding"] = "identity"
        reply = unbounded(self, request, **{**options, "stream": True})
        # Only the status of a response matters. Explanations of a refusal are short.
        reply._content = reply.raw.read(LARGEST_ANSWER, decode_content=False)  # noqa: SLF001 - no public way exists
        reply._content_consumed = True  # noqa: SLF001
        reply.close()
        return reply

    adapter.send = send
