"""The builds of a rollout: copies of this tree with changes, each with a build id of its own."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from runtime.build import source_build
from tools.chaos.processes import ROOT

_LEFT_OUT: Final = ("tests", "docs", "deploy", "samples", "tools", "build", "mutants")
"""Folders that a host does not run."""
MIGRATION: Final = "9000_rollout"
"""The migration of the next build. It only adds."""
_MIGRATION_TEXT: Final = """\
-- Played by python -m tools.rollout: the next release adds columns, and a table whose rows its code deletes.
ALTER TABLE positions ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
ALTER TABLE orders ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
ALTER TABLE trades ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
ALTER TABLE hosts ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
ALTER TABLE market_watches ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
ALTER TABLE position_watches ADD COLUMN rollout text NOT NULL DEFAULT 'expanded';
CREATE TABLE rollout_beats (host_id text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
"""


class Change(NamedTuple):
    """A change of one file: a text that stands there once, and what replaces it."""

    file: str
    old: str
    new: str


INCOMPATIBLE: Final = (
    Change(
        "workflows/trade.py",
        "        begun = await self._begin()\n",
        "        await workflow.sleep(timedelta(milliseconds=1))\n        begun = await self._begin()\n",
    ),
    Change(
        "workflows/trade.py",
        "        signal = await self._holding.hold(held, plan)\n",
        "        signal = await self._holding.hold(held, plan)\n"
        "        await workflow.sleep(timedelta(milliseconds=1))\n",
    ),
    Change("database/rights.py", '    *("scan_wishes",', '    *("rollout_beats", "scan_wishes",'),
    Change(
        "database/hosts.py",
        "        await self._pool.execute(self._BEAT, account_id, host_id, machine, pid, build)\n",
        "        await self._pool.execute(self._BEAT, account_id, host_id, machine, pid, build)\n"
        '        await self._pool.execute("DELETE FROM rollout_beats WHERE host_id = $1", host_id)\n'
        '        await self._pool.execute("INSERT INTO rollout_beats (host_id) VALUES ($1)", host_id)\n',
    ),
)
"""The next build: a timer at the start of each trade and one before its sale, and a table that its hosts write."""
STUCK: Final = (
    Change(
        "workflows/trade.py",
        "        signal = await self._holding.hold(held, plan)\n",
        '        raise RuntimeError("this build is stuck while it holds")\n',
    ),
)
"""A build whose workflow task fails as soon as its worker holds shares, at each attempt."""

DEAD: Final = (
    Change(
        "workflows/trade.py",
        "        begun = await self._begin()\n",
        '        raise RuntimeError("this build is stuck from its first task")\n',
    ),
)
"""A build whose first workflow task fails, at each attempt."""


class UnfitChangeError(Exception):
    """The code has changed, so that a planted change does not fit."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with the code of one build."""

    name: str
    folder: Path

    @property
    def build(self) -> str:
        """Return the build id that its hosts announce."""
        return source_build(self.folder)


def copy_tree(name: str, home: Path, changes: Iterable[Change] = (), *, migrates: bool = False) -> Tree:
    """Copy the code that hosts and ``starter.py`` run, with changes.

    Raises:
        UnfitChangeError: a change does not fit this code.
    """
    folder = home / name
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
    folder.mkdir(parents=True)
    for path in sorted(ROOT.iterdir()):
        if path.name.startswith(".") or path.name in _LEFT_OUT:
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=skipped)
        elif path.suffix in {".py", ".toml"}:
            shutil.copy2(path, folder / path.name)
    for change in changes:
        _apply(change, folder)
    if migrates:
        (folder / "database" / "migrations" / f"{MIGRATION}.sql").write_text(_MIGRATION_TEXT, encoding="utf-8")
    return Tree(name, folder)


def _apply(change: Change, folder: Path) -> None:
    file = folder / change.file
    text = file.read_text(encoding="utf-8")
    if text.count(change.old) != 1:
        raise UnfitChangeError(f"{change.file}: the planted change fits {text.count(change.old)} places, not one")
    file.write_text(text.replace(change.old, change.new), encoding="utf-8")
