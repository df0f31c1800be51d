"""The report after the close: written when the summary exists, rewritten when it changes, never blocking trading."""

import logging
from pathlib import Path

import psycopg
import pytest

from domain.money import Won
from domain.summary import FLEET, summarise
from fleet.duties.report import ReportDuty
from fleet.fleet import Fleet
from tests.support.builders import MONDAY, a_closed_trade


async def test_a_report_is_written_once_the_summary_stands_and_again_when_it_changes(
    fleet: Fleet, tmp_path: Path
) -> None:
    duty = ReportDuty(fleet, tmp_path / "reports", "en")
    await duty.look()
    assert not (tmp_path / "reports").exists()

    await fleet.database.summaries.save(fleet.account_id, summarise(MONDAY, FLEET, []))
    await duty.look()
    page = tmp_path / "reports" / "report-2026-11-23.html"
    assert "Trading day 2026-11-23" in page.read_text()

    page.write_text("read")
    await duty.look()
    assert page.read_text() == "read"

    corrected = summarise(MONDAY, FLEET, [a_closed_trade(entry_amount=Won(699_000))])
    await fleet.database.summaries.save(fleet.account_id, corrected)
    await duty.look()
    assert "Trading day 2026-11-23" in page.read_text()


async def test_books_that_cannot_be_read_cost_the_report_and_not_the_process(
    fleet: Fleet, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fleet.database.summaries.save(fleet.account_id, summarise(MONDAY, FLEET, []))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO worker_states (account_id, worker_id, state, since)"
            " VALUES (%s, 'worker-1', 'known to a newer release', '2026-11-23 10:00+09')",
            [fleet.account_id],
        )

    with caplog.at_level(logging.ERROR, "haru.hosting"):
        await ReportDuty(fleet, tmp_path / "reports", "en").look()

    assert [record.message for record in caplog.records] == ["report_not_written"]


async def test_a_report_that_cannot_be_written_is_reported_and_nothing_else_happens(
    fleet: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    await fleet.database.summaries.save(fleet.account_id, summarise(MONDAY, FLEET, []))

    with caplog.at_level(logging.ERROR, "haru.hosting"):
        await ReportDuty(fleet, tmp_path / "reports", "en").look()

    assert [record.message for record in caplog.records] == ["report_not_written"]
