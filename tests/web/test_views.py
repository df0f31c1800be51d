"""The views over HTTP: the live parts, history with its exports, and the lab."""

import csv
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fleet.fleet import Fleet
from reporting.sentences import LANGUAGES, Language, words
from tests.web import scenes
from tests.web.serving import Served, nothing, served

VIEWS = ("/history", "/lab", "/lab/pair?a=breakout-1&b=breakout-2")
FILES = ("/history/trades.csv", "/history/tax.csv", "/history/2026-11-20")


@pytest.fixture
async def page(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    """Serve the page of a fleet at 10:40, without any trade."""
    async with served(scenes.at(fleet, scenes.NOW), nothing, tmp_path) as found:
        yield found


async def live_parts(page: Served, language: str = "en", query: str = "") -> dict[str, Any]:
    """Return the first parts of the stream."""
    async with page.browser.stream("GET", f"/live?lang={language}{query}") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                if found:
                    return found
    raise AssertionError("the stream has ended")


def rows(text: str) -> list[list[str]]:
    """Return the rows of a CSV file after its header."""
    assert text.startswith("\ufeff"), "spreadsheets know UTF-8 by it"
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


async def test_the_live_parts_show_the_day(fleet: Fleet, page: Served) -> None:
    await scenes.live_day(scenes.at(fleet, scenes.NOW))

    found = await live_parts(page)

    first = found["positions"][0]
    assert (first["nearest"]["rule"], first["nearest"]["won"] < 0) == ("trailing_stop", True)
    assert [(each["name"], each["done"]) for each in first["order"]["steps"]] == [
        ("decided", True),
        ("sent", True),
        ("answered", True),
        ("filled", False),
    ]
    assert all(each["ms"] is None or each["ms"] >= 0 for order in found["orders"] for each in order["steps"])
    assert [each["name"] for each in found["close"]["steps"] if each["done"]] == []
    assert found["close"]["proof"] is None
    (scan,) = found["scans"]
    assert (scan["looked_at"], scan["strategies"]) == (212, "volatility breakout, momentum")
    assert [(each["symbol"], each["filter"]) for each in scan["stocks"][:2]] == [
        ("035720", ""),
        ("005930", "locked by a worker"),
    ]
    assert (found["health"]["verified"]["violations"], found["health"]["verified"]["over"]) == (0, False)
    assert set(found["ages"]) == {each["id"] for each in found["positions"]}
    traded = next(each for each in found["workers"] if each["trades"])
    assert (traded["loss_left"], traded["trades_left"]) == (509_000, 29)


async def test_after_the_close_the_proof_is_shown(fleet: Fleet, page: Served) -> None:
    await scenes.liquidation(scenes.at(fleet, scenes.NOW))

    close = (await live_parts(page))["close"]

    assert close["proof"] == {"flat": True, "open_orders": 0, "at": "15:31:00"}
    assert close["held"] == 0


async def test_loud_events_and_a_refused_order_are_counted_and_shown(fleet: Fleet, page: Served) -> None:
    await scenes.incident(scenes.at(fleet, scenes.NOW))

    found = await live_parts(page, "ko")

    assert (found["health"]["errors"], found["health"]["warnings"] >= 1) == (1, True)
    refused = next(each for each in found["orders"] if each["reply"])
    assert [each["done"] for each in refused["steps"]] == [True, True, False, False]
    assert found["head"]["kill_switch"]


async def test_a_view_of_history_gets_only_what_every_page_shows(page: Served) -> None:
    assert set(await live_parts(page, query="&parts=shared")) == {"head", "warnings"}


async def test_a_position_has_its_bars_lines_reason_and_fills(fleet: Fleet, page: Served) -> None:
    fleet = scenes.at(fleet, scenes.NOW)
    await scenes.live_day(fleet)
    held = (await fleet.database.positions.held_in(fleet.account_id))[0]

    path = f"/positions/{held.position_id.replace('/', '%2F')}"
    found = (await page.browser.get(path)).json()

    assert len(found["bars"]) == 40
    first, last = found["bars"][0], found["bars"][-1]
    assert first[0] % 86_400 == 10 * 3600, "10:00 in Seoul, as the chart shows times"
    assert last[4] == found["last"] == held.last_price
    prices = [price for _, price in found["trail"]]
    assert prices == sorted(prices), "the trailing stop never falls"
    assert prices[-1] == pytest.approx(next(e for e in found["exits"] if e["rule"] == "trailing_stop")["price"], abs=1)
    assert found["average"][0][0] == found["bars"][19][0], "no average before its window is full"
    closes = [bar[4] for bar in found["bars"]]
    assert found["average"][-1][1] == pytest.approx(sum(closes[-20:]) / 20, abs=0.1)
    assert sorted((each["side"], each["quantity"]) for each in found["fills"]) == [("buy", 20), ("sell", 8)]
    assert "70,000" in found["why"]["reason"]
    assert found["why"]["parameters"] == {"factor": "0.5"}
    korean = (await page.browser.get(f"{path}?lang=ko")).json()
    assert "추세 이탈" in [each["said"] for each in korean["exits"]]
    assert re.search("[가-힣]", korean["why"]["reason"])


async def test_a_year_shows_its_days_drawdowns_and_the_index_it_has(fleet: Fleet, page: Served, tmp_path: Path) -> None:
    number = await scenes.a_year(fleet, tmp_path)

    text = (await page.browser.get("/history")).text

    assert text.count("<td><a class=") == number // 2
    assert "2026-10" in text
    assert "2026-11" in text
    trades = await fleet.database.trades.between(fleet.account_id, scenes.DAYS[0], scenes.DAYS[-1])
    assert f"{number} trades, net {sum(trade.net_pnl for trade in trades):+,} won".replace("-", "−") in text
    lines = json.loads(re.search(r'id="against-values">(.*?)</script>', text)[1])  # type: ignore[index]
    assert [each["key"] for each in lines["lines"]] == ["strategy", "KOSPI"]
    assert lines["lines"][0]["results"][-1] == sum(trade.net_pnl for trade in trades)
    assert "no levels of KOSDAQ" in text
    assert text.count('class="number loss">−') >= 1
    earlier = (await page.browser.get("/history?year=2025")).text
    assert "no session in this year" in earlier


async def test_filters_choose_the_trades_of_the_table_and_of_the_file(
    fleet: Fleet, page: Served, tmp_path: Path
) -> None:
    await scenes.a_year(fleet, tmp_path)
    trades = await fleet.database.trades.between(fleet.account_id, scenes.DAYS[0], scenes.DAYS[-1])
    losses = [trade for trade in trades if trade.net_pnl <= 0 and trade.worker_id == "worker-3"]
    asked = "year=2026&worker=worker-3&result=loss&stock=kakao"

    shown = (await page.browser.get(f"/history?{asked}")).text
    file = await page.browser.get(f"/history/trades.csv?{asked}&lang=ko")

    assert f"{len(losses)} trades" in shown
    assert "worker=worker-3&amp;result=loss" in shown, "the link of the file has the filters"
    found = rows(file.text)
    assert len(found) == len(losses)
    assert sum(int(row[13]) for row in found) == sum(trade.net_pnl for trade in losses)
    assert "attachment" in file.headers["content-disposition"]
    assert rows((await page.browser.get("/history/trades.csv?stock=no-such-stock")).text) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_tax_sheet_adds_up_to_the_year(
    fleet: Fleet, page: Served, tmp_path: Path, language: Language
) -> None:
    await scenes.a_year(fleet, tmp_path)
    trades = await fleet.database.trades.between(fleet.account_id, scenes.DAYS[0], scenes.DAYS[-1])

    found = rows((await page.browser.get(f"/history/tax.csv?year=2026&lang={language}")).text)

    *months, market, total = found
    names = words(language)["views"]["csv"]
    assert [row[:2] for row in found] == [
        ["2026-10", "kospi"],
        ["2026-11", "kospi"],
        [names["year"], "kospi"],
        [names["year"], names["all"]],
    ]
    for column in range(2, 9):
        assert sum(int(row[column]) for row in months) == int(total[column]) == int(market[column])
    assert int(total[8]) == sum(trade.net_pnl for trade in trades)
    assert int(total[7]) == 1_400 * len(trades)


async def test_each_day_opens_its_report_the_written_one_first(fleet: Fleet, page: Served, tmp_path: Path) -> None:
    await scenes.a_year(fleet, tmp_path)

    made = await page.browser.get("/history/2026-11-20?lang=ko")
    assert (made.status_code, "NAVER" in made.text) == (200, True)
    assert made.headers["content-security-policy"].startswith("sandbox allow-scripts;")

    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "report-2026-11-20.ko.html").write_text("<p>written after the close</p>")
    assert "written after" in (await page.browser.get("/history/2026-11-20?lang=ko")).text
    assert "written after" not in (await page.browser.get("/history/2026-11-20?lang=en")).text
    (reports / "report-2026-11-19.html").symlink_to("/etc/hostname")
    assert "NAVER" in (await page.browser.get("/history/2026-11-19")).text, "no link is followed"


@pytest.mark.parametrize("day", ["2026-11-21", "2026-13-01", "x", "..%2f..%2fsecret"])
async def test_a_day_without_a_session_has_no_report(page: Served, day: str) -> None:
    assert (await page.browser.get(f"/history/{day}")).status_code == 404


async def test_the_lab_lists_results_and_compares_two(page: Served, tmp_path: Path) -> None:
    scenes.some_backtests(tmp_path)

    listed = (await page.browser.get("/lab")).text
    assert all(f'value="{name}"' in listed for name in ("breakout-1", "breakout-2", "breakout-3"))
    link = re.search(r'href="(backtests/breakout-1/report.html)"', listed)
    assert link
    assert (await page.browser.get(f"/{link[1]}")).text == "<title>a backtest</title>"

    pair = (await page.browser.get("/lab/pair?a=breakout-1&b=breakout-2")).text
    assert "volatility_breakout.factor=0.5" in pair
    assert "volatility_breakout.factor=0.7" in pair
    assert "exits.stop_loss" not in pair, "rules that agree are left out"
    assert "not enough evidence" in pair.casefold()
    curves = json.loads(re.search(r'id="against-values">(.*?)</script>', pair)[1])  # type: ignore[index]
    assert [len(each["results"]) for each in curves["lines"]] == [15, 15]


@pytest.mark.parametrize("query", ["a=breakout-1&b=breakout-3", "a=breakout-1", "a=..%2f..&b=breakout-1", ""])
async def test_results_that_cannot_be_compared_are_named(page: Served, tmp_path: Path, query: str) -> None:
    scenes.some_backtests(tmp_path)
    shown = await page.browser.get(f"/lab/pair?{query}")
    assert (shown.status_code, "cannot be compared" in shown.text) == (200, True)


async def test_a_broken_result_does_not_hide_the_others(page: Served, tmp_path: Path) -> None:
    scenes.some_backtests(tmp_path)
    broken = tmp_path / "backtests" / "broken-9"
    broken.mkdir()
    (broken / "report.json").write_text("{")

    shown = (await page.browser.get("/lab")).text

    assert "Cannot be read: broken-9" in shown
    assert 'value="breakout-1"' in shown


async def test_without_the_link_no_view_is_shown(page: Served) -> None:
    async with httpx.AsyncClient(base_url=page.address) as stranger:
        found = [await stranger.get(path) for path in (*VIEWS, *FILES)]
    assert [each.status_code for each in found] == [401] * len(found)
    assert all("script" not in each.text for each in found)


async def test_a_database_that_is_away_is_said_in_the_views(
    fleet: Fleet, page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionRefusedError("the database is away")

    monkeypatch.setattr(fleet.database.page_readings, "years", away)
    monkeypatch.setattr(fleet.database.trades, "between", away)
    shown = await page.browser.get("/history")
    assert (shown.status_code, 'role="alert">This view cannot be read now' in shown.text) == (503, True)
    assert (await page.browser.get("/history/trades.csv")).status_code == 503


async def test_hostile_texts_of_the_books_are_text(fleet: Fleet, page: Served) -> None:
    books = await scenes.staffed(fleet)
    name = '<img src=x onerror=alert(1)>","=cmd()'
    await books.traded(scenes.WORKERS[0], sold_at=70_500, name=name)
    formula = "=HYPERLINK(1)"
    await books.traded(scenes.WORKERS[1], sold_at=70_500, name=formula)

    shown = (await page.browser.get("/history")).text
    file = (await page.browser.get("/history/trades.csv")).text

    assert "<img" not in shown
    assert {row[4] for row in rows(file)} == {name, f"'{formula}"}


def test_the_chart_library_has_its_version_its_licence_and_its_checksum() -> None:
    assets = Path(scenes.__file__).parents[2] / "web" / "assets"
    library, notice = (
        (assets / "lightweight-charts.js").read_bytes(),
        (assets / "lightweight-charts.NOTICE").read_text(),
    )
    assert hashlib.sha256(library).hexdigest() in notice
    assert "v5.2.1" in library[:200].decode()
    assert "Copyright" in notice
    assert "Apache License" in (assets / "lightweight-charts.LICENSE").read_text()
    assert "tradingview.com" in (assets / "position.html.j2").read_text()
