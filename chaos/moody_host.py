"""A hosting process of a round: ``worker.py`` with strategies that misbehave while a file says so."""

import os
import runpy
from pathlib import Path

import strategies
from chaos.moods import MOOD_FILE, moody

if __name__ == "__main__":
    # Before any module of the worker takes them by name.
    strategies.KNOWN_STRATEGIES = moody(strategies.KNOWN_STRATEGIES, Path(os.environ[MOOD_FILE]))  # type: ignore[misc]
    runpy.run_path(str(Path(__file__).resolve().parent.parent / "worker.py"), run_name="__main__")
