"""How many cases run of test matrices that are too large for every test run."""

import os
from typing import Final

IS_WHOLE: Final = os.environ.get("HARU_MATRIX") == "full"
"""Whether every case runs (``make matrix``) instead of a sample."""

EVERY: Final = int(os.environ.get("HARU_MATRIX_EVERY", "1"))
"""In a full run, only every n-th case runs."""


def played_of(cases: int, plot: str) -> range:
    """Return the case numbers of a plot in a full run, counted from 1.

    With thinning, plots start at different cases.
    """
    return range(1 + len(plot) % EVERY, cases + 1, EVERY)
