"""Append-only journal that restores the books after a crash: one JSON line with a checksum per command."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from simulator.private_files import FOLDER_MODE, NotPrivateError, append_private

FILE_NAME: Final = "journal.jsonl"

Record = Mapping[str, Any]


class JournalError(Exception):
    """The journal cannot be used. The text names the file and the remedy."""


class Journal:
    """Commands in order of effect. Each line is handed to the operating system before the reply is sent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._file = append_private(self.path)
        except NotPrivateError as error:
            raise JournalError(str(error)) from error
        except OSError as error:
            raise JournalError(f"{folder} cannot hold the books ({error.strerror}); name another folder") from error
        self._lock()
        self._count = 0

    def read(self) -> Iterator[Record]:
        """Yield all records. An incomplete last line belongs to a reply that was never sent; it is cut off."""
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            self._file.truncate(whole)
        for line in content[:whole].splitlines():
            yield self._checked(line)

    def append(self, record: Record) -> None:
        """Append a record and flush it to the operating system."""
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self._count += 1
        line = f"{self._count}\t{crc32(text.encode()):08x}\t{text}\n"
        self._file.write(line.encode())
        self._file.flush()

    def close(self) -> None:
        """Sync to disk and close the file."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise JournalError(
                f"{self.path} is in use by another simulator; stop that one or choose another --data"
            ) from error

    def _checked(self, line: bytes) -> Record:
        self._count += 1
        return _parsed(self.path, line, self._count)


def first_record(folder: Path) -> Record | None:
    """Return the first record of a journal, or None if there is no journal yet."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            line = file.readline()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror}); name another folder") from error
    return _parsed(path, line.rstrip(b"\n"), 1) if line.endswith(b"\n") else None


def _parsed(path: Path, line: bytes, expected: int) -> Record:
    try:
        number, checksum, text = line.split(b"\t", 2)
        sound = int(number) == expected and int(checksum, 16) == crc32(text)
        record: Record = json.loads(text) if sound else {}
    except ValueError:
        record = {}
    if not record:
        raise JournalError(
            f"{path} is damaged at line {expected}; "
            f"restore the file from a copy, or move it away to start with fresh books"
        )
    return record
