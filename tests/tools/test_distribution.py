"""Haru as a package: its wheel holds every file of the product, and its two commands run from any folder."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.tools.distributions import ROOT, a_wheel, pip

NOT_INSTALLED = {"demo.py", "deploy", "docs", "samples", "tests", "tools"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_wheel(ROOT, tmp_path_factory.mktemp("haru"))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_wheel_holds_every_file_of_the_product(wheel: Path) -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    packages, programs = set(known) - NOT_INSTALLED, {"worker.py", "starter.py"}
    product = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    held = set(ZipFile(wheel).namelist())

    assert product | programs <= held
    assert {name.partition("/")[0] for name in held if ".dist-info/" not in name} == packages | programs


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_installed_commands_take_settings_from_the_folder_they_start_in(wheel: Path, tmp_path: Path) -> None:
    packages, here = tmp_path / "site-packages", tmp_path / "here"
    pip(sys.executable, "install", "--no-deps", "--target", str(packages), str(wheel))
    here.mkdir()
    (here / ".env").write_text("HARU_ENVIRONMENT=nowhere\n")
    (here / ".env").chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HARU_")}
    environment["PYTHONPATH"] = str(packages)

    ran = {
        command: subprocess.run(
            [sys.executable, packages / "bin" / command, *words],
            check=False,
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
        )
        for command, *words in (("haru-worker",), ("haru-starter", "--help"))
    }

    assert ran["haru-worker"].returncode == 1
    assert ran["haru-worker"].stderr.startswith("haru-worker: HARU_ENVIRONMENT")
    assert (ran["haru-starter"].returncode, ran["haru-starter"].stderr) == (0, "")
    assert ran["haru-starter"].stdout.startswith("usage: haru-starter ")
