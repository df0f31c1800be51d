"""``starter.py audit``: list all commands and check that their log is complete. Needs only the database."""

import argparse
import json
import sys

from cli.asked_dates import stretch_of
from cli.desk import stdout_console
from cli.tables.audit import audit_table, row_json, verdict_lines
from cli.verbs.report import open_books
from domain.audit_log import flaws
from reporting.spoken import say
from runtime.audit_keys import audit_key
from runtime.embedded.audit_folder import AuditFolder
from runtime.settings import load_settings


async def audit(asked: argparse.Namespace) -> int:
    """List the commands of a date, a range of dates or all; return 1 when the log is not complete."""
    settings = load_settings()
    key, folder = audit_key(settings), AuditFolder(settings.data_dir)
    async with open_books(settings) as books:
        seen = folder.anchor(books.account_id)  # read before the log: another process may write meanwhile
        log = await books.database.audit_logs.whole(books.account_id)
    found = flaws(log, key, seen)
    ends = stretch_of(asked) or ((asked.date, asked.date) if asked.date else None)
    rows = [row for row in log.rows if ends is None or row.is_within(*ends)]
    waiting = folder.count()
    if asked.json:
        values = {
            "rows": [row_json(row) for row in rows],
            "head": {"row": log.head.sequence, "digest": log.head.digest},
            "flaws": [{"what": flaw.what, "evidence": flaw.evidence} for flaw in found],
            "checked_with_key": key is not None,
            "waiting": waiting,
        }
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=2) + "\n")
        return 1 if found else 0
    console = stdout_console()
    console.print(audit_table(rows) if rows else say("no command"))
    for line in verdict_lines(log, found, seen, has_key=key is not None):
        console.say(line)
    if waiting:
        console.say(f"{waiting} commands wait in the data folder until `python worker.py` runs")
    return 1 if found else 0
