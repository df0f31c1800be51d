"""python-kis, a third-party client, trades on the installed simulator with only its base URLs changed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.tools.distributions import SIMULATOR, a_wheel, an_environment_with

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("python_kis_day.py")
MODES = ("real", "virtual")
STEPS = 13
PYTHON_KIS_LIMIT = "2"
"""Calls per second that python-kis sends to paper. KIS has allowed 1 since 2026; python-kis repeats refused calls."""
NOTICE_FIELDS = 23
"""Number of fields that python-kis reads. The real service now sends 26; python-kis loses every such notice."""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the simulator alone into an empty environment, as a stranger does."""
    folder = tmp_path_factory.mktemp("kis-simulator")
    return an_environment_with(a_wheel(SIMULATOR, folder), folder / "environment")


@pytest.fixture(scope="module")
def urls(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Base URLs of the real and the paper service over one market."""
    options = {"port": "0", "paper-port": "0", "clock": "2026-11-23 10:00:00", "paper-rate-limit": PYTHON_KIS_LIMIT}
    words = [part for name, value in options.items() for part in (f"--{name}", value)]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    process = subprocess.Popen([commands / "kis-simulator", *words], cwd=elsewhere, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = [process.stdout.readline().partition(" ready on ")[2].strip() for _ in MODES]
    httpx.post(f"{found[0]}/control/stream", json={"real_fields": NOTICE_FIELDS, "market_class": 0}).raise_for_status()
    yield found
    process.terminate()
    process.communicate()


@pytest.mark.slow
def test_python_kis_buys_cancels_sells_and_listens_in_both_modes(urls: list[str]) -> None:
    days = {
        mode: subprocess.Popen([sys.executable, PROGRAM, mode, *urls], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for mode in MODES
    }
    said = {mode: day.communicate(timeout=100)[0] for mode, day in days.items()}

    for mode in MODES:
        met = json.loads(said[mode].splitlines()[-1])
        passed = [step for step, result in met.items() if result == "ok"]
        print(f"python-kis, {mode}: {len(passed)}/{STEPS} steps")  # noqa: T201 - make test ARGS="-s" shows it
        assert len(passed) == STEPS, (mode, met)


@pytest.mark.slow
def test_what_python_kis_did_is_in_the_books(urls: list[str]) -> None:
    for account in ("11111111", "55555555"):
        books = httpx.get(f"{urls[0]}/control/accounts/{account}").json()

        assert [holding["quantity"] for holding in books["holdings"]] == [0]
        assert sorted(order["side"] for order in books["orders"] if order["filled"]) == ["buy", "sell"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_installed_simulator_says_what_recorded_bars_need(commands: Path, tmp_path: Path) -> None:
    asked = [str(commands / "kis-simulator"), "--port", "0", "--bars", str(tmp_path)]
    run = subprocess.run(asked, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    assert run.returncode == 2
    assert "recorded bars are read by Haru's history module" in run.stderr
