"""How urgent a request to the broker is: the classes of the account's rate budget."""

from enum import IntEnum


class Lane(IntEnum):
    """Most urgent first; a sale is never behind a scan."""

    EXIT = 1
    RESOLVE = 2
    ENTRY = 3
    WATCH = 4
    SCAN = 5
