"""The page in a real browser: every chart is drawn, and the console stays silent, whatever the books contain."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reporting.day import day_values
from reporting.page import Language, page
from reporting.stretch import stretch_values
from tests.reporting.parts import a_day, a_win, an_empty_day, an_incident
from tests.reporting.test_page import HOSTILE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES: dict[str, tuple[dict[str, Any], Language]] = {
    "hostile": (day_values(a_day(a_win(name=HOSTILE), events=(an_incident(HOSTILE),))), "ko"),
    "empty": (day_values(an_empty_day()), "ko"),
    "stretch": (stretch_values([a_day(), an_empty_day()]), "en"),
}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_drawn_and_the_console_is_silent(name: str, tmp_path: Path) -> None:
    values, language = PAGES[name]
    file = tmp_path / "report.html"
    file.write_text(page(values, language), encoding="utf-8")

    browser = subprocess.run(
        [
            *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
            *("--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--window-size=1440,2000"),
            *("--dump-dom", file.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    assert [line for line in browser.stderr.splitlines() if "CONSOLE" in line] == []
    assert browser.stdout.count("<svg") == len(re.findall(r'<div class="chart[^"]*" data-chart="', browser.stdout))
    assert ("<svg" in browser.stdout) == (name != "empty")
