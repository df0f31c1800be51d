"""Pages get what has changed, from one reading for all of them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from reporting.sentences import Language
from web import live
from web.live import Live, TooManyPagesError


class Books:
    """What a reading returns, and how often it was read."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {"head": {"net": 0}, "workers": []}
        self.fault: Exception | None = None
        self.read = 0

    async def view(self) -> Mapping[Language, Mapping[str, Any]]:
        self.read += 1
        if self.fault is not None:
            raise self.fault
        return {"en": self.parts, "ko": self.parts}


async def parts(events: Any) -> Any:
    """Return the next event's parts."""
    text: str = await anext(events)
    assert text.startswith("event: parts\n"), text
    return json.loads(text.partition("data: ")[2])


async def test_a_page_gets_everything_first_and_then_what_has_changed() -> None:
    books = Books()
    events = Live(books.view, every=0).events("en")

    assert await parts(events) == {"head": {"net": 0}, "workers": []}
    books.parts = {"head": {"net": 5}, "workers": []}
    while not (found := await parts(events)):
        pass
    assert found == {"head": {"net": 5}}
    await events.aclose()


async def test_a_reading_that_fails_is_named_and_the_last_state_stays() -> None:
    books = Books()
    events = Live(books.view, every=0).events("en")
    await parts(events)

    books.fault = OSError("gone")
    found = [await anext(events) for _ in range(4)]

    assert 'event: trouble\ndata: "OSError: gone"\n\n' in found
    assert all('"head"' not in each for each in found)
    await events.aclose()


async def test_pages_share_a_reading_and_none_is_made_without_a_page() -> None:
    books = Books()
    shared = Live(books.view, every=0.05)
    pages = [shared.events("en"), shared.events("ko")]
    first = await asyncio.gather(*(parts(page) for page in pages))
    assert (first[0], books.read) == (first[1], 1)

    for page in pages:
        await page.aclose()
    assert shared._reading is not None
    await shared._reading
    assert shared.pages == 0


async def test_more_pages_than_one_process_serves_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_PAGES", 1)
    shared = Live(Books().view, every=0)
    first = shared.events("en")
    await parts(first)

    with pytest.raises(TooManyPagesError):
        await anext(shared.events("en"))
    await first.aclose()
