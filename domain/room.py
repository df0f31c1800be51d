"""Free space on the database's disk, and the levels at which action is required."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MEGABYTE: Final = 1024**2
LOG_TAKES: Final = 256 * MEGABYTE
"""Bytes that the embedded PostgreSQL's write-ahead log may take between two checkpoints (``max_wal_size``)."""
BALLAST: Final = 128 * MEGABYTE
"""Size in bytes of a placeholder file, deleted so that sales can still be written when the disk is full."""
LEAST_TO_START: Final = 1024 * MEGABYTE
"""Bytes: twice the log (its limit is soft), the ballast, an empty database, a day of histories and logs."""


class Room(IntEnum):
    """The actions for a disk's free space, the worst first."""

    NONE = 0
    """Delete the ballast: not earlier, since what fills the disk would use that space too."""
    LAST = 1
    """Sell while sales can still be recorded."""
    SHORT = 2
    """Do not buy."""
    SCARCE = 3
    """Report the shortage."""
    ENOUGH = 4


@dataclass(frozen=True, slots=True)
class RoomLevels:
    """Free bytes below which room is scarce, short, last, or none. Space for the log never counts for buys."""

    scarce: int = 2048 * MEGABYTE
    short: int = 768 * MEGABYTE
    last: int = 384 * MEGABYTE
    none: int = 32 * MEGABYTE
    calm: int = 60
    """Consecutive checks with enough room before a deleted ballast is written again; a disk may fill in waves."""


def room_at(free: int, levels: RoomLevels, before: Room = Room.ENOUGH) -> Room:
    """Return the level for ``free`` bytes; a level left before needs a third more space to be reached again."""
    return max(min(_room(free, levels), before), _room(free * 3 // 4, levels))


def _room(free: int, levels: RoomLevels) -> Room:
    return Room(sum(free >= level for level in (levels.none, levels.last, levels.short, levels.scarce)))
