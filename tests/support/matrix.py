"""The sample size for tests with more cases than a test run has time for."""

import os
from typing import Final

IS_WHOLE: Final = os.environ.get("HARU_MATRIX") == "full"
"""Whether every case is played (``make matrix``), not a sample."""

EVERY: Final = int(os.environ.get("HARU_MATRIX_EVERY", "1"))
"""In a complete run, play only every n-th case."""


def played_of(cases: int, plot: str) -> range:
    """Return a plot's cases in a complete run, counted from 1; when thinned, plots begin at different cases."""
    return range(1 + len(plot) % EVERY, cases + 1, EVERY)
