"""The build that a host runs: its version and a digest of its sources, unless the settings name it."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from runtime.installed import VERSION

_ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = (
    *("activities", "broker", "database", "domain", "exchange", "fleet", "reporting", "runtime", "security"),
    *("strategies", "workflows"),
)
"""Packages that a host runs. Another command line, simulator or lab is no other build."""

_CODE: Final = (".py", ".sql")


@cache
def source_build(root: Path = _ROOT) -> str:
    """Return the build id of the code in a folder: the same code has the same id on every machine."""
    digest, found = sha256(), (path for package in SOURCES for path in (root / package).rglob("*"))
    # An editor marks an open file by a link that leads nowhere.
    for path in sorted(path for path in found if path.suffix in _CODE and path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{VERSION}-{digest.hexdigest()[:12]}"
