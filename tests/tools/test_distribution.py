"""Haru and its simulator as packages: their wheels hold every file, and Haru's commands run from any folder."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.tools.distributions import ROOT, SIMULATOR, a_wheel, pip

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


def test_the_simulators_image_is_made_of_what_is_there() -> None:
    lines = [line.split() for line in (SIMULATOR / "Dockerfile").read_text().splitlines()]
    words = {line[0]: line[1:] for line in lines if line}
    project = tomllib.loads((SIMULATOR / "pyproject.toml").read_text())["project"]

    assert all((SIMULATOR / source).exists() for source in words["COPY"][:-1])
    assert (SIMULATOR / project["readme"]).exists()
    assert words["ENTRYPOINT"][0].strip('[",') in project["scripts"]
    assert words["USER"][0].isdecimal()
    assert words["USER"][0] in (SIMULATOR / "Dockerfile").read_text().partition("useradd")[2].partition("USER")[0]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_simulators_wheel_holds_its_page_and_no_path_that_an_installer_may_refuse(tmp_path: Path) -> None:
    held = set(ZipFile(a_wheel(SIMULATOR, tmp_path)).namelist())
    product = {
        f"simulator/{path.relative_to(SIMULATOR).as_posix()}"
        for path in SIMULATOR.rglob("*")
        if path.is_file() and path.suffix not in {".md", ".pyc"}
    }
    outside = {f"simulator/{name}" for name in ("bar_folder.py", "pyproject.toml", "Dockerfile")}

    assert product - outside <= held
    assert [name for name in held if "/./" in name or name in outside] == []
