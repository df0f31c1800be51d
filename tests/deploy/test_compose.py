"""The compose file against compose's requirements and our programs' settings; no engine is needed."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from database.database import open_database
from runtime.embedded.binaries import postgres_binaries
from runtime.embedded.temporal import temporal_binary
from runtime.settings import load_settings
from tests.deploy.compose_file import interpolated, read_compose
from tests.support.application_role import as_application
from tests.support.command_line import Run
from workflows import attributes

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = read_compose(ROOT / "docker-compose.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
KNOWN_KEYS = {
    *("image", "build", "command", "entrypoint", "environment", "env_file", "volumes", "ports", "expose", "profiles"),
    *("depends_on", "healthcheck", "restart", "init", "stop_grace_period"),
    *("user", "read_only", "cap_drop", "security_opt", "tmpfs", "networks"),
}
KNOWN_HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
PASSWORDS = {
    "POSTGRES_PASSWORD": "the-owners",
    "APPLICATION_PASSWORD": "the-applications",
    "TEMPORAL_DB_PASSWORD": "temporals",
}
WRITES_INTO_ITS_IMAGE = {"temporal-ui"}
"""It renders its configuration beside its program at the start."""
CONDITIONS = {"service_healthy", "service_completed_successfully"}


def worker_environment(**given: str) -> dict[str, str]:
    return environment_of("worker", **given)


def environment_of(service: str, **given: str) -> dict[str, str]:
    return {name: interpolated(value, PASSWORDS | given) for name, value in SERVICES[service]["environment"].items()}


def variables_of(file: str) -> dict[str, str]:
    lines = (ROOT / "deploy" / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_only_keys_that_compose_knows(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= KNOWN_KEYS
    assert set(service.get("healthcheck", {})) <= KNOWN_HEALTH_KEYS
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_comes_from_a_file_of_images_and_has_no_default(name: str) -> None:
    service = SERVICES[name]
    image = service["build"]["args"]["PYTHON_IMAGE"] if "build" in service else service["image"]

    with pytest.raises(ValueError, match=r"IMAGE_\w+: run make images"):
        interpolated(image, {})
    assert re.fullmatch(r"[\w/-]+:[\w.-]+", interpolated(image, variables_of("unpinned.env")))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_without_root_without_capabilities_and_on_a_file_system_that_it_cannot_change(name: str) -> None:
    service = SERVICES[name]

    assert "build" in service or re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only") is True or name in WRITES_INTO_ITS_IMAGE


@pytest.mark.parametrize("name", SERVICES)
def test_without_a_password_of_ones_own_nothing_starts_that_has_one(name: str) -> None:
    for text in SERVICES[name].get("environment", {}).values():
        for variable in re.findall(r"\$\{(\w*PASSWORD\w*)", text):
            with pytest.raises(ValueError, match=f"{variable}: set it"):
                interpolated(text, {other: "x" for other in PASSWORDS if other != variable})


def test_each_database_is_reached_by_its_own_program_only() -> None:
    def beside(database: str) -> set[str]:
        networks = set(SERVICES[database]["networks"])
        assert all(COMPOSE["networks"][network] == {"internal": True} for network in networks)
        return {name for name, service in SERVICES.items() if networks & set(service["networks"])} - {database}

    assert beside("postgres") == {"postgres-roles", "migrate", "worker"}
    assert beside("temporal-postgres") == {"temporal-schema", "temporal"}
    assert set(COMPOSE["networks"]) == {network for service in SERVICES.values() for network in service["networks"]}


def test_only_the_programs_for_people_have_a_port_and_these_are_not_started_by_themselves() -> None:
    open_to_this_machine = {name for name, service in SERVICES.items() if "ports" in service}

    assert open_to_this_machine == {"temporal-ui", "simulator"}
    assert all(SERVICES[name]["profiles"] for name in open_to_this_machine)


def test_the_worker_never_has_the_password_of_the_owner() -> None:
    worker = worker_environment()

    assert not [name for name, value in worker.items() if PASSWORDS["POSTGRES_PASSWORD"] in value]
    assert not [name for name, value in worker.items() if PASSWORDS["TEMPORAL_DB_PASSWORD"] in value]
    # The whole of .env goes into its environment; a name set to nothing here stays out of it.
    assert {"POSTGRES_PASSWORD", "TEMPORAL_DB_PASSWORD", "HARU_DATABASE_MIGRATION_URL"} <= worker.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert SERVICES[other]["restart"].startswith("on-failure")
        if SERVICES[other].get("profiles") not in (None, SERVICES[name].get("profiles")):
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
    given = variables_of("simulated.env")
    for name, value in worker_environment(**given).items():
        monkeypatch.setenv(name, value)

    url = load_settings().simulator.url

    assert url is not None
    assert url.host in SERVICES
    assert SERVICES[url.host]["profiles"] == [given["COMPOSE_PROFILES"]]


def test_each_role_has_its_password_and_the_migration_knows_both() -> None:
    server, roles, migrate = map(environment_of, ("postgres", "postgres-roles", "migrate"))

    assert f"{server['POSTGRES_USER']}:{server['POSTGRES_PASSWORD']}@" in migrate["HARU_DATABASE_MIGRATION_URL"]
    assert (roles["PGUSER"], roles["PGPASSWORD"]) == (server["POSTGRES_USER"], server["POSTGRES_PASSWORD"])
    assert migrate["DATABASE_URL"] == worker_environment()["DATABASE_URL"]
    assert f"haru_app:{roles['APPLICATION_PASSWORD']}@postgres:" in migrate["DATABASE_URL"]


async def test_the_roles_job_and_the_migration_make_a_database_that_the_worker_may_use(
    postgres_server: str, run: Run, nothing_configured: None
) -> None:
    server = urlsplit(postgres_server)
    admin = await asyncpg.connect(postgres_server)
    for statement in ("DROP DATABASE IF EXISTS composed WITH (FORCE)", "CREATE DATABASE composed"):
        await admin.execute(statement)
    job = {
        "PATH": f"{postgres_binaries()}:/usr/bin:/bin",
        "PGHOST": str(server.hostname),
        "PGPORT": str(server.port),
        "PGDATABASE": "composed",
        "PGUSER": str(server.username),
        "PGPASSWORD": str(server.password),
        "APPLICATION_PASSWORD": "application",  # the password of the role in the other tests, which use the same server
    }

    for _ in range(2):
        script = ROOT / "deploy" / "postgres" / "create-roles.sh"
        subprocess.run(["sh", script], env=job, check=True, timeout=60)  # noqa: ASYNC221
    owner = urlunsplit(server._replace(path="/composed"))
    urls = {"DATABASE_URL": as_application(owner), "HARU_DATABASE_MIGRATION_URL": owner}
    too_little = await asyncio.to_thread(run, "migrate", DATABASE_URL=urls["DATABASE_URL"])
    done = await asyncio.to_thread(run, "migrate", **urls)
    opened = await open_database(urls["DATABASE_URL"], 1)
    role = await opened.server.role()
    await opened.aclose()
    await admin.execute("DROP DATABASE composed WITH (FORCE)")
    await admin.close()

    assert (too_little.returncode, done.returncode) == (1, 0), done.stderr
    assert "the role haru_app may not change its tables: set HARU_DATABASE_MIGRATION_URL" in too_little.stderr
    assert (role.name, role.is_superuser, role.owns_tables) == ("haru_app", False, False)


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


def test_the_image_holds_every_program_and_runs_as_a_user_of_its_own() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "tools"}
    modules = {path.name for path in ROOT.glob("*.py")}

    assert allowed >= packages | modules | {"requirements.lock", "tools/__init__.py", "tools/conformance"}
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER [1-9]\d+$", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("text", ["a: {b: c}", "a: yes", "a: &x y", "a: 1\na: 2", "a: b # c", "a:\n   b: 1\n  c: 2"])
def test_the_reader_refuses_what_it_does_not_know(tmp_path: Path, text: str) -> None:
    (tmp_path / "file.yml").write_text(text)

    with pytest.raises(ValueError, match="line"):
        read_compose(tmp_path / "file.yml")
