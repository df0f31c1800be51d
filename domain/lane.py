"""The rate budget's terms: how urgent a request to the broker is, and whose requests were too many."""

from enum import Enum, IntEnum


class Lane(IntEnum):
    """Most urgent first; a sale is never behind a scan."""

    EXIT = 1
    RESOLVE = 2
    ENTRY = 3
    WATCH = 4
    SCAN = 5


class Crowding(Enum):
    """What a reply reports about the number of calls."""

    NONE = "none"
    UNKNOWN = "untold"  # there was no reply: it is unknown when the call was counted, if at all
    LEDGER = "ledger"  # the broker's ledger is busy with the calls of all customers
    OURS = "ours"  # our calls were too many
