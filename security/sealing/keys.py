"""The keys of a fleet: the first encrypts and seals, all of them decrypt."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BYTES: Final = 32
_ID_CHARACTERS: Final = 16


class BadKeyError(ValueError):
    """A text is not a key. The message does not repeat the text."""


def new_key() -> str:
    """Return a new key as text: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).decode()


class PayloadKey:
    """One key. Its id is derived from its bytes, so equal ids mean equal keys."""

    def __init__(self, text: str) -> None:
        """Parse a key from its text.

        Raises:
            BadKeyError: it is not 32 bytes in URL-safe base64.
        """
        try:
            raw = base64.b64decode(text.strip().encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != _BYTES:
            raise BadKeyError("it is not 32 bytes in URL-safe base64; `python starter.py new-key` makes one")
        self.id = hashlib.sha256(b"haru key id" + raw).hexdigest()[:_ID_CHARACTERS]
        self.cipher = AESGCM(_derived(raw, b"haru payload"))
        self._sealing = _derived(raw, b"haru message")

    def mac(self, message: bytes) -> str:
        """Return the proof that a holder of this key has written a message."""
        return hmac.new(self._sealing, message, hashlib.sha256).hexdigest()


class KeyRing:
    """One or more keys. During a rotation hosts accept the old and the new key."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Read the keys, the encrypting key first.

        Raises:
            BadKeyError: there is none, or a text is not a key.
        """
        keys = [PayloadKey(text) for text in texts]
        if not keys:
            raise BadKeyError("there is no key")
        self.first = keys[0]
        self._by_id = {key.id: key for key in keys}

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, the encrypting key first."""
        return tuple(self._by_id)

    def get(self, key_id: str) -> PayloadKey | None:
        """Return the key of an id, or None."""
        return self._by_id.get(key_id)


def _derived(raw: bytes, purpose: bytes) -> bytes:
    return hmac.new(raw, purpose, hashlib.sha256).digest()
