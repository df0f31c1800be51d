"""The audit log for a terminal of 80 columns and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from domain.audit_log import Anchor, AuditLog, Flaw, Row
from domain.clock import in_seoul
from reporting.spoken import label, say

_WIDE: Final = 80


def audit_table(rows: Sequence[Row]) -> Table:
    """Return rows as a table: time (Seoul, database clock), user, command and outcome."""
    table = Table(title=say("commands"), title_justify="left", width=_WIDE, show_lines=False)
    table.add_column(say("row"), justify="right", no_wrap=True)
    table.add_column(say("written (KST)"), no_wrap=True)
    table.add_column(say("who"), overflow="fold")
    table.add_column(say("command"), overflow="fold", ratio=1)
    table.add_column(say("outcome"), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in _cells(row)))
    return table


def row_json(row: Row) -> dict[str, Any]:
    """Return a row as JSON values."""
    detail = {} if row.event is None else row.event.detail
    at = None if row.recorded_at is None else in_seoul(row.recorded_at).isoformat()
    market = None if row.event is None else in_seoul(row.event.at).isoformat()
    chained = {"digest": row.digest, "key_id": row.key_id, "sealed": bool(row.seal)}
    return {"row": row.sequence, "recorded_at": at, "market_time": market, **detail, **chained}


def verdict_lines(log: AuditLog, found: Sequence[Flaw], seen: Anchor | None, *, has_key: bool) -> Iterator[str]:
    """Report whether the log is complete, and how far that is known."""
    head = log.head
    yield f"{head.sequence} rows in all; the last is {head.digest[:16]}"
    if not has_key:
        yield "chain only: no key here; a user who can write to the database can compute another chain"
    if seen is None:
        yield "no row was written from this machine: missing last rows cannot be detected here"
    yield from (f"BROKEN: {flaw.what}: {flaw.evidence}" for flaw in found)
    if not found:
        yield "whole: no row was changed, removed, added or reordered"


def _cells(row: Row) -> tuple[str, ...]:
    written = "" if row.recorded_at is None else f"{in_seoul(row.recorded_at):%m-%d %H:%M:%S}"
    if row.event is None:
        return str(row.sequence), written, "", say("(the event is gone or cannot be read)"), ""
    detail = row.event.detail
    who = f"{_plain(detail.get('user'))} ({detail.get('uid')})\n{_plain(detail.get('host'))}"
    why = _plain(detail.get("why"))
    command = _plain(detail.get("command"))
    return (
        str(row.sequence),
        written,
        who,
        f"{command}\n  {why}" if why else command,
        label("outcomes", str(detail.get("outcome"))),
    )


def _plain(text: object) -> str:
    """Return a text without control characters, which could colour or move terminal output."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text or ""))
