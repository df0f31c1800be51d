"""The compose file against what compose needs and what our programs read; no engine is needed for it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from embedded.temporal import temporal_binary
from settings import load_settings
from tests.deploy.compose_file import interpolated, read_compose
from workflows import attributes

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = read_compose(ROOT / "docker-compose.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
KNOWN_KEYS = {
    *("image", "build", "command", "entrypoint", "environment", "env_file", "volumes", "ports", "expose", "profiles"),
    *("depends_on", "healthcheck", "restart", "init", "stop_grace_period"),
}
KNOWN_HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_healthy", "service_completed_successfully"}


def worker_environment(**given: str) -> dict[str, str]:
    return {name: interpolated(value, given) for name, value in SERVICES["worker"]["environment"].items()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_keys_that_compose_knows(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= KNOWN_KEYS
    assert set(service.get("healthcheck", {})) <= KNOWN_HEALTH_KEYS
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_ours_or_pinned(name: str) -> None:
    service = SERVICES[name]

    assert "build" in service or re.fullmatch(r"[\w/-]+:\d+(\.\d+)*", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert SERVICES[other]["restart"].startswith("on-failure")
        if SERVICES[other].get("profiles") != SERVICES[name].get("profiles"):
            assert how["required"] is False


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_are_declared_and_mounted_files_are_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).is_dir() if source.startswith(".") else source in COMPOSE["volumes"]


def test_each_declared_volume_is_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert set(COMPOSE["volumes"]) <= used


def test_the_worker_understands_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in worker_environment().items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.temporal["target_host"] == "temporal:7233"
    assert settings.simulator.url is None


def test_the_simulated_fleet_finds_its_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (ROOT / "deploy" / "simulated.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name, value in worker_environment(**given).items():
        monkeypatch.setenv(name, value)

    url = load_settings().simulator.url

    assert url is not None
    assert url.host in SERVICES
    assert SERVICES[url.host]["profiles"] == [given["COMPOSE_PROFILES"]]


def test_one_password_opens_the_database() -> None:
    password = "s3cret"
    given = {"POSTGRES_PASSWORD": password}
    server = interpolated(SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"], given)

    assert f"haru:{server}@postgres:" in worker_environment(**given)["DATABASE_URL"]


def test_no_password_of_compose_is_mistaken_for_a_setting_of_ours() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert set(re.findall(r"\$\{(HARU_\w+)", text)) == {"HARU_SIMULATOR__URL"}


async def test_the_namespace_job_makes_our_search_attributes_and_may_run_twice(temporal_dev_server: str) -> None:
    environment = {
        "PATH": f"{temporal_binary('temporal').parent}:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "TEMPORAL_ADDRESS": temporal_dev_server,
        "TEMPORAL_NAMESPACE": "trading",
    }

    for _ in range(2):
        subprocess.run(  # noqa: ASYNC221
            ["sh", ROOT / "deploy" / "temporal" / "create-namespace.sh"], env=environment, check=True, timeout=60
        )

    client = await Client.connect(temporal_dev_server, namespace="trading")
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="trading"))
    wanted = {key.name: int(key.indexed_value_type) for key in attributes.ALL}
    assert {name: listed.custom_attributes.get(name) for name in wanted} == wanted


def test_the_image_holds_every_program_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "chaos"}
    modules = {path.name for path in ROOT.glob("*.py")} - {"install.py"}

    assert allowed >= packages | modules | {"requirements.lock"}
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("text", ["a: {b: c}", "a: yes", "a: &x y", "a: 1\na: 2", "a: b # c", "a:\n   b: 1\n  c: 2"])
def test_the_reader_refuses_what_it_does_not_know(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.yml").write_text(text)

    with pytest.raises(ValueError, match="line"):
        read_compose(tmp_path / "file.yml")
