"""How much is played of what has more cases than a test run has time for."""

import os
from typing import Final

IS_WHOLE: Final = os.environ.get("HARU_MATRIX") == "full"
"""Whether every case is played (``make matrix``), not a sample."""

EVERY: Final = int(os.environ.get("HARU_MATRIX_EVERY", "1"))
"""Of the whole, only each so many-th case is played."""


def played_of(cases: int, plot: str) -> range:
    """Return which of a plot's cases the whole plays, counted from 1; thinned, plots begin at different ones."""
    return range(1 + len(plot) % EVERY, cases + 1, EVERY)
