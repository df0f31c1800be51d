"""Whether KIS answers: the results of one connection pool's queries."""

import asyncio


class Reach:
    """Records for how long no query was answered; without queries nothing is proven."""

    def __init__(self) -> None:
        self.trouble = ""
        """Why the last query got no answer; empty if it got one."""
        self._silence: tuple[float, float] | None = None

    @property
    def silent_for(self) -> float:
        """Return the seconds from the first to the last consecutive failure; zero after an answer."""
        return 0.0 if self._silence is None else self._silence[1] - self._silence[0]

    def answered(self) -> None:
        """Record an answer, whatever its content."""
        self.trouble, self._silence = "", None

    def failed(self, trouble: str) -> None:
        """Record a query without an answer."""
        now = asyncio.get_running_loop().time()
        self.trouble = trouble
        self._silence = (self._silence[0] if self._silence else now, now)
