"""A backup is read only when it is whole: truncated, changed, newer and foreign files are refused with a remedy."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from security.backup_file import BackupFileError, BackupReader, BackupWriter
from security.sealing.keys import KeyRing, new_key

PATH = Path("haru.backup")
CHUNKS = [b"first", b"", b"last " * 50]


class Memory(io.BytesIO):
    """A file without a buffer that takes a few bytes at a time, as a nearly full disk does."""

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        return super().write(data[:7])


def written(ring: KeyRing | None = None) -> bytes:
    file = Memory()
    writer = BackupWriter(file, {"made_at": "2026-11-23"}, {"rows": {"orders": 3}}, ring)
    for chunk in CHUNKS:
        writer.write(chunk)
    writer.finish()
    assert writer.size == len(file.getvalue())
    return file.getvalue()


def read(content: bytes, ring: KeyRing | None = None) -> tuple[object, list[bytes]]:
    reader = BackupReader(PATH, io.BytesIO(content), ring)
    return reader.manifest, list(reader.chunks())


@pytest.fixture(params=["plain", "encrypted"])
def ring(request: pytest.FixtureRequest) -> KeyRing | None:
    return KeyRing([new_key()]) if request.param == "encrypted" else None


def test_what_was_written_is_read(ring: KeyRing | None) -> None:
    assert read(written(ring), ring) == ({"rows": {"orders": 3}}, CHUNKS)


def test_a_backup_that_ends_at_any_byte_is_refused(ring: KeyRing | None) -> None:
    whole = written(ring)

    for end in range(12, len(whole)):
        with pytest.raises(BackupFileError, match=r"haru\.backup is truncated: it ends after .* copy it again"):
            read(whole[:end], ring)


def test_a_backup_with_any_changed_byte_is_refused(ring: KeyRing | None) -> None:
    whole = written(ring)

    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(BackupFileError):
            read(bytes(changed), ring)


def test_a_backup_with_something_behind_its_end_is_refused(ring: KeyRing | None) -> None:
    with pytest.raises(BackupFileError, match="was changed or damaged"):
        read(written(ring) + b"x", ring)


def test_frames_in_another_order_are_refused_although_their_checksum_is_right() -> None:
    ring = KeyRing([new_key()])

    with pytest.raises(BackupFileError, match="was changed or damaged"):
        read(rearranged(written(ring), lambda frames: [*frames[:2], frames[3], frames[2], *frames[4:]]), ring)


def test_a_frame_of_another_backup_is_refused() -> None:
    ring = KeyRing([new_key()])
    file = Memory()
    other = BackupWriter(file, {"made_at": "2026-11-24"}, {"rows": {}}, ring)
    other.write(b"theirs")
    theirs = frames_of(file.getvalue())[2]

    with pytest.raises(BackupFileError, match="was changed or damaged"):
        read(rearranged(written(ring), lambda frames: [*frames[:2], theirs, *frames[3:]]), ring)


def test_without_its_key_a_backup_names_the_key() -> None:
    ring = KeyRing([new_key()])

    for others in (None, KeyRing([new_key()])):
        with pytest.raises(BackupFileError, match=f"{ring.first.id}.*HARU_PAYLOADS__KEYS does not hold; add it"):
            read(written(ring), others)


def test_a_rotated_key_still_reads_older_backups() -> None:
    old, new = new_key(), new_key()

    assert read(written(KeyRing([old])), KeyRing([new, old]))[1] == CHUNKS


def test_an_encrypted_backup_shows_none_of_its_content() -> None:
    content = written(KeyRing([new_key()]))

    assert b"orders" not in content
    assert b"first" not in content


@pytest.mark.parametrize("content", [b"", b"PGDMP", b"\x00" * 100])
def test_another_file_is_no_backup(content: bytes) -> None:
    with pytest.raises(BackupFileError, match=r"is not a backup of Haru; name a file that `python starter\.py backup`"):
        read(content)


def test_a_newer_format_names_the_version_that_reads_it() -> None:
    head = json.dumps({"format": 2, "key": ""}).encode()

    with pytest.raises(BackupFileError, match="of format 2, this version of Haru reads format 1; restore it with"):
        read(b"HARU-BACKUP\n" + struct.pack(">cI", b"H", len(head)) + head)


def frames_of(content: bytes) -> list[bytes]:
    rest, frames = content[12:], []
    while rest:
        length = 5 + struct.unpack(">cI", rest[:5])[1]
        frames.append(rest[:length])
        rest = rest[length:]
    return frames


def rearranged(content: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Return a backup with other frames, up to its end, which its key protects."""
    return content[:12] + b"".join(change(frames_of(content)))
