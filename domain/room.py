"""How much room the disk of the books has, and from which level on something has to be done about it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MEGABYTE: Final = 1024**2
LOG_TAKES: Final = 256 * MEGABYTE
"""Bytes that the embedded PostgreSQL's write-ahead log may take between two checkpoints (``max_wal_size``)."""
BALLAST: Final = 128 * MEGABYTE
"""Bytes kept in a file of no use, deleted so that sales can still be written when the disk is full."""
LEAST_TO_START: Final = 1024 * MEGABYTE
"""Bytes: the log twice, since the limit is a soft one, the ballast, an empty database, a day of histories and logs."""


class Room(IntEnum):
    """What a disk's free space allows, the worst first."""

    NONE = 0
    """Give up the ballast: not sooner, since what fills the disk would take that too."""
    LAST = 1
    """Sell while it can still be written down."""
    SHORT = 2
    """Buy nothing."""
    SCARCE = 3
    """Report it."""
    ENOUGH = 4


@dataclass(frozen=True, slots=True)
class RoomLevels:
    """Free bytes below which room is scarce, short, the last, or none. What the log may take is never bought with."""

    scarce: int = 2048 * MEGABYTE
    short: int = 768 * MEGABYTE
    last: int = 384 * MEGABYTE
    none: int = 32 * MEGABYTE
    calm: int = 60
    """Looks in a row that find room before a ballast that was given up is written again; a disk may fill in waves."""


def room_at(free: int, levels: RoomLevels, before: Room = Room.ENOUGH) -> Room:
    """Return what so many free bytes allow; a level that was left needs a third more to be reached again."""
    return max(min(_room(free, levels), before), _room(free * 3 // 4, levels))


def _room(free: int, levels: RoomLevels) -> Room:
    return Room(sum(free >= level for level in (levels.none, levels.last, levels.short, levels.scarce)))
