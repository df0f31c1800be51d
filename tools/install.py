"""Create an environment with exactly the locked packages (``make``'s first step), or print the fix.

Runs on a fresh machine: it needs only the standard library.
"""

import argparse
import importlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).resolve().parents[1] / "requirements-dev.lock"
MARK: Final = ".installed"
_QUOTED_LINES: Final = 6
_LEAST_FREE: Final = 20 * 1024**2
"""Bytes. With less free space a failed step is attributed to the disk, whatever its output says."""
_PARTS_OF_PYTHON: Final = {
    "venv": "apt install python3-venv",
    "ensurepip": "apt install python3-venv",
    "ssl": "install OpenSSL's headers (apt install libssl-dev) before building Python",
    "sqlite3": "install SQLite's headers (apt install libsqlite3-dev) before building Python",
}
"""Modules that a Python may lack, and how to add them on Debian and Ubuntu or to a Python built from source."""
_FULL: Final = ("No space left on device", "Errno 28", "Disk quota exceeded")
_NETWORK: Final = (
    *(
        "NewConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProxyError",
        "SSLError",
        "ConnectionResetError",
    ),
    *("Temporary failure in name resolution", "Name or service not known", "Network is unreachable"),
)
_NO_NETWORK: Final = (
    "pip cannot reach the package index. Check the network. Behind a proxy: export HTTPS_PROXY=http://host:port. "
    "With a mirror: export PIP_INDEX_URL=https://mirror/simple. Without any network: on another machine of the same "
    "kind run `pip download -r requirements-dev.lock -d wheels`, copy the folder here, and "
    "export PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels"
)


class InstallError(Exception):
    """The environment could not be created; the text names the fix."""


def install(environment: Path, lock: Path) -> None:
    """Bring an environment in line with the lock file. Recreate one that an earlier attempt left incomplete.

    Raises:
        InstallError: something is missing on this machine.
    """
    _check_python()
    mark = environment / MARK
    whole = mark.exists()
    # The mark is absent until the end, so an interrupted install is not taken for a complete environment.
    mark.unlink(missing_ok=True)
    if not whole:
        _run([sys.executable, "-m", "venv", "--clear", str(environment)], environment)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(lock)], environment)
    mark.touch()


def _check_python() -> None:
    missing = []
    for name, fix in _PARTS_OF_PYTHON.items():
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append((name, fix))
    if missing:
        names = ", ".join(name for name, _ in missing)
        fixes = "; ".join(dict.fromkeys(fix for _, fix in missing))
        raise InstallError(
            f"{sys.executable} comes without {names}: {fixes}; or name another Python: make PYTHON=python3.13 demo"
        )


def _run(command: list[str], environment: Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InstallError(_explained(str(error), environment)) from None
    if done.returncode != 0:
        raise InstallError(_explained(f"{done.stdout}\n{done.stderr}", environment))


def _explained(words: str, environment: Path) -> str:
    """Put the fix before the last lines of a program's output."""
    folder = next(path for path in (environment.absolute(), *environment.absolute().parents) if path.exists())
    lines = [line for line in words.splitlines() if line.strip()][-_QUOTED_LINES:]
    return "\n  | ".join([_fix(words, folder), *lines])


def _fix(words: str, folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE or any(sign in words for sign in _FULL):
        return (
            f"the disk of {folder} is full ({free // 1024**2:,} MB free, 1,000 MB are needed): free some, or put the "
            "environment on another disk: make VENV=/other/disk/venv demo. If temporary files fill it, set TMPDIR too"
        )
    if any(sign in words for sign in _NETWORK):
        return _NO_NETWORK
    if "No matching distribution found" in words or "not a supported wheel" in words:
        return (
            f"there is no package for this machine ({platform.platform()}, Python {platform.python_version()}): Haru "
            "needs Linux with glibc (not Alpine) or macOS, on x86-64 or ARM64, and Python 3.11 to 3.13"
        )
    return "the environment could not be made"


def main() -> int:
    """Return 0 if the environment is complete, else 1."""
    parser = argparse.ArgumentParser(prog="tools/install.py", description="Install the locked packages.")
    parser.add_argument("environment", type=Path, help="folder of the virtual environment")
    parser.add_argument("lock", type=Path, nargs="?", default=LOCK, help=f"default {LOCK.name}")
    asked = parser.parse_args()
    environment = asked.environment
    sys.stdout.write(f"Installing the packages of {asked.lock.name} into {environment}: a minute or two, once …\n")
    sys.stdout.flush()
    try:
        install(environment, asked.lock)
    except InstallError as error:
        sys.stderr.write(f"make: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
