"""The page in a real browser: every chart is drawn, the console stays empty, a phone needs no sideways scrolling."""

import html
import json
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.money import Price, Won
from domain.position import ExitReason
from domain.rules import ExitRules
from domain.session import SessionDate
from reporting.day import day_values
from reporting.market import Recorded, RecordedDay, RefusedEntry, SignalRun
from reporting.page import page
from reporting.reading import DayBooks
from reporting.sentences import LANGUAGES, Language, words
from reporting.stretch import stretch_values
from tests.reporting.bars import a_daily_bar, minutes
from tests.reporting.parts import (
    FIRST,
    a_carried_position,
    a_close_that_left_shares,
    a_day,
    a_loss,
    a_win,
    an_empty_day,
    an_incident,
    minute,
    with_summaries,
)
from tests.reporting.test_page import HOSTILE
from tests.support.builders import HYNIX, MONDAY, SAMSUNG, a_closed_trade, a_session
from tests.support.chromium import CHROMIUM, needs_a_browser


def researched() -> dict[str, Any]:
    """Return a backtest of two sessions with recorded bars, signals, a refused entry, daily bars and an index."""
    loss, days = a_loss(), [MONDAY, SessionDate(MONDAY + timedelta(days=1))]
    bars = {SAMSUNG: minutes([70_000 + 100 * (place % 13) for place in range(390)], since=9 * 60)}
    signals = {SAMSUNG: (SignalRun(10 * 60 - 5, 10 * 60), SignalRun(11 * 60, 12 * 60))}
    recorded = Recorded(
        {MONDAY: RecordedDay(bars, [SAMSUNG], signals)},
        {symbol: [a_daily_bar(day, 100, 110) for day in days] for symbol in (SAMSUNG, HYNIX)},
        {"KOSPI": [(days[0], 2_000.0), (days[1], 2_010.0)]},
    )
    first = a_day(
        a_win(),
        loss,
        exit_rules={FIRST: ExitRules(trailing_start=Decimal("0.005")), loss.position_id: ExitRules()},
        refused=(RefusedEntry(minute(30), SAMSUNG, "COOLING_DOWN"),),
    )
    second = with_summaries(replace(an_empty_day(), session=a_session(days[1])))
    head = {"kind": "backtest", "gaps": ["no order book"], "fill_rule": "a rule", "unsound": [], "unsold": {}}
    about = {"strategy": "momentum 2", "workers": 1, "rules": {}, "hash": "0" * 16}
    return {**stretch_values([first, second], None, recorded), **head, "about": about}


PAGES: dict[str, tuple[dict[str, Any], Language]] = {
    "hostile": (day_values(a_day(a_win(name=HOSTILE), events=(an_incident(HOSTILE),))), "ko"),
    "empty": (day_values(an_empty_day()), "ko"),
    "stretch": (stretch_values([a_day(), an_empty_day()]), "en"),
    "backtest": (researched(), "ko"),
}

TELEPHONE, DESK = 390, 1440
WIDTHS = """
<script>
const tooWide = (element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
addEventListener("load", () => setTimeout(() => {
  const found = [...document.querySelectorAll("iframe")].map((frame) => {
    const watched = ".card, .tile b, h1, header, dd, .timeline" + (frame.clientWidth > 1000 ? ", .scroll" : "");
    const page = frame.contentDocument, parts = [...page.querySelectorAll(watched)];
    return [page.scrollingElement.scrollWidth, page.scrollingElement.clientWidth].concat(
      parts.filter(tooWide).map((part) => part.className + " " + part.textContent.trim().slice(0, 40)));
  });
  document.body.dataset.widths = JSON.stringify(found);
}, 500));
</script>
"""


USED = """
<script>
addEventListener("load", () => setTimeout(() => {
  const found = [...document.querySelectorAll("iframe")].map((frame) => {
    const page = frame.contentDocument, facts = () => page.querySelector(".facts").textContent;
    const shapes = (node) => node.querySelectorAll("svg path").length;
    const charts = [...page.querySelectorAll("[data-chart]")].map((node) => [node.dataset.chart, shapes(node)]);
    const first = facts(), candles = page.querySelector("[data-chart=candles]"), text = candles.textContent;
    page.querySelectorAll(".picker button")[1].click();
    const second = facts();
    page.querySelector("button.see").click();
    const focus = page.activeElement.tagName;
    return { charts, first, second, third: facts(), focus, text, options: page.querySelectorAll("option").length };
  });
  document.body.dataset.used = JSON.stringify(found);
}, 500));
</script>
"""


def browsed(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return a page's DOM once its scripts have run."""
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    return subprocess.run(
        [
            *(
                str(CHROMIUM),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
            ),
            *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--window-size=1440,2000"),
            *("--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )


@pytest.mark.slow
@needs_a_browser
@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_drawn_and_the_console_is_silent(name: str, tmp_path: Path) -> None:
    values, language = PAGES[name]

    browser = browsed(page(values, language), tmp_path)

    assert [line for line in browser.stderr.splitlines() if "CONSOLE" in line] == []
    assert browser.stdout.count("<svg") == len(re.findall(r'<div class="chart[^"]*" data-chart="', browser.stdout))
    assert ("<svg" in browser.stdout) == (name != "empty")


def framed(text: str, width: int) -> str:
    """Return a frame as wide as a phone or a desktop screen; within it the page's own rules for that width apply."""
    return f'<iframe style="width:{width}px;height:844px;border:0" srcdoc="{html.escape(text)}"></iframe>'


def widths_in(frames: list[str], folder: Path) -> list[list[int | str]]:
    """Return each frame's page width and visible width, and every element that is wider than its place."""
    dom = browsed(f"<body>{''.join(frames)}{WIDTHS}</body>", folder).stdout
    seen = re.search(r'data-widths="([^"]*)"', dom)
    assert seen is not None
    found: list[list[int | str]] = json.loads(html.unescape(seen[1]))
    return found


def a_busy_day() -> DayBooks:
    """Return trades with the longest names and large amounts."""
    large = a_closed_trade(
        *(1_002_000, 1_020_500, 120),
        position_id=FIRST,
        name="LG에너지솔루션",
        exit_reason=ExitReason.TRAILING_STOP,
        exit_decision_price=Price(1_021_000),
        opened_at=minute(0),
        closed_at=minute(301),
    )
    return a_day(large, a_loss(name="두산에너빌리티"))


@pytest.mark.slow
@needs_a_browser
def test_nothing_is_wider_than_a_telephone_and_no_table_than_a_desk(tmp_path: Path) -> None:
    position, fills = a_carried_position()
    rich = a_win(entry_amount=Won(700_000_000_000), exit_amount=Won(699_000_000_000))
    held = a_day(rich, left=(position,), fills=fills, after_close=a_close_that_left_shares())
    texts = [
        page(values, language)
        for values in (day_values(held), stretch_values([held, an_empty_day()]))
        for language in LANGUAGES
    ]

    busy = [
        page(values, language)
        for values in (day_values(a_busy_day()), stretch_values([a_busy_day(), an_empty_day()]))
        for language in LANGUAGES
    ]

    seen = widths_in([*(framed(text, TELEPHONE) for text in texts), *(framed(text, DESK) for text in busy)], tmp_path)

    assert seen == [[TELEPHONE, TELEPHONE]] * len(texts) + [[DESK, DESK]] * len(busy)


@pytest.mark.slow
@needs_a_browser
def test_every_chart_has_shapes_and_the_candles_follow_the_chosen_trade(tmp_path: Path) -> None:
    """Look at 390 and 1,440 pixels in both languages, step to the next trade, and choose one in the table."""
    texts = {language: page(researched(), language) for language in LANGUAGES}
    frames = [(language, width) for language in LANGUAGES for width in (TELEPHONE, DESK)]

    browser = browsed("".join(framed(texts[language], width) for language, width in frames) + USED, tmp_path)

    assert [line for line in browser.stderr.splitlines() if "CONSOLE" in line] == []
    seen = re.search(r'data-used="([^"]*)"', browser.stdout)
    assert seen is not None
    for (language, width), used in zip(frames, json.loads(html.unescape(seen[1])), strict=True):
        said = words(language)["chart"]
        drawn = dict(used["charts"])
        assert {"days", "comparison", "returns", "excursions", "candles", "symbol"} <= set(drawn)
        assert min(drawn.values()) > 3, drawn
        assert drawn["candles"] > (100 if width == TELEPHONE else 700), "two shapes a candle"
        assert "005930" in used["first"]
        assert "000660" in used["second"]
        assert used["third"] == used["first"]
        assert (used["focus"], used["options"]) == ("SELECT", 2)
        for name in ("stop", "target", "trailing", "vwap", "signal", "signal_taken", "refused"):
            assert said[name] in used["text"], name
        step = "1-" if language == "en" else "1분"
        assert (step in used["text"]) == (width == DESK), "a narrow page has longer candles"


@pytest.mark.slow
@needs_a_browser
def test_a_page_with_charts_is_not_wider_than_its_window(tmp_path: Path) -> None:
    texts = [page(researched(), language) for language in LANGUAGES]

    seen = widths_in([framed(text, width) for text in texts for width in (TELEPHONE, DESK)], tmp_path)

    assert seen == [[TELEPHONE, TELEPHONE], [DESK, DESK]] * len(LANGUAGES)
