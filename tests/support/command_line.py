"""Result of ``starter.py`` run by a test, in the test's process or in a separate one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """Result of a command line."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
"""Takes the command-line arguments, and environment variables as keywords."""
