"""What the script of the secrets makes is what the services of compose read and our settings understand."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.settings import load_settings
from runtime.token_key import token_key
from tests.deploy.compose_file import COMPOSE, MUTUAL_TLS, ROOT, SECRETS_GROUP, SERVICES, environment_of, variables_of


def made_secrets(folder: Path) -> dict[str, str]:
    """Run the script of the secrets twice; the second time it changes nothing."""
    script = ["sh", str(ROOT / "deploy" / "create-secrets.sh"), str(folder)]
    subprocess.run(script, check=True, timeout=60)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    subprocess.run(script, check=True, timeout=60)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    return first


@pytest.mark.skipif(os.geteuid() != 0, reason="the files belong to root")
def test_the_script_makes_each_secret_for_the_group_that_the_containers_join(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    made = made_secrets(folder)

    secrets = [*COMPOSE["secrets"].values(), *MUTUAL_TLS["secrets"].values()]
    assert set(made) == {Path(secret["file"]).name for secret in secrets}
    for path in folder.iterdir():
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, SECRETS_GROUP, 0o640)
    assert made["owner_password"].strip() in made["owner_url"]
    assert made["application_password"].strip() in made["application_url"]
    assert len(set(made.values())) == len(made)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may make them")
def test_only_root_makes_secrets(tmp_path: Path) -> None:
    script = ["sh", str(ROOT / "deploy" / "create-secrets.sh"), str(tmp_path / "secrets")]

    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "run: sudo sh" in done.stderr


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> Callable[[str], None]:
    """Set a service's environment in this process, with its secrets in files of a test's own."""

    def mount(service: str, **given: str) -> None:
        folder = tmp_path / "run-secrets"
        if not folder.exists():
            made_secrets(folder)
        for path in folder.iterdir():
            path.chmod(0o600)  # the owner's here; in the containers root's, read by their group
        for name, value in environment_of(service, **given).items():
            secret = COMPOSE["secrets"].get(value.removeprefix("/run/secrets/"))
            monkeypatch.setenv(name, str(folder / Path(secret["file"]).name) if secret else value)

    return mount


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make the secrets")
def test_the_worker_understands_its_environment(mounted: Callable[[str], None]) -> None:
    mounted("worker")

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value().startswith("postgresql://haru_app:")
    assert settings.temporal["target_host"] == "temporal:7233"
    assert (len(settings.payloads.keys), settings.simulator.url) == (1, None)
    assert token_key(settings)
    assert str(settings.telemetry.health_address).rpartition(":")[2] in str(SERVICES["worker"]["healthcheck"]["test"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make the secrets")
def test_the_simulated_fleet_finds_its_simulator(mounted: Callable[..., None]) -> None:
    given = variables_of("simulated.env")
    mounted("worker", **given)

    url = load_settings().simulator.url

    assert url is not None
    assert url.host in SERVICES
    assert SERVICES[url.host]["profiles"] == [given["COMPOSE_PROFILES"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make the secrets")
def test_the_migration_has_both_roles_and_the_codec_server_the_key_alone(mounted: Callable[[str], None]) -> None:
    mounted("migrate")
    migrates = load_settings()

    assert migrates.database_url is not None
    assert migrates.database_migration_url is not None
    assert migrates.database_migration_url.get_secret_value().startswith("postgresql://haru:")
    assert set(environment_of("codec-server")) == {"HARU_PAYLOADS__KEYS_FILE"}
    assert f'"{SERVICES["temporal-ui"]["ports"][0].split(":")[1]}"' in json.dumps(SERVICES["codec-server"]["command"])


def test_temporal_has_512_shards_and_its_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("temporals\n")
    (tmp_path / "entrypoint").write_text('#!/bin/sh\nprintf %s "$POSTGRES_PWD"\n')
    (tmp_path / "entrypoint").chmod(0o700)
    given = {"POSTGRES_PWD_FILE": str(tmp_path / "password"), "ENTRYPOINT": str(tmp_path / "entrypoint")}

    script = ["sh", str(ROOT / "deploy" / "temporal" / "start-server.sh")]
    started = subprocess.run(script, env={**os.environ, **given}, capture_output=True, text=True, check=True)

    assert started.stdout == "temporals"
    assert SERVICES["temporal"]["environment"]["NUM_HISTORY_SHARDS"] == "512"
