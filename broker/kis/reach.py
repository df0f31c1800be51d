"""Whether KIS answers at all: what the questions of one connection pool have come to."""

import asyncio


class Reach:
    """Remembers for how long no question has had an answer; questions that are not asked prove nothing."""

    def __init__(self) -> None:
        self.trouble = ""
        """Why the last question got no answer; empty when it got one."""
        self._silence: tuple[float, float] | None = None

    @property
    def silent_for(self) -> float:
        """Return the seconds from the first to the last failure without an answer in between; zero after an answer."""
        return 0.0 if self._silence is None else self._silence[1] - self._silence[0]

    def answered(self) -> None:
        """Take note of an answer, whatever it says."""
        self.trouble, self._silence = "", None

    def failed(self, trouble: str) -> None:
        """Take note of a question without an answer."""
        now = asyncio.get_running_loop().time()
        self.trouble = trouble
        self._silence = (self._silence[0] if self._silence else now, now)
