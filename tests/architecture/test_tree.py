"""The shape of the tree: short files with meaningful names, a pure core, thin root modules."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "core", "manager"}
PURE_LIBRARY = {
    *("bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib", "hmac"),
    *("itertools", "json", "math", "operator", "re", "statistics", "string", "types", "typing", "zoneinfo"),
}
STRATEGY_LIBRARY = {"annotated_types", "ast", "difflib", "inspect", "pydantic"}
NUMERIC: dict[str, dict[str, set[str]]] = {"strategies": {"indicators.py": {"numpy", "talib"}}}
"""The one file that needs an extra; NumPy and TA-Lib have neither clock nor I/O as it calls them."""
PROGRAMS = {"worker.py", "starter.py", "demo.py"}
THIN = 60
"""Maximum lines of a program: it parses its arguments, starts, and reports its exit."""


def python_files() -> list[Path]:
    """Every Python file in the repository, untracked ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).exists()]
    # A tree without git history, as in an image.
    return [
        path for path in ROOT.rglob("*.py") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    ]


SOURCES = [path for path in python_files() if path.relative_to(ROOT).parts[0] != "tests"]
TESTS = [path for path in python_files() if path.relative_to(ROOT).parts[0] == "tests"]


WRITING = {"write_text", "write_bytes", "touch", "mkdir", "makedirs", "mkstemp", "mkdtemp"}
OPENING_FLAGS = re.compile(r"[wax+]")
WRITES_BY_ITSELF = {
    "tools/chaos/adversary.py": "changes PostgreSQL's own file, which keeps its owner",
    "deploy/pin_images.py": "writes what is committed",
    "runtime/backup.py": "syncs a folder that the operator has named",
    "runtime/embedded/postgres.py": "makes PostgreSQL's folder, mode 0700, for another user where need be",
    "runtime/embedded/unprivileged.py": "writes to /proc",
    "web/process.py": "writes to /proc",
    "tools/rollout/trees.py": "copies our own code, without data or keys",
    "tools/install.py": "makes the environment, before any of our modules can be used",
    "security/private_files.py": "is how the others write",
    "reporting/writing.py": "makes a folder that the operator has named",
    "simulator/journal.py": "makes a folder that the operator has named",
    "simulator/private_files.py": "opens the files of the simulator, which is a distribution of its own",
}


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


def writes(path: Path) -> list[str]:
    """Return the calls with which a file creates or opens files itself, reads excluded."""
    found = []
    for call in [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        modes = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        opens = name == "open" and (ast.unparse(call.func) == "os.open" or any(map(OPENING_FLAGS.search, modes)))
        if name in WRITING or opens:
            found.append(ast.unparse(call.func))
    return found


def test_files_are_made_where_their_mode_and_owner_are_looked_after() -> None:
    ours = {str(path.relative_to(ROOT)): writes(path) for path in SOURCES}

    assert {name for name, calls in ours.items() if calls} == WRITES_BY_ITSELF.keys()


def test_no_wait_loses_a_cancellation() -> None:
    # On Python 3.11 wait_for returns a result that arrives together with a cancellation, and its task never ends.
    lossy = re.compile(r"asyncio\.wait_for\(|from asyncio import .*\bwait_for\b")

    assert [str(path.relative_to(ROOT)) for path in SOURCES if lossy.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_is_longer_than_350_lines() -> None:
    assert {str(path): lines_of(path) for path in [*SOURCES, *TESTS] if lines_of(path) > 350} == {}


def test_half_of_the_sources_fit_in_110_lines() -> None:
    assert median(lines_of(path) for path in SOURCES) <= 110


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [
        path for path in python_files() if {path.stem, path.relative_to(ROOT).parent.name} & set(FORBIDDEN_NAMES)
    ] == []


def test_every_file_begins_with_what_it_is() -> None:
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


@pytest.mark.parametrize("folder", ["domain", "strategies"])
def test_the_pure_folders_import_pure_library_modules_only(folder: str) -> None:
    allowed = PURE_LIBRARY | {"domain", folder} | (STRATEGY_LIBRARY if folder == "strategies" else set())
    found = {path.name: imported_by(path) - allowed for path in (ROOT / folder).rglob("*.py")}

    assert {name: others for name, others in found.items() if others} == NUMERIC.get(folder, {})


def test_only_thin_programs_stand_at_the_root() -> None:
    at_the_root = {path.name: lines_of(path) for path in SOURCES if path.parent == ROOT}

    assert at_the_root.keys() == PROGRAMS
    assert max(at_the_root.values()) <= THIN


def test_a_file_at_the_top_of_activities_defines_an_activity() -> None:
    files = [path for path in (ROOT / "activities").glob("*.py") if path.name != "__init__.py"]

    assert [path.name for path in files if "@activity.defn" not in path.read_text()] == []


def test_no_file_below_a_folder_of_activities_defines_one() -> None:
    below = [path for path in (ROOT / "activities").rglob("*.py") if path.parent.name != "activities"]

    assert [path.name for path in below if "@activity.defn" in path.read_text()] == []


def test_no_module_has_the_name_of_one_of_the_standard_library() -> None:
    top_level = {path.stem for path in SOURCES if path.parent == ROOT} | {
        path.relative_to(ROOT).parts[0] for path in SOURCES
    }

    assert top_level & sys.stdlib_module_names == set()
