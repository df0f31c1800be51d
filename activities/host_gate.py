"""Why this process must not buy, whatever the books say: they may be what cannot be written."""

from dataclasses import dataclass


@dataclass(slots=True)
class HostGate:
    """Shut by a duty of the hosting process, read before each entry is sent. Empty while entries may be sent."""

    closed_because: str = ""
