"""Wheels of the two distributions, built from this checkout as pip builds them, and an environment for one of them."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SIMULATOR: Final = ROOT / "simulator"


def a_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a folder with a ``pyproject.toml``."""
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    return wheel


def an_environment_with(wheel: Path, folder: Path) -> Path:
    """Create an empty environment, install a wheel with its dependencies, and return the folder of its commands."""
    venv.create(folder, with_pip=True)
    commands = folder / "bin"
    pip(str(commands / "python"), "install", str(wheel))
    return commands


def pip(python: str, *words: str) -> None:
    asked = [python, "-m", "pip", *words, "--disable-pip-version-check", "--quiet"]
    run = subprocess.run(asked, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
