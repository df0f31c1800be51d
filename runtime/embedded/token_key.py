"""Key that encrypts the broker's access token in an embedded database, created once beside the database."""

from pathlib import Path

from cryptography.fernet import Fernet

from runtime.embedded.errors import CorruptFolderError
from security.private_files import NotPrivateError, kept_private

FILE = "token.key"


def kept_key(folder: Path) -> bytes:
    """Return the data folder's key, created at the first start. Only its owner may read the file.

    Raises:
        CorruptFolderError: the file does not hold a key, or another user may have made or read it.
    """
    try:
        key = kept_private(folder / FILE, Fernet.generate_key).strip()
    except NotPrivateError as error:
        raise CorruptFolderError(f"the key in the data folder cannot be trusted: {error}") from error
    try:
        Fernet(key)
    except ValueError:
        raise CorruptFolderError(
            f"{folder / FILE} does not hold a key; remove it, and the next start makes another one and asks for a new "
            "token"
        ) from None
    return key
