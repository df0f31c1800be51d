"""How often a password may be tried: by each address, and by all strangers together. Kept in memory."""

import ipaddress
from collections import OrderedDict, deque
from typing import Final

BY_ADDRESS: Final = 5
IN_TOTAL: Final = 30
WITHIN: Final = 300.0
"""Seconds in which so many wrong tries are allowed."""
_MOST_KNOWN: Final = 1000


class LoginLimits:
    """Counts tries from their beginning, so that parallel guesses do not slip past; a right one is forgiven.

    An address that has entered before does not count among the strangers: they cannot lock it out.
    """

    def __init__(self) -> None:
        self._tries: deque[tuple[float, str]] = deque()
        self._known: OrderedDict[str, None] = OrderedDict()

    def begins(self, address: str, now: float) -> float:
        """Count a try and return 0.0, or return the seconds to wait without counting it."""
        who = network_of(address)
        while self._tries and now - self._tries[0][0] >= WITHIN:
            self._tries.popleft()
        own = [at for at, each in self._tries if each == who]
        strangers = [at for at, each in self._tries if each not in self._known]
        if len(own) >= BY_ADDRESS:
            return own[0] + WITHIN - now
        if who not in self._known and len(strangers) >= IN_TOTAL:
            return strangers[0] + WITHIN - now
        self._tries.append((now, who))
        return 0.0

    def entered(self, address: str) -> None:
        """Forgive the tries of an address whose password was right."""
        who = network_of(address)
        self._tries = deque(each for each in self._tries if each[1] != who)
        self._known[who] = None
        self._known.move_to_end(who)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def network_of(address: str) -> str:
    """Return an address, or the /64 network of an IPv6 address: one owner has all of it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
