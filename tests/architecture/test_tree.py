"""The shape of the tree: files that fit a screen or two, names that say something, a pure middle, bare root modules."""

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "core", "manager"}
PURE_LIBRARY = {
    *("bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "itertools"),
    *("math", "operator", "re", "statistics", "string", "types", "typing", "zoneinfo"),
}
ROOT_IMPORTS = {
    "alert_settings": set(),
    "broker_settings": {"domain"},
    "env_file": set(),
    "live_dangers": {"domain", "exchange", "settings"},
    "payload_settings": {"sealing"},
    "settings": {"alert_settings", "broker_settings", "domain", "env_file", "exchange", "payload_settings"},
    "telemetry": {"domain", "settings"},
}


def python_files() -> list[Path]:
    """Every Python file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).exists()]
    # A tree without its history, as in an image.
    return [
        path for path in ROOT.rglob("*.py") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


SOURCES = [path for path in python_files() if path.relative_to(ROOT).parts[0] != "tests"]
TESTS = [path for path in python_files() if path.relative_to(ROOT).parts[0] == "tests"]


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def imported_by(path: Path) -> set[str]:
    """Return the top-level names that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_file_is_longer_than_350_lines() -> None:
    assert {str(path): lines_of(path) for path in [*SOURCES, *TESTS] if lines_of(path) > 350} == {}


def test_half_of_the_sources_fit_in_110_lines() -> None:
    assert median(lines_of(path) for path in SOURCES) <= 110


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [
        path for path in python_files() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES
    ] == []


def test_every_file_begins_with_what_it_is() -> None:
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


@pytest.mark.parametrize("folder", ["domain", "strategies"])
def test_the_pure_folders_import_pure_library_modules_only(folder: str) -> None:
    allowed = PURE_LIBRARY | {"domain", folder}

    assert {
        path: imported_by(path) - allowed for path in (ROOT / folder).glob("*.py") if imported_by(path) - allowed
    } == {}


@pytest.mark.parametrize("module", ROOT_IMPORTS)
def test_the_root_modules_know_the_ground_only(module: str) -> None:
    ours = {path.stem if path.parent == ROOT else path.relative_to(ROOT).parts[0] for path in SOURCES}

    assert imported_by(ROOT / f"{module}.py") & ours <= ROOT_IMPORTS[module]


def test_no_module_has_the_name_of_one_of_the_standard_library() -> None:
    top_level = {path.stem for path in SOURCES if path.parent == ROOT} | {
        path.relative_to(ROOT).parts[0] for path in SOURCES
    }

    assert top_level & sys.stdlib_module_names == set()
