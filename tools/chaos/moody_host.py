"""A hosting process of a round: ``worker.py`` with strategies and a clock that misbehave while files say so."""

import os
import runpy
from dataclasses import replace
from pathlib import Path

import activities.support.pace
import strategies
from tools.chaos.drifting import DRIFT_FILE, Drift, drifting
from tools.chaos.moods import MOOD_FILE, moody

if __name__ == "__main__":
    # Patch before any module of the worker imports them by name.
    sane, mood_file = strategies.known, Path(os.environ[MOOD_FILE])
    strategies.known = lambda: replace(sane(), strategies=moody(sane().strategies, mood_file))  # type: ignore[arg-type]
    pace = activities.support.pace.RealPace
    pace.now = drifting(pace.now, Drift(Path(os.environ[DRIFT_FILE])))  # type: ignore[method-assign, assignment]
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "worker.py"), run_name="__main__")
