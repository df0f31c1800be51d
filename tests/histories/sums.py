"""Checksums of the recordings of each version, in the form of ``sha256sum``: a recording of a release never changes."""

from hashlib import sha256
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent
_SUMS: Final = "SHA256SUMS"


def versions(root: Path = ROOT) -> list[Path]:
    """Return the folders of recordings, one for each version."""
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name[0].isdigit())


def add_recording(folder: Path, name: str, history: str) -> Path:
    """Write a recording of a version, with its checksum.

    Raises:
        FileExistsError: it is recorded; the change of code needs ``workflow.patched``, or a new version.
    """
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if name in _listed(folder):
        raise FileExistsError(f"{path} is recorded: guard the change by workflow.patched, or name a new --version")
    with path.open("x", encoding="utf-8") as file:
        file.write(history)
    with (folder / _SUMS).open("a", encoding="utf-8") as file:
        file.write(f"{_digest(path)}  {name}.json\n")
    return path


def is_recorded(folder: Path, name: str) -> bool:
    """Return whether a version has a recording, also in one of its folders."""
    return any(f"/{each}".endswith(f"/{name}") for each in _listed(folder))


def flaws(folder: Path) -> list[str]:
    """Return what differs between the recordings of a version and their checksums."""
    listed = _listed(folder)
    found = {path.relative_to(folder).with_suffix("").as_posix(): _digest(path) for path in folder.rglob("*.json")}
    return [
        *(f"{name}: deleted" for name in sorted(listed.keys() - found.keys())),
        *(f"{name}: without a checksum" for name in sorted(found.keys() - listed.keys())),
        *(f"{name}: edited" for name in sorted(listed.keys() & found.keys()) if listed[name] != found[name]),
    ]


def _listed(folder: Path) -> dict[str, str]:
    sums = folder / _SUMS
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    pairs = (line.split("  ", 1) for line in lines)
    return {name.removesuffix(".json"): digest for digest, name in pairs}


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
