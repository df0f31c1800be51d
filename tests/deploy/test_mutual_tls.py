"""Compose for real money: Temporal serves only who shows a certificate of its authority, and our programs show it."""

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from temporalio.client import Client

from runtime.embedded.temporal import temporal_binary
from runtime.settings import load_settings
from runtime.temporal_connection import open_to_strangers
from tests.deploy.compose_file import COMPOSE, MUTUAL_TLS, ROOT, SECRETS_GROUP, SERVICES, environment_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("openssl"), reason="root makes the certificates")
CERTIFICATES = ("temporal_ca.crt", "temporal_server.crt", "temporal_client.crt")


def make_secrets(folder: Path) -> dict[str, bytes]:
    script = ["sh", str(ROOT / "deploy" / "create-secrets.sh"), str(folder)]
    subprocess.run(script, check=True, timeout=60)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run-secrets"
    make_secrets(folder)
    return folder


@pytest.fixture
def added(folder: Path) -> Callable[[str], dict[str, str]]:
    """Return what the file for real money adds to a service's environment, with the secrets in a test's folder."""

    def environment(service: str) -> dict[str, str]:
        files = {name: folder / Path(secret["file"]).name for name, secret in MUTUAL_TLS["secrets"].items()}
        given: dict[str, str] = MUTUAL_TLS["services"][service]["environment"]
        return {name: str(files.get(value.removeprefix("/run/secrets/"), value)) for name, value in given.items()}

    return environment


@asynccontextmanager
async def in_front_of(address: str, server: dict[str, str]) -> AsyncIterator[str]:
    """Serve a Temporal server with the server's certificate to clients with one of its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server["TEMPORAL_TLS_FRONTEND_CERT"], server["TEMPORAL_TLS_FRONTEND_KEY"])
    context.load_verify_locations(server["TEMPORAL_TLS_CLIENT1_CA_CERT"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")

    async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_it = await asyncio.open_connection(host, int(port))
        await asyncio.gather(forward(reader, to_it), forward(behind, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"localhost:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def command_line(address: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Ask the server by Temporal's command line, as the namespace job does."""
    given = {"HOME": "/nonexistent", "TEMPORAL_ADDRESS": address, **environment}
    command = [str(temporal_binary("temporal")), "operator", "cluster", "health"]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=60)


async def test_only_clients_with_the_certificate_are_served(
    added: Callable[[str], dict[str, str]],
    temporal_dev_server: str,
    monkeypatch: pytest.MonkeyPatch,
    nothing_configured: None,
) -> None:
    async with in_front_of(temporal_dev_server, added("temporal")) as address:
        for name, value in {**added("worker"), "TEMPORAL_ADDRESS": address}.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()

        worker = await Client.connect(**settings.temporal)
        with_certificate = await asyncio.to_thread(command_line, address, added("temporal-namespace"))
        authority = {
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": added("temporal-namespace")["TEMPORAL_TLS_SERVER_CA_CERT_PATH"]
        }
        without = await asyncio.to_thread(command_line, address, {"TEMPORAL_TLS": "true", **authority})
        assert await worker.service_client.check_health()

    assert open_to_strangers(settings) == ""
    assert (with_certificate.returncode, with_certificate.stdout.strip()) == (0, "SERVING")
    assert without.returncode != 0


def test_without_it_real_money_is_refused(monkeypatch: pytest.MonkeyPatch, nothing_configured: None) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", environment_of("worker")["TEMPORAL_ADDRESS"])

    assert "not encrypted" in open_to_strangers(load_settings())


def test_the_certificates_are_valid_for_the_names(folder: Path, added: Callable[[str], dict[str, str]]) -> None:
    verify = ["openssl", "verify", "-CAfile", str(folder / "temporal_ca.crt")]
    server = added("temporal")
    names = {server["TEMPORAL_TLS_FRONTEND_SERVER_NAME"], server["TEMPORAL_TLS_INTERNODE_SERVER_NAME"]}

    assert names == {added("temporal-ui")["TEMPORAL_TLS_SERVER_NAME"]} == {"temporal"} <= set(SERVICES)
    # The server's own parts are its clients too.
    for purpose, file in (("sslserver", "server"), ("sslclient", "server"), ("sslclient", "client")):
        name = ["-verify_hostname", "temporal"] if purpose == "sslserver" else []
        subprocess.run([*verify, "-purpose", purpose, *name, str(folder / f"temporal_{file}.crt")], check=True)


@pytest.mark.parametrize("lost", [*CERTIFICATES, "temporal_server.key", "temporal_client.key"])
def test_what_is_lost_is_made_again_as_a_whole(folder: Path, lost: str) -> None:
    before = make_secrets(folder)
    (folder / lost).unlink()

    after = make_secrets(folder)

    assert before.keys() == after.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {*CERTIFICATES, "temporal_server.key", "temporal_client.key"}


@pytest.mark.parametrize("name", MUTUAL_TLS["services"])
def test_a_service_reads_the_secrets_that_its_environment_names(name: str) -> None:
    service = MUTUAL_TLS["services"][name]
    group = service.get("group_add", []) + SERVICES[name].get("group_add", [])

    named = {value.rpartition("/")[2] for value in service["environment"].values() if value.startswith("/run/")}
    assert set(service) <= {"environment", "secrets", "group_add"}
    assert named == set(service["secrets"]) <= set(MUTUAL_TLS["secrets"])
    assert str(SECRETS_GROUP) in group
    assert not set(service["environment"]) & set(SERVICES[name]["environment"])
    assert not set(MUTUAL_TLS["secrets"]) & set(COMPOSE["secrets"])
