"""The control page in a real browser: what it shows, what its buttons change, and who may use it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.callers import PAGE, Callers
from simulator.page import routes
from tests.simulator.market_day import SAMSUNG, Client, Day, a_simulation, an_order
from tests.simulator.streaming import Venue, a_venue
from tests.support.chromium import needs_a_browser
from tests.support.devtools import Tab, a_tab

TOKEN = "t" * 32
HOSTILE = "<img src=x onerror=document.title='owned'>"
FOLDER = Path(routes.__file__).parent
TOO_WIDE = """[...document.querySelectorAll("body, main, section, header, h2, p, form, label")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with a_venue(listings=48) as running:
        yield running


def test_the_page_has_every_word_in_both_languages() -> None:
    english, korean = re.findall(r'"(?:en|ko)": \{(.*?)\n  \}', (FOLDER / "words.js").read_text(), re.DOTALL)
    both = [re.findall(r'"([a-z_-]+)": "', words) for words in (english, korean)]
    used = re.findall(r'data-word="([a-z-]+)"', (FOLDER / "page.html").read_text())
    used += re.findall(r'word\("([a-z-]+)"\)', (FOLDER / "page.js").read_text())

    assert both[0] == both[1]
    assert set(used) <= set(both[0])


async def test_the_page_needs_nothing_from_elsewhere_and_runs_no_inline_script() -> None:
    client = Client(a_simulation())
    moved = await client.http.get("/control")
    replies = {path: await client.http.get(path) for path in PAGE if path != "/control"}

    assert (moved.status_code, moved.headers["location"]) == (307, "/control/")
    assert {reply.status_code for reply in replies.values()} == {200}
    for reply in replies.values():
        assert "default-src 'none'; script-src 'self'" in reply.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert not re.search(r"https?://|<script>|\son\w+=|\sstyle=|innerHTML", reply.text)


async def test_the_view_names_clock_stocks_book_account_faults_and_what_is_not_served() -> None:
    client = Client(a_simulation())
    Day(client.simulation).buys(10)
    await client.control("/faults", {"kind": "delay", "path": "order-cash", "seconds": 1})
    await client.get("/quotations/nothing", "FHKST00000000", {})

    view = (await client.http.get("/control/view", params={"search": "삼성전자"})).json()

    assert (view["speed"], view["phase"], view["found"]) == (0, "continuous", len(view["stocks"]))
    assert view["stock"]["symbol"] == SAMSUNG
    assert (len(view["stock"]["asks"]), len(view["stock"]["bids"])) == (10, 10)
    assert view["account"]["holdings"][0]["quantity"] == view["account"]["orders"][0]["filled"] == 10
    assert [rule["kind"] for rule in view["faults"]] == ["delay"]
    assert [kind["tr_id"] for kind in view["not_served"]] == ["FHKST00000000"]
    assert {"delay", "stream_cut"} <= set(view["fault_kinds"])


@pytest.mark.parametrize("path", ["/control/view", "/control/not-served"])
async def test_with_a_token_the_page_is_open_and_the_market_is_not(path: str) -> None:
    async with a_venue(callers=Callers(control_token=TOKEN)) as venue:
        page = await venue.http.get(f"{venue.url()}/control/")
        refused = await venue.http.get(venue.url() + path)
        foreign = await venue.http.get(f"{venue.url()}/control/", headers={"host": "attacker.example"})

    assert [page.status_code, refused.status_code, foreign.status_code] == [200, 401, 421]


@needs_a_browser
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_what_the_page_changes_happens_in_the_market(venue: Venue, tmp_path: Path) -> None:
    limit = venue.simulation.exchange.snapshot(SAMSUNG, venue.simulation.market_now()).limits.upper
    await venue.post("/trading/order-cash", "TTTC0012U", an_order(7))
    async with a_tab(tmp_path / "profile") as tab:
        await tab.opens(f"{venue.url()}/control/?lang=en")
        await tab.sees(_rows(venue))
        await _clicks(tab, "[data-advance='60']", "$('#time').textContent.includes('09:31:00')")
        await tab.runs(f"document.querySelector('#price').value = {limit}")
        await _clicks(tab, "#price-form button", f"$('#price').placeholder === '{limit}'")
        await _clicks(tab, "[data-condition='halted']", "$('#stocks').textContent.includes('halted')")
        await _clicks(tab, "#language", "$('#clock h2').textContent === '시계'")
        await _clicks(tab, "#run", "$('#pace').textContent.includes('60')")
        await _clicks(tab, "#pause", "$('#pace').textContent === '정지됨'")
        orders = await tab.runs("document.querySelector('#orders').textContent")

    stock = venue.simulation.exchange.snapshot(SAMSUNG, venue.simulation.market_now())
    assert (stock.price, stock.conditions.halted) == (limit, True)
    assert "매수" in orders
    assert tab.complaints == []


@needs_a_browser
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_fault_is_injected_and_cleared_and_its_text_is_no_markup(venue: Venue, tmp_path: Path) -> None:
    async with a_tab(tmp_path / "profile") as tab:
        await tab.opens(f"{venue.url()}/control/?lang=en")
        await tab.sees("document.querySelectorAll('#kind option').length > 10")
        await tab.runs("document.querySelector('#kind').value = 'http_error'")
        await tab.runs(f"document.querySelector('#path').value = {json.dumps(HOSTILE)}")
        await _clicks(tab, "#fault-form button", "$('#rules').textContent.includes('onerror')")
        injected = [(rule.kind, rule.path) for rule in venue.simulation.faults.rules]
        await _clicks(tab, "#clear", "$('#rules').textContent === 'none'")
        title = await tab.runs("document.title")

    assert injected == [("http_error", HOSTILE)]
    assert venue.simulation.faults.rules == []
    assert title == "kis-simulator"
    assert tab.complaints == []


@needs_a_browser
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_page_fits_a_desk_and_a_telephone_and_asks_for_the_token(tmp_path: Path) -> None:
    async with a_venue(callers=Callers(control_token=TOKEN), listings=48) as venue, a_tab(tmp_path / "p") as tab:
        Day(venue.simulation).buys(3)
        for width in (1440, 390):
            await tab.opens(f"{venue.url()}/control/?lang=ko", width)
            await tab.sees("document.querySelector('#token-form')?.hidden === false")
            await tab.runs(f"document.querySelector('#token').value = {TOKEN!r}")
            await _clicks(tab, "#token-form button", _rows(venue))
            await tab.sees("document.querySelector('#message').hidden")
            await tab.pictures(tmp_path / f"{width}.png")

            assert await tab.runs(TOO_WIDE) == [], width
            assert await tab.runs("document.scrollingElement.scrollWidth") <= width

    complaints = [each for each in tab.complaints if "401" not in each]
    assert complaints == []


def _rows(venue: Venue) -> str:
    """Return a script that is true once the page shows every stock."""
    return f"document.querySelectorAll('#stocks tr').length === {len(venue.simulation.exchange.tapes)}"


async def _clicks(tab: Tab, selector: str, then: str) -> None:
    """Click, and wait until a script with ``$`` for querySelector is true."""
    await tab.runs(f"document.querySelector({json.dumps(selector)}).click()")
    await tab.sees(then.replace("$(", "document.querySelector("))


async def test_a_view_of_an_unknown_stock_and_account_shows_the_first_ones() -> None:
    client = Client(a_simulation())

    view = (await client.http.get("/control/view", params={"symbol": "999999", "account": "1", "search": "zz"})).json()

    assert (view["stocks"], view["account"]) == ([], None)
    assert view["stock"]["symbol"] in client.simulation.exchange.tapes
