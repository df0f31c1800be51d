"""The console commands of an installed Haru name themselves, and each other, in usage, errors and hints."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import worker
from reporting.spoken import rename, say, speak
from runtime.installed import require_packages
from tests.support.command_line import Run


@pytest.fixture
def installed(nothing_configured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the commands. The process was started by ``haru-starter``."""
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin" / "haru-starter")])
    yield tmp_path / "bin"
    rename({})
    speak("en")


@pytest.mark.usefixtures("installed")
def test_usage_and_errors_name_the_command(run: Run) -> None:
    unknown, whole = run("statu"), run("--help")

    assert unknown.returncode == 2
    assert unknown.stderr.startswith("usage: haru-starter ")
    assert "\nharu-starter: error: " in unknown.stderr
    assert "usage: haru-starter status " in run("status", "--help").stdout
    assert "starter.py" not in whole.stdout


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("language", ["en", "ko"])
def test_hints_name_the_commands(run: Run, language: str) -> None:
    done = run("status", "--json", HARU_LANGUAGE=language)

    assert done.stderr.startswith("haru-starter: ")
    assert "`haru-worker`" in done.stderr
    assert "start `haru-worker` first" in json.loads(done.stdout)["error"]
    assert ".py" not in done.stderr + done.stdout


def test_the_worker_names_itself(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(installed / "haru-worker"), "--help"])

    with pytest.raises(SystemExit):
        worker._read_arguments()

    printed = capsys.readouterr().out
    assert printed.startswith("usage: haru-worker ")
    assert "haru-starter --workers 5" in " ".join(printed.split())
    assert ".py" not in printed


def test_a_command_without_its_packages_does_not_speak_of_make(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.installed.find_spec", lambda _: None)

    with pytest.raises(SystemExit) as refusal:
        require_packages("starter.py")

    assert "haru-starter: " in str(refusal.value)
    assert "Install Haru again with its dependencies" in str(refusal.value)


def test_a_program_from_a_checkout_keeps_the_names_of_its_files(nothing_configured: None, run: Run) -> None:
    assert "start `python worker.py` first" in run("status").stderr
    assert say("python starter.py stop") == "python starter.py stop"
