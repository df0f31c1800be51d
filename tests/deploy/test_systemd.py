"""The unit of one machine: valid for systemd, closed to everything that a host does not need."""

import configparser
import re
import sys
from pathlib import Path

import pytest

from runtime.settings import load_settings
from tests.deploy.checkers import checked
from tests.support.command_line import Run

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
MOST_EXPOSED = 2.0
"""Of 10, by systemd's own count; a unit without any of the settings has 9.6."""


def setting(unit: Path, section: str, name: str) -> str:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign] # the parser's way to keep upper case
    parsed.read_string(unit.read_text())
    return parsed[section][name]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with a checkout at another place, whose programs are there."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    folder = tmp_path / "units"
    folder.mkdir()
    for unit in UNITS:
        (folder / unit.name).write_text(unit.read_text().replace("/opt/haru", str(tmp_path)))
    return folder


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_a_unit(unit: Path, installed: Path) -> None:
    said = checked("systemd-analyze", "verify", "--man=no", str(installed / unit.name))

    assert unit.name not in said


def test_the_host_is_closed_to_what_it_does_not_need(installed: Path) -> None:
    said = checked(
        "systemd-analyze", "security", "--offline=true", "--no-pager", str(installed / "haru-worker.service")
    )

    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSED, said


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_unit_starts_a_program_that_is_there_as_a_user_of_its_own(unit: Path) -> None:
    _, program = setting(unit, "Service", "ExecStart").split()[:2]

    assert (ROOT / program.removeprefix("/opt/haru/")).exists()
    assert setting(unit, "Service", "User") == "haru"


def test_the_timer_starts_a_verb_that_is_there(run: Run) -> None:
    (backup,) = (unit for unit in UNITS if unit.name == "haru-backup.service")
    verb = setting(backup, "Service", "ExecStart").split()[2]

    assert run(verb, "--help").returncode == 0


def test_the_host_starts_again_however_it_ends_and_has_time_to_drain() -> None:
    (worker,) = (unit for unit in UNITS if unit.name == "haru-worker.service")

    assert setting(worker, "Service", "Restart") == "always"
    assert setting(worker, "Unit", "StartLimitIntervalSec") == "0"
    assert int(setting(worker, "Service", "TimeoutStopSec")) >= 30


def test_the_hosts_environment_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None
) -> None:
    (worker,) = (unit for unit in UNITS if unit.name == "haru-worker.service")
    (tmp_path / "haru.env").touch(mode=0o600)
    for pair in setting(worker, "Service", "Environment").split():
        name, value = pair.split("=", 1)
        monkeypatch.setenv(name, value.replace("/etc/haru", str(tmp_path)))

    assert load_settings().data_dir == Path("/var/lib") / setting(worker, "Service", "StateDirectory")
