"""What a restore checks beside the file: keys of the folder, versions, rows; and what it keeps of the lost books."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from runtime.backup import back_up
from runtime.embedded.errors import CorruptFolderError, OtherVersionError, PartFailedError
from runtime.embedded.restoring import set_aside
from runtime.restore import restore
from runtime.settings import load_settings
from security.backup_file import BackupFileError, BackupReader, BackupWriter
from security.private_files import write_private
from tests.runtime.test_backup import NOW, Use, empty_url, traded, use

__all__ = ["empty_url", "traded", "use"]


def written(file: Path, chunks: Iterable[bytes] = (), *, postgres: str = "18", **manifest: Any) -> Path:
    """Write a whole backup with a content of the test's own."""
    with file.open("wb", buffering=0) as opened:
        header = {"made_at": "2026-11-23", "postgres": postgres, "migrations": []}
        writer = BackupWriter(opened, header, {"rows": {}, "keys": {}, **manifest}, None)
        for chunk in chunks:
            writer.write(chunk)
        writer.finish()
    return file


@pytest.fixture
def folder(nothing_configured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without books."""
    folder = tmp_path / "haru"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HARU_DATA_DIR", str(folder))
    return folder


async def test_another_key_in_the_folder_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    write_private(folder / "payload.key", "ours")

    with pytest.raises(CorruptFolderError, match=r"payload\.key is another key than the backup's; move it away"):
        await restore(load_settings(), written(tmp_path / "file", keys={"payload.key": "theirs"}), NOW)

    assert [path.name for path in folder.iterdir()] == ["payload.key"]


async def test_a_forged_file_writes_nothing_outside_the_keys(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupFileError, match="it would write files that are no keys; use another backup"):
        await restore(load_settings(), written(tmp_path / "file", keys={"../.env": "theirs"}), NOW)

    assert not (tmp_path / ".env").exists()
    assert list(folder.iterdir()) == []


async def test_a_dump_of_newer_programs_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OtherVersionError, match=r"by the programs of PostgreSQL 99, .* the newer version of Haru"):
        await restore(load_settings(), written(tmp_path / "file", postgres="99"), NOW)

    assert list(folder.iterdir()) == []


async def test_rows_that_differ_from_the_backup_are_reported(
    use: Use, traded: str, empty_url: str, tmp_path: Path
) -> None:
    done = await back_up(use(traded), tmp_path, NOW)
    with done.file.open("rb") as opened:
        reader = BackupReader(done.file, opened, None)
        other = written(tmp_path / "other", reader.chunks(), rows={**reader.manifest["rows"], "fills": 1_000})

    with pytest.raises(PartFailedError, match=r"differs from .*/other in its rows; use another backup"):
        await restore(use(empty_url), other, NOW)


def test_histories_and_last_row_of_the_lost_books_are_kept_under_another_name(folder: Path) -> None:
    (folder / "audit").mkdir()
    names = ["temporal.sqlite", "temporal.sqlite-wal", "audit/last-row-paper-1.json"]
    for name in names:
        write_private(folder / name, name)
    write_private(folder / "audit" / "waiting-1.json", "{}")

    kept = set_aside(folder, NOW)

    assert [path.relative_to(folder).as_posix() for path in kept] == [
        f"{name}.before-restore-20261123T063000" for name in names
    ]
    assert [path.read_text() for path in kept] == names
    assert not any((folder / name).exists() for name in names)
    assert (folder / "audit" / "waiting-1.json").exists(), "commands that wait for the books are still written"
