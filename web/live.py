"""One reading a second for all pages, sent as server-sent events: the parts that have changed."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from reporting.sentences import Language

logger = logging.getLogger("haru.web")

EVERY: Final = 1.0
"""Real seconds between two readings."""
MOST_PAGES: Final = 100
SHARED: Final = frozenset({"head", "warnings"})
"""The parts that every page shows."""

View = Callable[[], Awaitable[Mapping[Language, Mapping[str, Any]]]]
"""Reads the state; the parts of the page in each language."""


class TooManyPagesError(Exception):
    """As many pages are open as one process serves."""


class Live:
    """Reads while a page is open. A page that does not keep up gets the latest parts, not all of them."""

    def __init__(self, view: View, every: float = EVERY) -> None:
        self._view = view
        self._every = every
        self._pages = 0
        self._parts: dict[Language, dict[str, str]] = {}
        """The present parts, as JSON."""
        self._trouble = ""
        self._round = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    @property
    def pages(self) -> int:
        """Return how many pages are open."""
        return self._pages

    async def events(self, language: Language, only: Collection[str] | None = None) -> AsyncGenerator[str, None]:
        """Yield a page's events: first all parts, then those that have changed, and a sign of life each round.

        A page of another view gets ``only`` some parts.

        Raises:
            TooManyPagesError: ``MOST_PAGES`` are open.
        """
        if self._pages >= MOST_PAGES:
            raise TooManyPagesError
        self._pages += 1
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        sent: dict[str, str] = {}
        try:
            while True:
                async with self._round:
                    await self._round.wait()
                known = self._parts.get(language, {})
                parts = {name: text for name, text in known.items() if only is None or name in only}
                changed = {name: text for name, text in parts.items() if sent.get(name) != text}
                sent = parts
                yield _event("parts", _object(changed))
                if self._trouble:
                    yield _event("trouble", json.dumps(self._trouble))
        finally:
            self._pages -= 1

    async def _read(self) -> None:
        while self._pages:
            try:
                views = await self._view()
            except Exception as fault:  # noqa: BLE001 - a page outlives whatever the books or Temporal do
                self._trouble = f"{type(fault).__name__}: {fault}"
                logger.warning("page_not_read", extra={"cause": self._trouble})
            else:
                self._trouble = ""
                self._parts = {
                    language: {name: json.dumps(part, ensure_ascii=False) for name, part in parts.items()}
                    for language, parts in views.items()
                }
            async with self._round:
                self._round.notify_all()
            await asyncio.sleep(self._every)


def _object(parts: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def _event(name: str, text: str) -> str:
    return f"event: {name}\ndata: {text}\n\n"
