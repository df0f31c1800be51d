"""``starter.py audit``: commands as a table and as JSON, and tampering with their log."""

import json
import re
from collections.abc import Mapping

import psycopg
import pytest

from tests.support.audit_rows import rows_in
from tests.support.command_line import Run

pytestmark = pytest.mark.usefixtures("nothing_configured")


def test_the_log_is_shown_in_80_columns_and_as_json(
    run: Run, paper_fleet: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("dismiss", "run-1/1", "--reason", "\x1b[31m[bold]청산[/bold] " + "long " * 40)
    run("kill-switch", "on")

    shown = run("audit")
    report = json.loads(run("audit", "--json").stdout)

    assert shown.returncode == 0
    assert "\x1b[31m" not in shown.stdout
    assert "[bold]청산[/bold]" in shown.stdout
    assert max(len(line) + len(re.findall("[가-힣]", line)) for line in shown.stdout.splitlines()) <= 80
    assert "whole: no row was changed, removed, added or reordered" in shown.stdout
    assert [row["outcome"] for row in report["rows"]] == ["refused", "accepted"]
    assert report["head"] == {"row": 2, "digest": report["rows"][-1]["digest"]}
    assert (report["flaws"], report["checked_with_key"], report["waiting"]) == ([], True, 0)


def test_the_log_of_a_date_or_a_stretch(run: Run, paper_fleet: Mapping[str, str]) -> None:
    run("kill-switch", "on")
    today = rows_in(paper_fleet["DATABASE_URL"])[0]["session_date"].isoformat()

    assert len(json.loads(run("audit", today, "--json").stdout)["rows"]) == 1
    assert json.loads(run("audit", "2026-01-02", "--json").stdout)["rows"] == []
    assert len(json.loads(run("audit", "--from", today, "--json").stdout)["rows"]) == 1
    assert json.loads(run("audit", "--to", "2026-01-02", "--json").stdout)["rows"] == []


CUT = """
SET session_replication_role = replica;
DELETE FROM events WHERE event_id = (SELECT event_id FROM audit_chain ORDER BY sequence DESC LIMIT 1);
DELETE FROM audit_chain WHERE sequence = (SELECT max(sequence) FROM audit_chain);
"""


def test_a_last_row_that_was_removed_is_found_and_reported(run: Run, paper_fleet: Mapping[str, str]) -> None:
    run("pause", "worker-9")
    run("kill-switch", "on")
    with psycopg.connect(paper_fleet["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(CUT)

    cut = run("audit")
    run("pause", "worker-9")  # a later command does not cover it
    later = json.loads(run("audit", "--json").stdout)

    assert (cut.returncode, "BROKEN: the last rows are missing" in cut.stdout) == (1, True)
    assert [flaw["what"] for flaw in later["flaws"]] == ["not the row that this machine has seen"]
    with psycopg.connect(paper_fleet["DATABASE_URL"]) as connection:
        kinds = connection.execute("SELECT level FROM events WHERE kind = 'audit_log_broken'").fetchall()
    assert kinds == [("critical",)], "reported once, and sent to every channel"
