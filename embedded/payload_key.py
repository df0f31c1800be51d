"""The keys under which values cross an embedded Temporal server: one a line, the first made once in the data folder."""

import os
from pathlib import Path
from typing import Final

from embedded.errors import CorruptFolderError
from sealing.keys import BadKeyError, KeyRing, new_key

FILE: Final = "payload.key"


def kept_ring(folder: Path) -> KeyRing:
    """Return the data folder's keys, and make one at the first start; the file is its owner's alone.

    Raises:
        CorruptFolderError: the file does not hold keys.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        _make_once(path)
    path.chmod(0o600)
    try:
        return KeyRing(path.read_text().split())
    except (BadKeyError, UnicodeDecodeError):
        raise CorruptFolderError(
            f"{path} does not hold keys, one a line; restore it from a backup: without it no running workflow goes on. "
            "If it is lost: stop worker.py, move it and temporal.sqlite away, run `python starter.py forget-keys`"
        ) from None


def _make_once(path: Path) -> None:
    """Write a new key whole, or leave the one that another process has written meanwhile."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{new_key()}\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
