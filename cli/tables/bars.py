"""Show stored bars, an import and a check: as text for a person, and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from history.checking import MEANINGS, Checked, Finding
from history.importing import FileVerdict
from history.merging import Merged, Tally
from history.store import BarStore, StoredSession

_NAMED: Final = 10


def import_lines(verdicts: list[FileVerdict], merged: Merged, *, dry: bool, folder: str) -> Iterator[str]:
    """Yield how the files were understood, what each gave, and what became of it."""
    for how, files in groupby(sorted(verdicts, key=_how), key=_how):
        listed = list(files)
        if how:
            yield f"{len(listed)} file{'s' if len(listed) > 1 else ''}: {how}"
        for verdict in listed:
            yield from _verdict_lines(verdict)
    yield _tally_line("Stock-days of minutes", merged.minutes)
    yield _tally_line("Daily bars", merged.daily)
    if merged.index_days:
        yield f"Sessions of an index: {merged.index_days:,}"
    if merged.held_back:
        yield f"{merged.held_back:,} differ from stored bars and were left as they are; --replace overwrites them:"
        yield from (f"  {each}" for each in [*merged.minutes.differing, *merged.daily.differing][:_NAMED])
    if not merged.writes:
        yield "Nothing was written."
    elif dry:
        yield "Dry run: nothing was written."
    else:
        yield f"Written to {folder}. Next: python starter.py bars check"


def import_json(verdicts: list[FileVerdict], merged: Merged, *, dry: bool, folder: str) -> dict[str, Any]:
    """Return an import for programs."""
    return {
        "folder": folder,
        "dry_run": dry,
        "written": bool(merged.writes) and not dry,
        "held_back": merged.held_back,
        "minutes": asdict(merged.minutes),
        "daily": asdict(merged.daily),
        "index_days": merged.index_days,
        "files": [{**asdict(verdict), "file": str(verdict.file), "verdict": verdict.verdict} for verdict in verdicts],
    }


def _how(verdict: FileVerdict) -> str:
    """Return how a file was understood, in one line; nothing for a file that was not."""
    if not verdict.layout:
        return ""
    kind = "daily bars" if verdict.daily else f"minute bars named by {verdict.labels}"
    columns = ", ".join(f"{field}={column}" if field != column else field for field, column in verdict.columns.items())
    unused = f"; unused: {', '.join(verdict.unused)}" if verdict.unused else ""
    return f"{verdict.dialect}; {kind}; {columns}{unused}; {verdict.layout}, {verdict.zone}"


def _verdict_lines(verdict: FileVerdict) -> Iterator[str]:
    yield f"  {verdict.verdict:8}{verdict.file}: {verdict.problem or f'{verdict.taken:,} of {verdict.rows:,} rows'}"
    for what, count in [*verdict.left_out.items(), *verdict.notes.items()]:
        yield f"          {count:,} {what}"
    refused = verdict.refusals.total()
    if refused:
        yield f"          {refused:,} refused:"
        yield from (f"            {each}" for each in verdict.refused[:_NAMED])
        if refused > _NAMED:
            yield f"            and {refused - _NAMED:,} more (--json names the first 20)"


def _tally_line(what: str, tally: Tally) -> str:
    return (
        f"{what}: {tally.new:,} new, {tally.same:,} stored already, {tally.extended:,} longer, {tally.changed:,} differ"
    )


def list_lines(store: BarStore, sessions: list[StoredSession], daily: list[StoredSession]) -> Iterator[str]:
    """Yield one line a session, one a year of daily bars, and the sources."""
    for name, row in [*((row.name, row) for row in sessions), *((f"{row.name} daily", row) for row in daily)]:
        yield f"{name:11} {row.symbols:6,} symbols{row.rows:12,} rows  {', '.join(row.sources) or 'no source'}"
    rows = sum(row.rows for row in sessions)
    yield f"{len(sessions):,} sessions, {rows:,} minute bars; {sum(row.rows for row in daily):,} daily bars"
    for source in store.sources.all().values():
        yield f"{source.id}: {source.origin}, {source.at:%Y-%m-%d %H:%M}"


def list_json(store: BarStore, sessions: list[StoredSession], daily: list[StoredSession]) -> dict[str, Any]:
    """Return what is stored for programs."""
    return {
        "folder": str(store.folder),
        "sessions": [asdict(row) for row in sessions],
        "daily": [asdict(row) for row in daily],
        "sources": [{**asdict(one), "at": one.at.isoformat()} for one in store.sources.all().values()],
    }


def check_lines(checked: Checked) -> Iterator[str]:
    """Yield the findings by kind, the gravest first, with the first places of each."""
    totals = checked.totals
    yield (
        f"{totals['sessions']:,} sessions, {totals['stock_days']:,} stock-days, {totals['rows']:,} bars: "
        f"{totals['missing_minutes']:,} minutes missing, {totals['minutes_without_volume']:,} without volume, "
        f"{totals['prices_off_grid']:,} of {totals['prices']:,} prices off the grid "
        f"({totals['prices_between_two_ticks']:,} between two ticks)"
    )
    for kind, count in checked.counts.items():
        yield f"{count:,} {MEANINGS[kind]}"
        found = [finding for finding in checked.findings if finding.kind == kind]
        found.sort(key=lambda finding: -finding.count)
        yield from (f"  {_place(finding)}{finding.text}" for finding in found[:_NAMED])
        if count > _NAMED:
            yield f"  and {count - _NAMED:,} more (--json lists all)"
    if not checked.findings:
        yield "Nothing was found."


def check_json(checked: Checked) -> dict[str, Any]:
    """Return a check for programs."""
    findings = [
        {**asdict(finding), "session": finding.session and finding.session.isoformat()} for finding in checked.findings
    ]
    return {"totals": dict(checked.totals), "counts": checked.counts, "findings": findings}


def _place(finding: Finding) -> str:
    parts = [str(part) for part in (finding.session, finding.symbol) if part]
    return f"{' '.join(parts)}: " if parts else ""
