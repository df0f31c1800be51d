"""The file of a backup: frames with a checksum at the end, each encrypted if the fleet's keys are configured.

Layout: a magic line, then frames of kind (1 byte), length (4 bytes, big-endian) and data: `H` header, `M` manifest,
any number of `C` chunks of the dump, and `E` with the SHA-256 of everything before it. The header is always plain.
"""

import hashlib
import hmac
import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, Protocol

from cryptography.exceptions import InvalidTag

from security.sealing.keys import KeyRing, PayloadKey

FORMAT: Final = 1
_MAGIC: Final = b"HARU-BACKUP\n"
_FRAME: Final = struct.Struct(">cI")
_LONGEST: Final = 16 * 1024 * 1024
_NONCE: Final = 12
_HEADER, _MANIFEST, _CHUNK, _END = b"H", b"M", b"C", b"E"
_ANOTHER: Final = "copy it again from where it is whole, or use another backup"


class BackupFileError(Exception):
    """A backup cannot be read; the text names the file, the cause and the remedy."""


class RawFile(Protocol):
    """A file without a buffer."""

    def write(self, data: memoryview, /) -> int:
        """Write the first bytes; return how many."""
        ...


class BackupWriter:
    """Writes a backup in order: header and manifest at once, then chunks, then the end. No byte stays in a buffer."""

    def __init__(
        self, file: RawFile, header: Mapping[str, Any], manifest: Mapping[str, Any], ring: KeyRing | None
    ) -> None:
        self._file = file
        self._key = ring.first if ring else None
        self._sum = hashlib.sha256()
        self._frames = 0
        self.size = 0
        """Bytes written."""
        head = json.dumps({"format": FORMAT, **header, "key": self._key.id if self._key else ""}).encode()
        self._about = hashlib.sha256(head).digest()
        self._put(_MAGIC)
        self._put(_FRAME.pack(_HEADER, len(head)) + head)
        self._frame(_MANIFEST, json.dumps(manifest).encode())

    def write(self, chunk: bytes) -> None:
        """Append a part of the dump."""
        self._frame(_CHUNK, chunk)

    def finish(self) -> None:
        """Write the checksum. A file without it is refused as truncated."""
        self._frame(_END, self._sum.hexdigest().encode())

    def _frame(self, kind: bytes, data: bytes) -> None:
        if self._key:
            nonce = os.urandom(_NONCE)
            data = nonce + self._key.cipher.encrypt(nonce, data, _place(self._about, kind, self._frames))
        self._frames += 1
        self._put(_FRAME.pack(kind, len(data)) + data)

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:  # an unbuffered file may take a part
            rest = rest[self._file.write(rest) :]
        self._sum.update(data)
        self.size += len(data)


class BackupReader:
    """Reads a backup from its start to its end once. It has been whole only when `chunks` ends without an error."""

    def __init__(self, path: Path, file: IO[bytes], ring: KeyRing | None) -> None:
        """Read header and manifest.

        Raises:
            BackupFileError: it is no backup, of a newer version, damaged, or its key is missing.
        """
        self._path, self._file = path, file
        self._sum = hashlib.sha256()
        self._frames = 0
        self._key: PayloadKey | None = None
        if file.read(len(_MAGIC)) != _MAGIC:
            raise BackupFileError(f"{path} is not a backup of Haru; name a file that `python starter.py backup` wrote")
        self._sum.update(_MAGIC)
        kind, head = self._next()
        self._about = hashlib.sha256(head).digest()
        self.header = self._object(head)
        if kind != _HEADER or not isinstance(self.header.get("format"), int):
            raise self._damaged()
        if self.header["format"] > FORMAT:
            raise BackupFileError(
                f"{path} is of format {self.header['format']}, this version of Haru reads format {FORMAT}; "
                "restore it with the version that wrote it"
            )
        if key_id := str(self.header.get("key", "")):
            self._key = ring.get(key_id) if ring else None
            if self._key is None:
                raise BackupFileError(
                    f"{path} is encrypted by the key {key_id[:16]!r}, which HARU_PAYLOADS__KEYS does not hold; add it"
                )
        kind, manifest = self._next()
        if kind != _MANIFEST:
            raise self._damaged()
        self.manifest = self._object(self._opened(kind, manifest))

    def chunks(self) -> Iterator[bytes]:
        """Yield the parts of the dump.

        Raises:
            BackupFileError: the file is truncated, or was changed.
        """
        while True:
            so_far = self._sum.hexdigest().encode()
            kind, data = self._next()
            opened = self._opened(kind, data)
            if kind == _END:
                break
            if kind != _CHUNK:
                raise self._damaged()
            yield opened
        if not hmac.compare_digest(opened, so_far) or self._file.read(1):
            raise self._damaged()

    def _next(self) -> tuple[bytes, bytes]:
        head = self._exactly(_FRAME.size)
        kind, length = _FRAME.unpack(head)
        if length > _LONGEST:
            raise self._damaged()
        data = self._exactly(length)
        self._sum.update(head)
        self._sum.update(data)
        return kind, data

    def _exactly(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise BackupFileError(f"{self._path} is truncated: it ends after {self._file.tell():,} bytes; {_ANOTHER}")
        return data

    def _opened(self, kind: bytes, data: bytes) -> bytes:
        if self._key is None:
            return data
        try:
            opened = self._key.cipher.decrypt(data[:_NONCE], data[_NONCE:], _place(self._about, kind, self._frames))
        except (InvalidTag, ValueError):
            raise self._damaged() from None
        self._frames += 1
        return opened

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            value = json.loads(data)
        except ValueError:
            raise self._damaged() from None
        if not isinstance(value, dict):
            raise self._damaged()
        return value

    def _damaged(self) -> BackupFileError:
        return BackupFileError(
            f"{self._path} was changed or damaged: near byte {self._file.tell():,} it differs from its checksum; "
            f"{_ANOTHER}"
        )


def _place(about: bytes, kind: bytes, number: int) -> bytes:
    """Return what a frame is bound to: its file's header, its kind and its number."""
    return b"haru backup" + about + kind + number.to_bytes(8, "big")
