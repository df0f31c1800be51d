"""A demo run starts without data of an earlier run, and ignores the configuration of a real account."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import env_file
from runtime.embedded.errors import FolderHeldError
from runtime.embedded.folder import hold_folder
from runtime.embedded.stage import set_stage, unconfigured
from runtime.settings import load_settings
from tests.runtime.embedded.processes import FREE_PORTS, is_held

REAL = {
    "HARU_BROKER__ENVIRONMENT": "paper",
    "HARU_BROKER__ACCOUNT": "12345678-01",
    "HARU_BROKER__APP_KEY": "the key of a real account",
    "HARU_BROKER__APP_SECRET": "its secret",
    "haru_broker__hts_id": "somebody",
    "DATABASE_URL": "postgresql://unused@nowhere/real",
    "TEMPORAL_ADDRESS": "nowhere:7233",
}


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Configure a real account in the environment and in a file; restore everything afterwards."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(env_file, "CHECKOUT", tmp_path)
    os.environ.update(REAL)
    (tmp_path / ".env").write_text("HARU_QUOTATIONS__APP_KEY=another\nHARU_QUOTATIONS__APP_SECRET=secret\n")
    try:
        assert load_settings().broker.hts_id == "somebody", "small letters count as well"
        yield tmp_path
    finally:
        os.environ.clear()
        os.environ.update(before)


async def test_nothing_that_is_configured_comes_along_but_the_market_that_was_asked_for(at_home: Path) -> None:
    folder = at_home / "stage"

    await set_stage(folder, speed=60, seed=3)

    settings = load_settings()
    market = {"HARU_SIMULATOR__SPEED": "60", "HARU_SIMULATOR__SEED": "3"}
    assert settings.describe() == {"HARU_DATA_DIR": str(folder), **FREE_PORTS, **market}
    assert settings.temporal.get("target_host") is None
    assert Path.cwd() == folder
    assert not is_held(folder), "it is free for the parts"


async def test_a_temporal_that_is_configured_in_the_users_home_is_not_used(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(at_home))
    monkeypatch.delenv("TEMPORAL_ADDRESS")
    monkeypatch.setenv("HOME", str(at_home))
    for kept_in in (at_home / "temporalio", at_home / "Library" / "Application Support" / "temporalio"):
        kept_in.mkdir(parents=True)
        (kept_in / "temporal.toml").write_text('[profile.default]\naddress = "elsewhere:7233"\n')
    assert load_settings().temporal.get("target_host") == "elsewhere:7233"

    await set_stage(at_home / "stage")

    assert load_settings().temporal.get("target_host") is None


async def test_what_an_earlier_play_left_is_removed(tmp_path: Path, at_home: Path) -> None:
    folder, elsewhere = at_home / "stage", tmp_path / "elsewhere"
    (folder / "postgres" / "base").mkdir(parents=True)
    (folder / "worker.log").write_text("earlier")
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (folder / "link").symlink_to(elsewhere)

    await set_stage(folder)

    assert {path.name for path in folder.iterdir()} == {"lock", "lock.host"}
    assert (elsewhere / "kept").exists(), "a link is removed, not what it names"


async def test_a_folder_that_is_in_use_is_refused_and_nothing_changes(at_home: Path) -> None:
    folder = at_home / "stage"
    hold = await hold_folder(folder)
    (folder / "worker.log").write_text("playing")

    with pytest.raises(FolderHeldError, match="is in use"):
        await set_stage(folder)

    assert (folder / "worker.log").read_text() == "playing"
    assert os.environ.items() >= REAL.items()
    assert Path.cwd() == at_home
    hold.release()


def test_another_process_gets_its_folder_and_finds_our_modules_from_there(at_home: Path) -> None:
    environment = unconfigured(at_home)

    assert {name for name in environment if name.upper().startswith(("HARU_", "TEMPORAL_", "DATABASE_URL"))} == {
        "HARU_DATA_DIR",
        "HARU_ENV_FILE",
        "TEMPORAL_CONFIG_FILE",
    }
    child = subprocess.run(
        [sys.executable, "-c", "from runtime.settings import load_settings; print(load_settings().data_dir)"],
        cwd=at_home,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == str(at_home)
