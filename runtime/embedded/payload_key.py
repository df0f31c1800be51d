"""Payload encryption keys of an embedded Temporal server: one per line; the first is created in the data folder."""

from pathlib import Path
from typing import Final

from runtime.embedded.errors import CorruptFolderError
from security.private_files import NotPrivateError, kept_private
from security.sealing.keys import BadKeyError, KeyRing, new_key

FILE: Final = "payload.key"


def kept_ring(folder: Path) -> KeyRing:
    """Return the data folder's keys, created at the first start. Only its owner may read the file.

    Raises:
        CorruptFolderError: the file does not hold keys, or another user may have made or read it.
    """
    path = folder / FILE
    try:
        return KeyRing(kept_private(path, lambda: f"{new_key()}\n").decode().split())
    except NotPrivateError as error:
        raise CorruptFolderError(f"the keys in the data folder cannot be trusted: {error}") from error
    except (BadKeyError, UnicodeDecodeError):
        raise CorruptFolderError(
            f"{path} does not hold keys, one a line; restore it from a backup: without it no running workflow goes on. "
            "If it is lost: stop worker.py, move it and temporal.sqlite away, run `python starter.py forget-keys`"
        ) from None
