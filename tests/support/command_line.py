"""The result of ``starter.py`` in a test, run in the test's process or as a new one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """The result of a command line."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]
"""Takes the arguments of the command line, and environment variables by keyword."""
