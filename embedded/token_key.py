"""The key under which an embedded database keeps the broker's access token: made once, beside the database."""

from pathlib import Path

from cryptography.fernet import Fernet

from embedded.errors import CorruptFolderError
from embedded.folder import write_private

FILE = "token.key"


def kept_key(folder: Path) -> bytes:
    """Return the data folder's key, making it at the first start; the file is its owner's alone.

    Raises:
        CorruptFolderError: the file does not hold a key.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        write_private(path, Fernet.generate_key().decode())
    key = path.read_bytes().strip()
    try:
        Fernet(key)
    except ValueError:
        raise CorruptFolderError(
            f"{path} does not hold a key; remove it, and the next start makes another one and asks for a new token"
        ) from None
    path.chmod(0o600)
    return key
