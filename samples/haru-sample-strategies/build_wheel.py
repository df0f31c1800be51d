"""A build backend (PEP 517) for this one pure package, so that pip installs it without a network."""

import hashlib
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_PACKAGE = "haru_sample_strategies"


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,  # noqa: ARG001 the interface's
    metadata_directory: str | None = None,  # noqa: ARG001 the interface's
) -> str:
    """Write the wheel into a folder and return its file name."""
    project = tomllib.loads((_HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = f"{_PACKAGE}-{project['version']}.dist-info"
    group = "haru.strategies"
    entries = "".join(f"{name} = {at}\n" for name, at in project["entry-points"][group].items())
    files = {f"{_PACKAGE}/{file.name}": file.read_bytes() for file in sorted((_HERE / _PACKAGE).glob("*.py"))} | {
        f"{info}/METADATA": _metadata(project).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: build_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{group}]\n{entries}".encode(),
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    name = f"{_PACKAGE}-{project['version']}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            wheel.writestr(path, text)
    return name


def _metadata(project: dict[str, Any]) -> str:
    extras = "".join(
        f"Provides-Extra: {extra}\n"
        + "".join(f'Requires-Dist: {needed}; extra == "{extra}"\n' for needed in requirements)
        for extra, requirements in project["optional-dependencies"].items()
    )
    return (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        f"Summary: {project['description']}\nRequires-Python: {project['requires-python']}\n{extras}"
    )


def _digest(text: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
