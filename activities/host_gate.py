"""Why this process must not buy, whatever the books say: they may be what cannot be written."""

from dataclasses import dataclass


@dataclass(slots=True)
class HostGate:
    """Shut by duties of the hosting process, each for a reason of its own, and read before each entry is sent."""

    closed_because: str = ""
    """What the disk's duty says; empty while entries may be sent."""
    clock_off: str = ""
    """What the clock's duty says. A process on another machine may lift the fleet's cause, but not this one."""

    @property
    def objection(self) -> str:
        """Return why nothing may be bought; empty while entries may be sent."""
        return self.closed_because or self.clock_off
