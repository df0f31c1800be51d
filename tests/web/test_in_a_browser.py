"""The page in a real browser: commands act once, also on a double click and with two pages; a loss of news shows."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.identity import WorkerId
from fleet.fleet import Fleet
from tests.support.chromium import needs_a_browser
from tests.support.devtools import Browser, Tab, browser
from tests.web.serving import Served, served
from web.acts import Act, Wanted

pytestmark = needs_a_browser
HOSTILE = "<img src=x onerror=alert(1)>"


class Doing:
    """Notes each command that was carried out."""

    def __init__(self) -> None:
        self.done: list[Wanted] = []

    async def perform(self, wanted: Wanted) -> Mapping[str, Any]:
        self.done.append(wanted)
        return {"well": True, "lines": [f"{wanted.act} done {HOSTILE}"]}


@pytest.fixture
def doing() -> Doing:
    return Doing()


@pytest.fixture
async def page(fleet: Fleet, tmp_path: Path, doing: Doing) -> AsyncIterator[Served]:
    names = {WorkerId(name): f"w/{name}" for name in ("worker-1", HOSTILE)}
    await fleet.database.workers.register_all(fleet.account_id, names)
    async with served(fleet, doing.perform, tmp_path / "data") as found:
        yield found


@pytest.fixture
async def chrome(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browser(tmp_path / "profile") as found:
        yield found


async def opened(chrome: Browser, page: Served, width: int = 1440) -> Tab:
    tab = await chrome.tab(width)
    await tab.go(page.link)
    await tab.until("document.querySelectorAll('#workers tbody tr').length === 2")
    return tab


@pytest.mark.slow
async def test_a_command_acts_once_also_on_a_double_click_and_from_two_pages(
    chrome: Browser, page: Served, doing: Doing
) -> None:
    act = Act.KILL_SWITCH_ON
    first, second = await opened(chrome, page), await opened(chrome, page)
    for tab in (first, second):
        await tab.value(f"document.querySelector('header [data-act=\"{act}\"]').click()")
        await tab.until("document.getElementById('confirm').open")
    await first.value("(() => { const yes = document.getElementById('confirm-yes'); yes.click(); yes.click(); })()")
    await first.until("document.getElementById('answer').textContent.includes('done')")
    assert doing.done == [Wanted(act)]

    await second.value("document.getElementById('confirm-no').click()")
    assert not await second.value("document.getElementById('confirm').open")
    assert await first.value("document.querySelectorAll('#answer img, #workers img').length") == 0
    assert chrome.complaints == []


@pytest.mark.slow
async def test_a_server_that_ends_shows_on_a_telephone_too(chrome: Browser, page: Served) -> None:
    tab = await opened(chrome, page, 390)
    assert await tab.value("document.scrollingElement.scrollWidth <= 390")
    assert await tab.value("document.getElementById('lost').hidden")

    page.server.should_exit = True
    await tab.until("!document.getElementById('lost').hidden && document.body.classList.contains('stale')")
    assert "not current" in await tab.value("document.getElementById('lost').textContent")


@pytest.mark.slow
async def test_a_database_that_is_away_is_shown_and_not_blank(
    chrome: Browser, page: Served, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await opened(chrome, page)

    async def away(*_: Any) -> Any:
        raise ConnectionRefusedError("the database is away")

    monkeypatch.setattr(fleet.database.workers, "board", away)
    await tab.until("document.getElementById('warnings').textContent.includes('NOT CURRENT')")
    assert await tab.value("document.querySelectorAll('#workers tbody tr').length") == 2
    monkeypatch.undo()
    await tab.until("!document.getElementById('warnings').textContent.includes('NOT CURRENT')")
    assert chrome.complaints == []
