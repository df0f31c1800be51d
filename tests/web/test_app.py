"""Only a browser that has opened the printed link sees the page or commands; nothing else gets in."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fleet.fleet import Fleet
from tests.web.serving import KEY, Served, nothing, served
from web.commands.wanted import Act

PATHS = ("/live", "/positions/p-1", "/reports/index.html", "/backtests/b/report.html")


@pytest.fixture
async def page(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(fleet, nothing, tmp_path) as found:
        yield found


@pytest.fixture
async def stranger(page: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=page.address, timeout=60) as found:
        yield found


def posts(page: Served, **changes: str) -> dict[str, str]:
    return {**page.headers, **changes}


async def test_without_the_link_nothing_is_shown_or_done(page: Served, stranger: httpx.AsyncClient) -> None:
    closed = await stranger.get("/")
    assert (closed.status_code, "starter.py web" in closed.text) == (401, True)
    assert [(await stranger.get(path)).status_code for path in PATHS] == [401] * len(PATHS)
    for path in ("/plan", "/act"):
        assert (await stranger.post(path, content="{}", headers=posts(page))).status_code == 401


async def test_the_link_opens_the_page_and_its_key_leaves_the_address(page: Served) -> None:
    opened = await page.browser.get("/")
    assert (opened.status_code, KEY in opened.text) == (200, False)
    assert "script-src 'self'" in opened.headers["content-security-policy"]
    assert "unsafe" not in opened.headers["content-security-policy"]
    cookie = next(iter(page.browser.cookies.jar))
    assert (KEY in (cookie.value or ""), cookie.has_nonstandard_attr("HttpOnly")) == (False, True)


async def test_guesses_are_refused_and_do_not_lock_the_right_key_out(page: Served, stranger: httpx.AsyncClient) -> None:
    guesses = [httpx.URL(page.origin).copy_merge_params({"key": f"guess-{number}"}) for number in range(12)]
    assert [(await stranger.get(each)).status_code for each in guesses] == [403] * 10 + [429] * 2
    assert (await stranger.get(page.link)).status_code == 303
    assert (await stranger.get("/")).status_code == 200


async def test_a_cookie_goes_to_no_other_server_of_this_machine(fleet: Fleet, page: Served, tmp_path: Path) -> None:
    async with served(fleet, nothing, tmp_path, key="the-key-of-another-page") as other:
        elsewhere = [f"{other.origin}/", f"{other.origin}/live", f"{other.origin}/assets/page.js"]
        assert all("cookie" not in page.browser.build_request("GET", each).headers for each in elsewhere)
        assert (await page.browser.get(other.address + "/")).status_code == 401

        opened = await page.browser.get(other.origin, params={"key": "the-key-of-another-page"})
        assert opened.status_code == 303
        both = [(await page.browser.get(each)).status_code for each in (f"{page.address}/", f"{other.address}/")]
    assert both == [200, 200], "two pages in one browser do not take each other's cookie"


async def test_outside_its_own_path_the_page_is_closed(page: Served) -> None:
    found = [(await page.browser.get(page.origin + path)).status_code for path in ("/", *PATHS)]
    assert found == [401, 404, 404, 404, 404]


@pytest.mark.parametrize(
    "odd",
    [
        {"origin": "http://evil.example"},
        {"origin": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ],
    ids=str,
)
async def test_another_site_can_command_nothing(page: Served, odd: dict[str, str]) -> None:
    asked = json.dumps({"act": "close"})
    assert (await page.browser.post("/plan", content=asked, headers=posts(page, **odd))).status_code == 403


@pytest.mark.parametrize("path", ["/", "/live", "/reports/index.html"])
async def test_another_name_for_this_machine_is_refused(page: Served, path: str) -> None:
    assert (await page.browser.get(path, headers={"host": "rebound.example"})).status_code == 403


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", '{"act": "sell everything"}', "{}", "[" * 3000, '{"act": {"a": 1}}', '{"act": "a\\u0000"}'],
)
async def test_an_odd_command_is_refused(page: Served, body: str) -> None:
    assert (await page.browser.post("/plan", content=body, headers=page.headers)).status_code == 400


async def test_a_large_body_is_refused_before_it_is_read(page: Served) -> None:
    large = await page.browser.post("/plan", content="x" * 100_000, headers=page.headers)
    assert large.status_code == 413


async def test_a_page_that_only_shows_commands_nothing(fleet: Fleet, tmp_path: Path) -> None:
    async with served(fleet, nothing, tmp_path, may_act=False) as page:
        asked = json.dumps({"act": "close"})
        assert (await page.browser.post("/plan", content=asked, headers=page.headers)).status_code == 403
        shown = await page.browser.get("/")
    assert 'data-act="close"' not in shown.text


@pytest.mark.parametrize(
    "path",
    [
        "/backtests/linked/page.html",
        "/reports/../secret.html",
        "/reports/..%2fsecret.html",
        "/reports/%2e%2e/secret.html",
        "/reports/.hidden.html",
        "/reports/report.json",
        "/reports/link.html",
        "/backtests/%2e%2e/page.html",
        "/keys/a/page.html",
        "/assets/../app.py",
        "/assets/%2e%2e%2fapp.py",
        "/positions/none",
    ],
)
async def test_only_written_pages_are_served(page: Served, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.html").write_text("secret")
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in (".hidden.html", "report.json", "page.html"):
        (reports / name).write_text("secret" if name != "page.html" else "<p>a page</p>")
    (reports / "link.html").symlink_to(tmp_path / "secret.html")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "page.html").write_text("secret")
    (tmp_path / "backtests").mkdir()
    (tmp_path / "backtests" / "linked").symlink_to(tmp_path / "private")

    here = httpx.URL(page.address)
    found = await page.browser.get(here.copy_with(raw_path=f"{here.path}{path}".encode()))

    assert (found.status_code, "secret" in found.text) == (404, False)
    served_page = await page.browser.get("/reports/page.html")
    assert served_page.text == "<p>a page</p>"
    assert served_page.headers["content-security-policy"].startswith("sandbox allow-scripts;")


async def test_a_folder_of_reports_may_be_on_another_disk(page: Served, tmp_path: Path) -> None:
    disk = tmp_path / "disk" / "b"
    disk.mkdir(parents=True)
    (disk / "page.html").write_text("<p>a page</p>")
    (tmp_path / "backtests").symlink_to(tmp_path / "disk")
    (disk / "loop.html").symlink_to(disk / "loop.html")

    assert (await page.browser.get("/backtests/b/page.html")).status_code == 200
    assert (await page.browser.get("/backtests/b/loop.html")).status_code == 404


async def test_a_plan_is_made_and_carried_out(page: Served) -> None:
    plan = await page.browser.post("/plan", content=json.dumps({"act": Act.CLOSE}), headers=page.headers)
    assert plan.json()["sells"]
    done = await page.browser.post("/act", content=json.dumps({"plan": plan.json()["plan"]}), headers=page.headers)
    assert done.json() == {"well": True, "lines": []}
    whole = '{"act": "close", "worker": "worker-1"}'
    shown = (await page.browser.post("/plan", content=whole, headers=page.headers)).json()
    assert shown["worker"] == "all", "a command to the fleet shows no worker"
    stale = await page.browser.post("/act", content='{"plan": "x"}', headers=page.headers)
    assert (stale.status_code, "too old" in stale.json()["error"]) == (409, True)
    unknown = await page.browser.post("/plan", content='{"act": "pause", "worker": "w<b>"}', headers=page.headers)
    assert unknown.status_code == 409


async def test_a_chart_waits_for_a_database_that_is_away(
    page: Served, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionRefusedError("the database is away")

    monkeypatch.setattr(fleet.database.positions, "live", away)
    assert (await page.browser.get("/positions/p-1")).status_code == 503


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
async def test_other_methods_do_nothing(page: Served, method: str) -> None:
    for path in ("/", "/plan", "/act"):
        assert (await page.browser.request(method, path, headers=page.headers)).status_code == 405


async def test_the_stream_tells_the_state_in_the_asked_language(page: Served) -> None:
    for language, word in (("en", "opening"), ("ko", "")):
        async with page.browser.stream("GET", "/live", params={"lang": language}) as stream:
            lines = stream.aiter_lines()
            while not (line := await anext(lines)).startswith("data: {"):
                pass
        parts = json.loads(line.removeprefix("data: "))
        assert parts["head"]["environment"] == "simulated"
        assert parts["limits"][0] == {"name": "fleet_loss", "left": 2_000_000, "limit": 2_000_000}
        assert parts["head"]["phase"].isascii() == (language == "en"), word
