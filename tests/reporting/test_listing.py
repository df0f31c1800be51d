"""The index page: every backtest and session, links only to pages that exist, and unreadable files by name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reporting.listing import index_values, session_row, write_index
from reporting.sentences import LANGUAGES, Language, words
from tests.reporting.parts import a_day

SESSIONS = [session_row("2026-11-23", a_day().fleet, 0), session_row("2026-11-24", None, None)]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    reports, backtests = tmp_path / "reports", tmp_path / "backtests"
    reports.mkdir(mode=0o700)
    for name, pages in (("momentum-1", ("report.html", "report.ko.html")), ("riser-2", ("report.html",))):
        folder = backtests / name
        folder.mkdir(parents=True)
        for each in pages:
            (folder / each).write_text("page")
        found: dict[str, Any] = {
            "id": name,
            "strategy": name.partition("-")[0],
            "first": "2025-11-17",
            "last": "2025-11-19",
        }
        figures = {"sessions": 3, "trades": 4, "wins": 1, "net": -5_000, "commission": 10, "tax": 20, "drawdown": 9_000}
        (folder / "report.json").write_text(json.dumps({**found, **figures, "sound": name == "riser-2", "ratios": {}}))
    (reports / "report-2026-11-23.html").write_text("page")
    (reports / "report-2026-11-01--2026-11-23.json").write_text("{}")
    (reports / "report-2026-11-01--2026-11-23.html").write_text("page")
    return reports, backtests


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_backtest_and_session_is_listed_and_every_link_leads_to_a_page(
    folders: tuple[Path, Path], language: Language
) -> None:
    written = write_index(*folders, language, SESSIONS)

    text = written.read_text()
    links = re.findall(r'<a href="([^"]+)"', text)
    assert len(links) == 4
    assert [link for link in links if not (written.parent / link).exists()] == []
    second = "../backtests/momentum-1/report.html" if language == "en" else "../backtests/momentum-1/report.ko.html"
    assert second in links
    said = words(language)
    for part in (
        "2026-11-24",
        said["notes"]["no_page"].format(name="2026-11-24"),
        "−5,000",
        said["sound"]["no"],
        "25.00",
    ):
        assert part in text


def test_a_backtest_lists_the_sessions_of_the_last_report(folders: tuple[Path, Path]) -> None:
    write_index(*folders, "en", SESSIONS)

    assert "2026-11-24" in write_index(*folders, "en").read_text()


def test_a_damaged_file_is_named_and_the_others_are_listed(folders: tuple[Path, Path]) -> None:
    reports, backtests = folders
    (backtests / "riser-2" / "report.json").write_text('{"id":')

    values = index_values(reports, backtests, "en", [])

    assert [each["id"] for each in values["backtests"]] == ["momentum-1"]
    assert values["unreadable"] == ["riser-2"]
    assert "riser-2" in write_index(reports, backtests, "en").read_text()


def test_an_index_of_nothing_says_what_to_run(tmp_path: Path) -> None:
    text = write_index(tmp_path / "reports", tmp_path / "backtests", "en", []).read_text()

    assert words("en")["notes"]["no_sessions"] in text
    assert words("en")["notes"]["no_backtests"] in text
