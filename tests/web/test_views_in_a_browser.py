"""The views in a real browser: no complaint, no jump while updating, usable by keyboard, and losses that show."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from domain.event import Event, EventLevel
from domain.event_kind import EventKind
from domain.money import Quantity
from fleet.fleet import Fleet
from tests.database.books import Books
from tests.support.chromium import needs_a_browser
from tests.support.devtools import Tab, a_tab
from tests.web import scenes
from tests.web.serving import Served, nothing, served

pytestmark = [needs_a_browser, pytest.mark.slow]
VIEWS = ("history", "lab", "lab/pair?a=breakout-1&b=breakout-2")


@pytest.fixture
async def page(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    """Serve a live day at 10:40 with a year of results behind it."""
    fleet = scenes.at(fleet, scenes.NOW)
    await scenes.live_day(fleet)
    async with served(fleet, nothing, tmp_path / "data") as found:
        yield found


async def opened(tab: Tab, page: Served, path: str = "", width: int = 1440) -> Tab:
    await tab.opens(page.link, width)
    await tab.sees("document.querySelectorAll('#workers tbody tr').length > 0")
    if path:
        await tab.command("Page.navigate", url=f"{page.address}/{path}")
        await tab.sees(
            "Boolean(document.getElementById('environment')?.textContent && !document.getElementById('workers'))"
        )
    return tab


async def draws(tab: Tab) -> None:
    """Open the first position and wait for its chart."""
    await tab.runs("document.querySelector('button[data-position]').click()")
    await tab.sees("Boolean(document.querySelector('#candles canvas') && document.querySelector('#exits tbody tr'))")


async def test_a_position_is_drawn_and_updates_without_a_jump(page: Served, fleet: Fleet, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        await draws(tab)
        assert await tab.runs("document.activeElement.id") == "position"
        await tab.runs("window.drawn = document.querySelector('#candles canvas'); scrollTo(0, 300)")
        before = await tab.runs("[document.querySelector('#close').getBoundingClientRect().top, scrollY]")

        held = (await fleet.database.positions.held_in(fleet.account_id))[0]
        price = type(held.last_price)(71_800)
        await fleet.database.positions.mark(held.position_id, price, price, scenes.NOW)
        await tab.sees("document.querySelector('#positions tbody').textContent.includes('71,800')")
        await tab.sees("document.getElementById('legend').textContent.includes('71,800')")

        assert await tab.runs("window.drawn === document.querySelector('#candles canvas')"), "the chart is kept"
        after = await tab.runs("[document.querySelector('#close').getBoundingClientRect().top, scrollY]")
        assert after == before, "nothing below has moved"
        await tab.runs("document.getElementById('position-close').click()")
        assert await tab.runs("document.activeElement.dataset.position") == held.position_id
        assert tab.complaints == []


async def test_a_position_that_is_sold_closes_its_chart(page: Served, fleet: Fleet, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page)
        await draws(tab)
        held = (await fleet.database.positions.held_in(fleet.account_id))[0]
        event = Event(fleet.account_id, EventKind.POSITION_SOLD, EventLevel.INFO, scenes.NOW, held.session_date)
        order = (await fleet.database.orders.on(fleet.account_id, held.session_date))[-1]
        books = Books(fleet.database, fleet.account_id)
        await books.cancelled(order, order.filled_quantity)
        assert await fleet.database.positions.take_away(held, Quantity(0), event)
        await tab.sees("document.getElementById('position').hidden")


@pytest.mark.parametrize("path", VIEWS)
async def test_a_view_says_when_its_server_or_its_database_is_away(
    page: Served, fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    scenes.some_backtests(tmp_path / "data")

    async def away(*_: Any) -> Any:
        raise ConnectionRefusedError("the database is away")

    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page, path)
        assert await tab.runs("document.getElementById('lost').hidden")
        with monkeypatch.context() as patched:
            patched.setattr(fleet.database.workers, "board", away)
            await tab.sees("document.getElementById('warnings').textContent.includes('NOT CURRENT')")
        await tab.sees("!document.getElementById('warnings').textContent.includes('NOT CURRENT')")
        page.server.should_exit = True
        await tab.sees("!document.getElementById('lost').hidden")
        assert "not current" in await tab.runs("document.getElementById('lost').textContent")


async def test_filters_and_the_choice_of_two_results_work_by_keyboard(
    page: Served, fleet: Fleet, tmp_path: Path
) -> None:
    await scenes.a_year(fleet, tmp_path / "data")
    scenes.some_backtests(tmp_path / "data")
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page, "history")
        await tab.sees("Boolean(document.querySelector('#against canvas'))")
        await tab.runs("document.querySelector('#filters input').focus()")
        await tab.command("Input.insertText", text="naver")
        for kind in ("keyDown", "keyUp"):
            await tab.command("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r")
        await tab.sees("location.search.includes('stock=naver')")
        await tab.sees("Boolean(document.querySelector('#trades tbody tr'))")
        assert not await tab.runs("document.querySelector('#trades tbody').textContent.includes('Kakao')")
        assert await tab.runs("document.querySelector('#filters input').value") == "naver"

        await opened(tab, page, "lab")
        assert await tab.runs("document.querySelector('[data-compare=backtests]').disabled")
        for place, name in (("a", "breakout-1"), ("b", "breakout-2")):
            await tab.runs(f"document.querySelector('input[name=backtests-{place}][value={name}]').click()")
        await tab.runs("document.querySelector('[data-compare=backtests]').click()")
        await tab.sees("location.pathname.endsWith('lab/pair')")
        await tab.sees("Boolean(document.querySelector('#against canvas'))")
        assert tab.complaints == []


@pytest.mark.parametrize("path", ["", *VIEWS])
async def test_a_telephone_shows_each_view_without_scrolling_sideways(
    page: Served, fleet: Fleet, tmp_path: Path, path: str
) -> None:
    await scenes.a_year(fleet, tmp_path / "data")
    scenes.some_backtests(tmp_path / "data")
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page, path, 390)
        if not path:
            await draws(tab)
        assert await tab.runs("document.scrollingElement.scrollWidth <= 390")
        assert tab.complaints == []


async def test_the_page_can_be_installed(page: Served, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await opened(tab, page, width=390)
        manifest = await tab.command("Page.getAppManifest")
        assert (manifest["errors"], "icon-512.png" in manifest["data"]) == ([], True)
        assert (await tab.command("Page.getInstallabilityErrors"))["installabilityErrors"] == []
