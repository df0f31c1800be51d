"""The rate budget's terms: how urgent a request to the broker is, and whose requests were too many."""

from datetime import timedelta
from enum import Enum, IntEnum
from typing import Final


class Lane(IntEnum):
    """Most urgent first; a sale is never behind a scan."""

    EXIT = 1
    RESOLVE = 2
    ENTRY = 3
    WATCH = 4
    SCAN = 5


SLOT_RESTS: Final = timedelta(seconds=1, milliseconds=20)
"""Real time from a response until its slot is free: the broker's second, and a margin for clocks that differ.

The second runs from the response to the next request, so the network can only lengthen it.
"""
LEFT_FOR_OTHERS: Final = {Lane.EXIT: 0, Lane.RESOLVE: 1, Lane.ENTRY: 2, Lane.WATCH: 4, Lane.SCAN: 6}
"""Of 18 slots, how many a lane leaves free for more urgent lanes; other sizes in proportion."""
PROPORTION: Final = 18


def slots_of(lane: Lane, slots: int) -> int:
    """Return how many of a budget's slots a lane may use at the same time."""
    return slots - LEFT_FOR_OTHERS[lane] * slots // PROPORTION


class Crowding(Enum):
    """What a reply reports about the number of calls."""

    NONE = "none"
    UNKNOWN = "untold"  # there was no reply: it is unknown when the call was counted, if at all
    LEDGER = "ledger"  # the broker's ledger is busy with the calls of all customers
    OURS = "ours"  # our calls were too many
