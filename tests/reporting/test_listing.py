"""The index page: every session, backtest and sweep, links only to pages that exist, and unreadable files by name."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reporting.listing import index_values, session_row, write_index
from reporting.sentences import LANGUAGES, Language, words
from tests.reporting.parts import a_day

SESSIONS = [session_row("2026-11-23", a_day().fleet, 0), session_row("2026-11-24", None, None)]


SWEEP: dict[str, Any] = {
    "id": "riser-2025-1",
    "strategy": "riser",
    "first": "2025-11-03",
    "last": "2025-11-28",
    "sessions": 20,
    "trials": 1_250,
    "train": {"net_bp": 31.5},
    "test": {"net_bp": -4.25, "net": -81_000, "trades": 77},
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
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
    (backtests / "riser-2" / "verdict.json").write_text('{"conclusion": "no_edge_after_costs"}')
    (backtests / "riser-2" / "verdict.ko.html").write_text("page")
    swept = tmp_path / "sweeps" / "riser-2025-1"
    swept.mkdir(parents=True)
    (swept / "report.json").write_text(json.dumps(SWEEP))
    (swept / "report.html").write_text("page")
    return reports


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_backtest_and_session_is_listed_and_every_link_leads_to_a_page(reports: Path, language: Language) -> None:
    written = write_index(reports, language, SESSIONS)

    text = written.read_text()
    links = re.findall(r'<a href="([^"]+)"', text)
    assert len(links) == 6
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


def test_a_backtest_lists_the_sessions_of_the_last_report(reports: Path) -> None:
    write_index(reports, "en", SESSIONS)

    assert "2026-11-24" in write_index(reports, "en").read_text()


def test_a_damaged_file_is_named_and_the_others_are_listed(reports: Path) -> None:
    (reports.parent / "backtests" / "riser-2" / "report.json").write_text('{"id":')

    values = index_values(reports, "en", [])

    assert [each["id"] for each in values["backtests"]] == ["momentum-1"]
    assert values["unreadable"] == ["riser-2"]
    assert "riser-2" in write_index(reports, "en").read_text()


def test_an_index_of_nothing_says_what_to_run(tmp_path: Path) -> None:
    text = write_index(tmp_path / "reports", "en", []).read_text()

    assert words("en")["notes"]["no_sessions"] in text
    assert words("en")["notes"]["no_backtests"] in text
    assert words("en")["notes"]["no_sweeps"] in text


def test_sweeps_and_verdicts_are_listed_with_their_pages(reports: Path) -> None:
    values = index_values(reports, "ko", [])

    assert [each["page"] for each in values["sweeps"]] == ["../sweeps/riser-2025-1/report.html"]
    verdicts = {each["id"]: each["verdict"] for each in values["backtests"]}
    page = "../backtests/riser-2/verdict.ko.html"
    assert verdicts == {"momentum-1": None, "riser-2": {"said": "비용을 빼면 우위 없음", "page": page}}
    text = write_index(reports, "en").read_text()
    assert '<td class="text">–</td>' in text
    for part in ("1,250", "31.5", "−4.2", "−81,000", "no edge after costs"):
        assert part in text


def test_a_verdict_of_another_version_and_a_damaged_sweep_stop_nothing(reports: Path) -> None:
    (reports.parent / "backtests" / "riser-2" / "verdict.json").write_text('{"conclusion": "lucky"}')
    (reports.parent / "sweeps" / "riser-2025-1" / "report.json").write_text("[]")

    values = index_values(reports, "en", [])

    assert [each["verdict"] for each in values["backtests"]] == [None, None]
    assert (values["sweeps"], values["unreadable"]) == ([], ["riser-2025-1"])
