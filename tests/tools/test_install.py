"""``make`` on a fresh machine: the environment becomes complete, or a message names the fix."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.embedded.confined import on_a_small_disk

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small wheel and a lock file that requires it."""
    folder = tmp_path_factory.mktemp("index")
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "ANSWER = 42\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    return folder


@pytest.fixture(scope="module")
def made(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment installed over an interrupted attempt."""
    environment = tmp_path_factory.mktemp("made") / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text("half a program")
    done = install(environment, index / "lock", PIP_FIND_LINKS=str(index))
    assert done.returncode == 0, done.stderr
    return environment


def install(
    environment: Path, lock: Path, confinement: Callable[[], None] | None = None, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "tools/install.py", environment, lock],
        cwd=ROOT,
        env={**os.environ, **OFFLINE, **variables},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        preexec_fn=confinement,
    )


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.slow
def test_what_an_interrupted_attempt_left_is_replaced_by_a_whole_environment(made: Path) -> None:
    answer = subprocess.check_output([made / "bin" / "python", "-c", "import tiny; print(tiny.ANSWER)"], text=True)

    assert answer == "42\n"
    assert (made / ".installed").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        (
            {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "https://127.0.0.1:9/simple", "PIP_RETRIES": "1"},
            ("HTTPS_PROXY", "PIP_INDEX_URL", "PIP_FIND_LINKS"),
        ),
        ({}, ("glibc", "Python 3.11 to 3.13")),
    ],
    ids=["no network", "no package for this machine"],
)
def test_what_keeps_pip_from_a_package_is_named_and_the_environment_is_not_taken_for_whole(
    made: Path, tmp_path: Path, variables: dict[str, str], named: tuple[str, ...]
) -> None:
    (tmp_path / "lock").write_text(f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    (made / ".installed").touch()

    done = install(made, tmp_path / "lock", None, **variables)

    assert done.returncode == 1
    for words in named:
        assert words in done.stderr
    assert not (made / ".installed").exists()


def test_a_python_without_venv_names_the_package_that_brings_it(tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ModuleNotFoundError('as Debian ships it')")

    done = install(tmp_path / "venv", tmp_path / "lock", PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    assert "comes without ensurepip: apt install python3-venv" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()

    done = install(disk / "venv", tmp_path / "lock", on_a_small_disk(disk, "3m"))

    assert done.returncode == 1
    assert "is full" in done.stderr
    assert "VENV=" in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(
    ("python", "named"), [("/nowhere/python3", "apt install python3"), ("false", "Python 3.11 or newer is needed")]
)
def test_make_without_a_usable_python_says_which_is_needed(tmp_path: Path, python: str, named: str) -> None:
    done = make("demo", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")

    assert done.returncode != 0
    assert named in done.stderr
    assert "make PYTHON=python3.13 demo" in done.stderr
