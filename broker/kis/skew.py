"""The difference between this machine's clock and KIS's, from the ``Date`` header of every reply."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from domain.clock import ClockReading

WHOLE_SECONDS: Final = timedelta(seconds=1)
"""The resolution of HTTP dates."""
_AGREEING: Final = 3
"""Consecutive readings needed for a skew: one reply with a foreign ``Date``, such as a proxy's, proves nothing."""
_TOO_SLOW: Final = timedelta(seconds=2)
"""A slower reply proves too little to count."""
_ASKED_AT: Final = "haru.asked_at"


class SkewMeter:
    """Measures the clock skew through an HTTP client's event hooks."""

    def __init__(self, real_time: Callable[[], datetime]) -> None:
        self._real_time = real_time
        self._skews: deque[timedelta] = deque(maxlen=_AGREEING)

    @property
    def skew(self) -> timedelta:
        """Return the least amount by which our clock is ahead, negative when behind; zero if nothing is proven."""
        if len(self._skews) < _AGREEING:
            return timedelta(0)
        if min(self._skews) > timedelta(0):
            return min(self._skews)
        return min(max(self._skews), timedelta(0))

    async def before(self, request: httpx.Request) -> None:
        """Record when a request was made."""
        request.extensions[_ASKED_AT] = self._real_time()

    async def after(self, response: httpx.Response) -> None:
        """Compare the clocks if the reply contains the broker's time."""
        shown, asked_at = shown_in(response), response.request.extensions.get(_ASKED_AT)
        if shown is None or asked_at is None:
            return
        reading = ClockReading(asked_at, shown, self._real_time(), WHOLE_SECONDS)
        if timedelta(0) <= reading.took <= _TOO_SLOW:
            self._skews.append(reading.skew)


def shown_in(response: httpx.Response) -> datetime | None:
    """Return the broker's instant (UTC) at its reply, or None if the reply does not contain it."""
    try:
        instant = parsedate_to_datetime(response.headers.get("date", ""))
        return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
