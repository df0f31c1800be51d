"""How Haru is installed, and whether its packages are; imports nothing but the standard library."""

import sys
from importlib.util import find_spec
from pathlib import PurePath
from typing import Final

VERSION: Final = "0.2.0"
_NEEDED: Final = ("asyncpg", "dotenv", "httpx", "pydantic", "rich", "temporalio")
COMMANDS: Final = {"worker.py": "haru-worker", "starter.py": "haru-starter"}
"""The console commands of an installed Haru, by the program that each one runs."""


def is_installed_command() -> bool:
    """Return whether this process was started by a console command and not as ``python starter.py``."""
    return PurePath(sys.argv[0]).name in COMMANDS.values()


def require_packages(program: str) -> None:
    """Exit with 1 and the remedy if this Python lacks a package."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        if is_installed_command():
            sys.exit(
                f"{COMMANDS[program]}: {sys.executable} has no {missing[0]}. Install Haru again with its dependencies"
            )
        sys.exit(
            f"{program}: {sys.executable} has no {missing[0]}. Run `make install` once, then "
            f"`.venv/bin/python {program}` (or activate it: `. .venv/bin/activate`)"
        )
