"""The page in a real browser: commands act once, also on a double click and with two pages; a loss of news shows."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.identity import WorkerId
from fleet.fleet import Fleet
from tests.support.chromium import needs_a_browser
from tests.support.devtools import Tab, a_tab
from tests.web.serving import Served, served
from web import app
from web.commands.wanted import Act, Wanted

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


async def opened(tab: Tab, page: Served, width: int = 1440) -> Tab:
    await tab.opens(page.link, width)
    await tab.sees("document.querySelectorAll('#workers tbody tr').length === 2")
    return tab


@pytest.mark.slow
async def test_a_command_acts_once_also_on_a_double_click_and_from_two_pages(
    page: Served, doing: Doing, tmp_path: Path
) -> None:
    act = Act.KILL_SWITCH_ON
    async with a_tab(tmp_path / "one") as one, a_tab(tmp_path / "two") as two:
        first, second = await opened(one, page), await opened(two, page)
        for tab in (first, second):
            await tab.runs(f"document.querySelector('header [data-act=\"{act}\"]').click()")
            await tab.sees("document.getElementById('confirm').open")
        await first.runs("(() => { const yes = document.getElementById('confirm-yes'); yes.click(); yes.click(); })()")
        await first.sees("document.getElementById('answer').textContent.includes('done')")
        assert doing.done == [Wanted(act)]

        await second.runs("document.getElementById('confirm-no').click()")
        assert not await second.runs("document.getElementById('confirm').open")
        assert await first.runs("document.querySelectorAll('#answer img, #workers img').length") == 0
        assert first.complaints == second.complaints == []


@pytest.mark.slow
async def test_one_command_is_planned_at_a_time(page: Served, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        await tab.runs(
            "window.planned = 0; window.fetched = fetch; window.fetch = (...a) => (planned++, fetched(...a))"
        )
        await tab.runs("document.querySelectorAll('#workers [data-act=\"pause\"]').forEach((each) => each.click())")
        await tab.sees("document.getElementById('confirm').open")
        await tab.runs("document.querySelector('header [data-act=\"close\"]').click()")
        assert await tab.runs("planned") == 1


@pytest.mark.slow
async def test_a_screen_reader_gets_names_and_a_refused_stream_says_what_to_do(
    page: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        named = "(each) => document.getElementById(each.getAttribute('aria-labelledby'))?.textContent"
        regions = await tab.runs(f"[...document.querySelectorAll('[tabindex=\"0\"]')].map({named})")
        assert regions == ["Waits for your decision", "Positions", "Workers", "Last scan", "Orders", "Events", "Rules"]
        labels = await tab.runs("[...document.querySelectorAll('#workers button')].map((each) => each.ariaLabel)")
        assert "Pause · worker-1" in labels
        assert len(set(labels)) == len(labels) == 4

        monkeypatch.setattr(app, "MOST_PAGES", 0)
        await tab.opens(page.address + "/")
        await tab.sees("document.getElementById('lost-text')?.textContent.includes('Reload it')")


@pytest.mark.slow
async def test_a_report_cannot_command(page: Served, doing: Doing, tmp_path: Path) -> None:
    reports = tmp_path / "data" / "reports"
    reports.mkdir(parents=True)
    about = "{method: 'POST', headers: {'content-type': 'application/json'}, body: '{\"act\": \"close\"}'}"
    send = f"fetch('../plan', {about})"
    script = f"{send}.then((r) => {{ document.title = r.status; }}, () => {{ document.title = 'blocked'; }})"
    (reports / "hostile.html").write_text(f"<a href=next.html>next</a><script>{script}</script>")
    (reports / "next.html").write_text("<title>the next report</title>")
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        await tab.command("Page.navigate", url=f"{page.address}/reports/hostile.html")
        assert await tab.sees("['200', '401', '403', 'blocked'].find((each) => each === document.title)") == "blocked"
        await tab.runs("document.querySelector('a').click()")
        await tab.sees("document.title === 'the next report'")
    assert doing.done == []


@pytest.mark.slow
async def test_a_server_that_ends_shows_on_a_telephone_too(page: Served, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page, 390)
        assert await tab.runs("document.scrollingElement.scrollWidth <= 390")
        assert await tab.runs("document.getElementById('lost').hidden")

        page.server.should_exit = True
        await tab.sees("!document.getElementById('lost').hidden && document.body.classList.contains('stale')")
        assert "not current" in await tab.runs("document.getElementById('lost').textContent")


@pytest.mark.slow
async def test_a_database_that_is_away_is_shown_and_not_blank(
    page: Served, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise ConnectionRefusedError("the database is away")

    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        monkeypatch.setattr(fleet.database.workers, "board", away)
        await tab.sees("document.getElementById('warnings').textContent.includes('NOT CURRENT')")
        assert await tab.runs("document.querySelectorAll('#workers tbody tr').length") == 2
        monkeypatch.undo()
        await tab.sees("!document.getElementById('warnings').textContent.includes('NOT CURRENT')")
        assert tab.complaints == []
