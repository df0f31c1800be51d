"""Keys from settings or the data folder; machines with other keys are refused with the fix."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from database.database import open_database
from domain.identity import AccountId, Environment
from runtime.embedded.payload_key import FILE
from runtime.settings import SettingsError, load_settings
from runtime.temporal_connection import ring_of
from security.sealing.keys import KeyRing, new_key
from tests.support.command_line import Run
from tests.test_starter import PAPER, paper

__all__ = ["paper"]
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.mark.parametrize(
    "shared", [{"DATABASE_URL": "postgresql://haru@db:5432/haru"}, {"TEMPORAL_ADDRESS": "temporal:7233"}]
)
def test_shared_servers_need_a_shared_key(monkeypatch: pytest.MonkeyPatch, shared: dict[str, str]) -> None:
    for name, value in {**PAPER, "HARU_BROKER__ACCOUNT": "12345678-01", **shared}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=r"HARU_PAYLOADS__KEYS: .* `python starter.py new-key` makes one"):
        ring_of(load_settings())


def test_what_runs_on_one_machine_keeps_a_key_of_its_own(tmp_path: Path) -> None:
    ring = ring_of(load_settings())

    assert (tmp_path / ".haru" / FILE).exists()
    assert ring_of(load_settings()).ids == ring.ids


def test_configured_keys_come_first_and_none_of_them_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = new_key(), new_key()
    monkeypatch.setenv("HARU_PAYLOADS__KEYS", f"{new}, {old}")

    settings = load_settings()

    assert ring_of(settings).ids == KeyRing([new, old]).ids
    assert {new, old} <= set(settings.secrets())
    assert settings.describe()["HARU_PAYLOADS__KEYS"] == "(set)"


def test_a_wrong_key_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_PAYLOADS__KEYS", "s3cret-but-no-key")

    with pytest.raises(SettingsError, match="HARU_PAYLOADS__KEYS: it is not 32 bytes") as raised:
        load_settings()

    assert "s3cret" not in str(raised.value)


async def test_commands_of_a_machine_with_another_key_are_refused_until_the_old_one_is_given_up(
    run: Run, paper: Mapping[str, str], database_url: str, temporal_dev_server: str
) -> None:
    database = await open_database(database_url)
    pinned = await database.accounts.pinned()
    assert pinned is not None
    await database.payload_keys.join(AccountId(pinned[0]), "elsewhere/1", KeyRing([new_key()]).ids)
    await database.aclose()
    assert pinned[1] is Environment.PAPER

    refused = await asyncio.to_thread(run, "status", **paper)
    forgotten = await asyncio.to_thread(run, "forget-keys", **paper)
    status = await asyncio.to_thread(run, "status", **paper)

    assert (refused.returncode, forgotten.returncode, status.returncode) == (1, 0, 0)
    assert "starter.py: the fleet's workflows are encrypted with key" in refused.stderr
    assert "give all machines the same HARU_PAYLOADS__KEYS" in refused.stderr


@pytest.mark.parametrize(("words", "host"), [((), "127.0.0.1"), (("--container",), "127.0.0.2")])
def test_the_codec_server_answers_the_web_ui_of_this_machine(tmp_path: Path, words: tuple[str, ...], host: str) -> None:
    """A container's port is published at another address than the one that the browser names."""
    (tmp_path / ".env").touch()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "starter.py"), "codec-server", *words],
        cwd=tmp_path,
        env={**os.environ, "HARU_ENV_FILE": ".env"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = next(line.strip() for line in process.stdout if line.startswith("http://127.0.0.1:"))
        parts = urlsplit(address)
        asked = {"host": parts.netloc, "origin": "http://localhost:8233", "content-type": "application/json"}
        at = f"http://{host}:{parts.port}"
        with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=5)) as client:
            good = client.post(f"{at}{parts.path}/decode", headers=asked, content=b'{"payloads": []}')
            other = client.post(
                f"{at}{parts.path}/decode", headers=asked | {"origin": "http://evil.example"}, content=b"{}"
            )
            unknown = client.post(f"{at}/decode", headers=asked, content=b"{}")
    finally:
        process.terminate()
        process.wait()

    assert (good.status_code, other.status_code, unknown.status_code) == (200, 403, 404)
