"""What ``starter.py`` came to when a test ran it, within the test's process or as one of its own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
"""Takes the command line's words, and variables of the environment by keyword."""
