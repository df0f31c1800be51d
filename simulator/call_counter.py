"""Call counts: the limit per app key in a sliding real second, and the figures that the control API reports."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

_WINDOW: Final = timedelta(seconds=1)
_REMEMBERED: Final = 20_000
"""Number of latest calls kept one by one: a quarter of an hour at KIS's highest rate."""


class Arrival(NamedTuple):
    """One call: when it arrived (real time), and whether the limit let it pass."""

    at: datetime
    path: str
    tr_id: str
    passed: bool


@dataclass(slots=True)
class CallCounter:
    """Counts calls in real time. ``limit`` is calls per second and app key; 0 disables the limit."""

    limit: int
    total: int = 0
    refused: int = 0
    most_in_a_second: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    by_tr_id: Counter[str] = field(default_factory=Counter)
    latest: deque[Arrival] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _arrived: dict[str, deque[datetime]] = field(default_factory=dict)
    _passed: dict[str, deque[datetime]] = field(default_factory=dict)

    def arrive(self, app_key: str, path: str, tr_id: str, now: datetime) -> bool:
        """Count a call and return whether it passes. Refused calls do not use up the limit."""
        self.total += 1
        self.by_path[path] += 1
        if tr_id:
            self.by_tr_id[tr_id] += 1
        self.most_in_a_second = max(self.most_in_a_second, _slide(self._arrived, app_key, now, count_it=True))
        passes = not self.limit or _slide(self._passed, app_key, now, count_it=False) < self.limit
        self.latest.append(Arrival(now, path, tr_id, passes))
        if passes:
            _slide(self._passed, app_key, now, count_it=True)
        else:
            self.refused += 1
        return passes


def _slide(windows: dict[str, deque[datetime]], app_key: str, now: datetime, *, count_it: bool) -> int:
    window = windows.setdefault(app_key, deque())
    while window and now - window[0] >= _WINDOW:
        window.popleft()
    if count_it:
        window.append(now)
    return len(window)
