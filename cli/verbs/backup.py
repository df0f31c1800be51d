"""``starter.py backup`` and ``starter.py restore``: the books as one file."""

import argparse
from datetime import UTC, datetime
from typing import Final

from cli.plain_answers import answer
from runtime.backup import back_up
from runtime.restore import restore
from runtime.settings import load_settings

_NEXT: Final = "Next: `python worker.py`, then `python starter.py reconcile` and `python -m verifier`."


async def write(asked: argparse.Namespace) -> int:
    """Write a backup and print its file. The fleet trades on meanwhile."""
    done = await back_up(load_settings(), asked.target, _now())
    text = f"{done.file}: {done.size / 1024**2:,.1f} MB, {done.rows:,} rows in {done.tables} tables of one instant."
    if done.key:
        kept = f"It is encrypted by the key {done.key}: keep HARU_PAYLOADS__KEYS elsewhere."
    else:
        kept = "It is not encrypted and holds the data folder's keys: let no one else read it."
    values = {"file": str(done.file), "bytes": done.size, "tables": done.tables, "rows": done.rows, "key": done.key}
    answer(asked, values, f"{text}\n{kept}")
    return 0


async def read(asked: argparse.Namespace) -> int:
    """Restore a backup into an empty data folder or database, and print the next steps."""
    done = await restore(load_settings(), asked.file.expanduser(), _now())
    lines = [f"The books of {done.made_at}: {done.rows:,} rows in {done.tables} tables restored and counted."]
    lines += [f"Kept from before: {path}" for path in done.kept]
    kept = [str(path) for path in done.kept]
    values = {"made_at": done.made_at, "tables": done.tables, "rows": done.rows, "kept": kept}
    answer(asked, values, "\n".join([*lines, _NEXT]))
    return 0


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - an operator's clock names the backup
